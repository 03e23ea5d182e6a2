"""Several requests decided at once: all that can be is done, the rest is skipped and said why."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import User
from attachments.actions import approve_requests, foresee, refuse_requests
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
DAY = timedelta(days=1)


@pytest.fixture
def managed():
    structure = StructureFactory()
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    return structure


@pytest.fixture
def manager(managed):
    return managed.attachments.get().user


def ask(structure, **options):
    return AttachmentRequestFactory(structure=structure, **options)


def ask_for(structure, *services, **options):
    request = ask(structure, whole_structure=False, **options)
    request.services.set(services)
    return request


def keys(*requests):
    return [request.pk for request in requests]


def codes(result):
    return {request.pk: refusal.code for request, refusal in result.skipped}


def slugs():
    return sorted(OutgoingMail.objects.values_list("slug", flat=True))


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def test_newcomers_and_active_people_get_what_they_asked_for(managed, manager):
    service, today = ServiceFactory(structure=managed), timezone.localdate()
    newcomer = ask(managed, starts_on=today + DAY, ends_on=today + 30 * DAY)
    active, third = ask_for(managed, service, user=UserFactory()), ask(managed, user=UserFactory(activating=True))
    result = approve_requests(keys(newcomer, active, third), actor=manager)
    assert (result.done, result.skipped) == ([newcomer, active, third], [])
    for request in (newcomer, active, third):
        request.refresh_from_db()
        assert (request.status, request.decided_by) == ("approved", manager)
    held = newcomer.user.attachments.get()
    assert (held.role, held.whole_structure, held.starts_on, held.ends_on) == (
        Role.SIMPLE, True, newcomer.starts_on, newcomer.ends_on
    )  # fmt: skip
    assert list(active.user.attachments.get().services.all()) == [service]
    assert events() == ["attachment_started"] * 3 + ["request_approved"] * 3 + ["account_approved"]
    assert set(HistoryEntry.objects.values_list("actor", flat=True)) == {manager.pk}
    told = {entry.reference: entry for entry in HistoryEntry.objects.filter(event="request_approved")}
    assert told[active.reference].data["services"] == [str(service)]
    assert slugs() == ["activation"] + ["request_approved"] * 3
    assert User.objects.get(pk=newcomer.user_id).state == "activating"
    assert OutgoingMail.objects.get(slug="activation").reference == newcomer.reference


def test_each_that_cannot_be_approved_is_skipped_and_said_why(managed, manager):
    service, other = ServiceFactory(structure=managed), ServiceFactory(structure=managed, is_active=False)
    yesterday = timezone.localdate() - DAY
    elsewhere, inactive = StructureFactory(), StructureFactory(state="inactive")
    AttachmentFactory(user=manager, structure=inactive, role=Role.PRINCIPAL)
    attached = AttachmentFactory(structure=managed).user
    skipped = {
        "already_decided": ask(managed, status="withdrawn", decided_at=timezone.now()),
        "not_decider": ask(elsewhere),
        "own_request": ask(managed, user=manager),
        "structure_inactive": ask(inactive),
        "account_closed": ask(managed, user=UserFactory(state="disabled")),
        "already_attached": ask(managed, user=attached),
        "dates_over": ask(managed, starts_on=yesterday, ends_on=yesterday),
        "service_closed": ask_for(managed, service, other),
        "no_service": ask_for(managed),
    }
    wanted = ask(managed)
    foreseen = foresee(AttachmentRequest.objects.all(), actor=manager, role=Role.SIMPLE)
    before = Attachment.objects.count()
    result = approve_requests(keys(*skipped.values(), wanted), actor=manager)
    assert codes(result) == {request.pk: code for code, request in skipped.items()}
    assert (foreseen.done, codes(foreseen)) == ([wanted], codes(result))
    assert result.done == [wanted]
    assert Attachment.objects.count() == before + 1
    assert slugs() == ["activation", "request_approved"]
    assert AttachmentRequest.objects.pending().count() == len(skipped) - 1


def test_places_held_already_are_widened(managed, manager):
    first, second = ServiceFactory(structure=managed), ServiceFactory(structure=managed)
    held = AttachmentFactory(structure=managed, whole_structure=False, role=Role.SECONDARY)
    held.services.set([first])
    wanted, over = ask_for(managed, second, user=held.user), AttachmentFactory(
        structure=managed, starts_on=timezone.localdate() - 2 * DAY, ends_on=timezone.localdate() - DAY
    )  # fmt: skip
    again = ask(managed, user=over.user)
    assert len(approve_requests(keys(wanted, again), actor=manager).done) == 2
    held.refresh_from_db()
    assert (set(held.services.all()), held.role) == ({first, second}, Role.SECONDARY)
    assert [row.ended_at is None for row in over.user.attachments.order_by("pk")] == [False, True]


@pytest.mark.parametrize(("role", "principal", "code"), [
    (Role.SECONDARY, True, None), (Role.SECONDARY, False, "role_refused"), (Role.PRINCIPAL, True, "role_refused"),
])  # fmt: skip
def test_nobody_gives_a_role_that_is_not_theirs_to_give(managed, manager, role, principal, code):
    actor = manager if principal else AttachmentFactory(structure=managed, role=Role.SECONDARY).user
    result = approve_requests([ask(managed).pk], actor=actor, role=role)
    assert list(codes(result).values()) == [code] * bool(code)


def test_of_two_to_be_principal_of_one_structure_the_second_is_skipped():
    structure, support = StructureFactory(), UserFactory(staff=True)
    first, second, elsewhere = ask(structure), ask(structure), ask(StructureFactory())
    result = approve_requests(keys(first, second, elsewhere), actor=support, role=Role.PRINCIPAL)
    assert (result.done, codes(result)) == ([first, elsewhere], {second.pk: "has_principal"})
    second.refresh_from_db()
    assert second.is_pending


def test_refusing_together_says_one_reason_to_all_and_closes_who_has_nothing_left(managed, manager):
    newcomer, active = ask(managed), ask(managed, user=UserFactory())
    waits = ask(managed)
    ask(StructureFactory(), user=waits.user)
    attached = ask(managed, user=AttachmentFactory(user__activating=True).user)
    late = ask(managed, status="approved", decided_at=timezone.now())
    result = refuse_requests(keys(newcomer, active, waits, attached, late), actor=manager, reason=" Motif ")
    assert (result.done, codes(result)) == ([newcomer, active, waits, attached], {late.pk: "already_decided"})
    assert set(AttachmentRequest.objects.filter(status="refused").values_list("reason", flat=True)) == {"Motif"}
    assert list(User.objects.filter(state="closed")) == [newcomer.user]
    assert events() == ["request_refused"] * 4 + ["account_closed"]
    assert slugs() == ["request_refused"] * 4
    assert all("Motif" in mail.parts()[0] for mail in OutgoingMail.objects.all())


def test_refusing_somebody_s_only_two_requests_together_closes_their_account():
    first = AttachmentRequestFactory()
    second = AttachmentRequestFactory(user=first.user)
    refuse_requests(keys(first, second), actor=UserFactory(staff=True), reason="Non")
    assert User.objects.get(pk=first.user_id).state == "closed"
    assert events().count("account_closed") == 1


def test_somebody_let_in_twice_at_once_gets_one_link():
    first = AttachmentRequestFactory()
    second = AttachmentRequestFactory(user=first.user)
    approve_requests(keys(first, second), actor=UserFactory(staff=True))
    assert slugs() == ["activation", "request_approved", "request_approved"]
    assert OutgoingMail.objects.get(slug="activation").reference == first.reference


def test_an_address_nobody_confirmed_gets_a_few_mails_of_a_kind_however_many_are_written_at_once(settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    first = AttachmentRequestFactory()
    more = [AttachmentRequestFactory(user=first.user) for _ in range(3)]
    refuse_requests(keys(first, *more), actor=UserFactory(staff=True), reason="Non")
    assert slugs() == ["request_refused"] * 2


@pytest.mark.parametrize("reason", ["", "  "])
def test_refusing_together_needs_a_reason(managed, manager, reason):
    with pytest.raises(ActionError, match="motif"):
        refuse_requests([ask(managed).pk], actor=manager, reason=reason)
    assert AttachmentRequest.objects.pending().count() == 1


def approve(requests, actor):
    return approve_requests(keys(*requests), actor=actor)


def refuse(requests, actor):
    return refuse_requests(keys(*requests), actor=actor, reason="Non")


@pytest.mark.parametrize("act", [approve, refuse])
def test_the_number_of_queries_does_not_grow_with_the_requests(managed, manager, act, django_assert_max_num_queries):
    service = ServiceFactory(structure=managed)

    def cost(count):
        requests = [ask_for(managed, service) if number % 2 else ask(managed) for number in range(count)]
        with django_assert_max_num_queries(200) as queries:
            assert len(act(requests, manager).done) == count
        return len(queries)

    # SQLite takes 999 values at once, and each place brings its spaces.
    assert cost(2) == cost(20 if connection.vendor == "postgresql" else 6)
