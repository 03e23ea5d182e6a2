"""Nobody ever waits on nobody: what nobody else can decide is support's by itself, and the person is told."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actions import deactivate_account
from attachments.actions import change_place, end_what_ran_out, leave_rights, move_dates, send_request
from attachments.models import AttachmentRequest, Deputy, Right, Role
from attachments.tasks import leave_to_support
from notifications.models import OutgoingMail
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = timezone.localdate
PASSED = ["request_to_support", "request_with_support"]


def told():
    return sorted(OutgoingMail.objects.filter(slug__startswith="request_").values_list("slug", flat=True))


@pytest.fixture
def secondary():
    return AttachmentFactory(role=Role.SECONDARY, starts_on=TODAY() - 9 * DAY)


@pytest.fixture
def waiting(secondary):
    return AttachmentRequestFactory(structure=secondary.structure)


def put_off(place):
    terms = {"role": Role.SECONDARY, "whole_structure": True, "services": (), "ends_on": None}
    support = UserFactory(staff=True)
    change_place(place.pk, actor=support, version=place.version, starts_on=TODAY() + DAY, **terms)


ACTS = {
    "deactivated": lambda place: deactivate_account(place.user_id, actor=UserFactory(staff=True)),
    "put off": put_off,
    "put off by support": lambda place: move_dates(place.pk, actor=UserFactory(staff=True), starts_on=TODAY() + DAY),
    "rights": lambda place: leave_rights(
        place.structure_id, actor=UserFactory(staff=True), rights=dict.fromkeys(Right, False)
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_who_decided_no_longer_can(act, secondary, waiting):
    ACTS[act](secondary)
    waiting.refresh_from_db()
    assert waiting.with_support_since
    assert told() == PASSED
    assert waiting in AttachmentRequest.objects.awaiting(UserFactory(staff=True))
    # Nobody is told again, by the sweep or by the next one who leaves.
    leave_to_support()
    assert told() == PASSED


@pytest.mark.parametrize("task", [end_what_ran_out, leave_to_support])
@pytest.mark.parametrize("by", ["attachment", "deputy"])
def test_time_alone_passes_it_on(task, by, secondary, waiting, time_machine):
    if by == "deputy":
        secondary.role = Role.SIMPLE
        led = AttachmentFactory(structure=secondary.structure, role=Role.PRINCIPAL, user__state="disabled")
        stands = {"deputy": secondary.user, "named_by": led.user, "ends_on": TODAY()}
        Deputy.objects.create(structure=secondary.structure, **stands)
    else:
        secondary.ends_on = TODAY()
    secondary.save()
    task()
    assert told() == []
    time_machine.move_to(timezone.now() + DAY)
    task()
    assert told() == PASSED


def test_it_comes_back_and_is_told_of_when_it_leaves_again(secondary, waiting):
    move_dates(secondary.pk, actor=UserFactory(staff=True), starts_on=TODAY() + DAY)
    move_dates(secondary.pk, actor=UserFactory(staff=True), starts_on=TODAY())
    leave_to_support()
    waiting.refresh_from_db()
    assert waiting.with_support_since is None
    move_dates(secondary.pk, actor=UserFactory(staff=True), starts_on=TODAY() + DAY)
    assert told() == sorted(PASSED * 2)


def test_who_asks_where_nobody_decides_is_told_at_once_and_only_then():
    user = UserFactory()
    request = send_request(user, StructureFactory(), actor=user)
    request.refresh_from_db()
    assert request.with_support_since
    leave_to_support()
    assert told() == ["request_sent", "request_to_support"]


def test_the_page_of_ones_requests_says_since_when(client):
    user = UserFactory()
    send_request(user, StructureFactory(), actor=user)
    client.force_login(user)
    assert "votre demande est à l'assistance" in client.get("/mes-rattachements/?vue=demandes").text
