"""What must always hold: broken by hand, beside the actions, each is named; and the command and the night say so."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import User
from attachments.invariants import INVARIANTS, broken
from attachments.models import Attachment, AttachmentRequest, Deputy, Handover, Role
from attachments.tasks import check_invariants
from notifications.models import OutgoingMail
from plumbing.references import new_reference
from spaces.models import Space
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    SubscriptionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = timezone.localdate


def led(**values):
    return AttachmentFactory(role=Role.PRINCIPAL, **values)


def asked(**values):
    """By somebody, where somebody else decides."""
    return AttachmentRequestFactory(structure=led().structure, **values)


def planned(place, **values):
    values = {"successor": UserFactory(), "outgoing": place.user, "takes_effect_on": TODAY() + DAY} | values
    return Handover.objects.create(
        reference=new_reference(), structure=place.structure, named_by=UserFactory(), **values
    )


def stood_in(place=None, **values):
    place = place or led()
    values = {"deputy": AttachmentFactory(structure=place.structure).user, "ends_on": TODAY() + DAY} | values
    return Deputy.objects.create(structure=place.structure, named_by=place.user, **values)


def only_in_name(row):
    row.services.add(ServiceFactory(structure=row.structure))
    return row


def elsewhere(row):
    row.services.add(ServiceFactory())
    return row


def lost(place):
    Attachment.objects.filter(pk=place.pk).update(ended_at=timezone.now() + DAY)
    return place.structure


def subscribed(code="mon-compte", place=None, **values):
    place = place or AttachmentFactory()
    values = {"user": place.user, "structure": place.structure, "space": Space.objects.get(code=code)} | values
    return SubscriptionFactory(**values)


def again(row, **values):
    """The same row once more, as the database refuses it."""
    row.pk, row._state.adding = None, True
    for name, value in values.items():
        setattr(row, name, value)
    row.save()
    return row


BY_HAND = {
    "subscriptions_without_a_place": lambda: subscribed(user=UserFactory()),
    "subscriptions_to_foreign_services": lambda: subscribed(service=ServiceFactory()),
    "subscriptions_to_closed_spaces": lambda: subscribed("engagements"),
    "subscriptions_asked_by_disabled_accounts": lambda: subscribed(
        place=AttachmentFactory(user__state=User.State.DISABLED), status="pending"
    ),
    "structures_left_without_principal": lambda: lost(led()),
    "principals_of_disabled_accounts": lambda: led(user__state=User.State.DISABLED),
    "attachments_to_foreign_services": lambda: elsewhere(AttachmentFactory(whole_structure=False)),
    "attachments_to_nothing": lambda: only_in_name(led()),
    "attachments_run_out": lambda: AttachmentFactory(starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY),
    "attachments_of_closed_accounts": lambda: AttachmentFactory(user=UserFactory(closed=True)),
    "requests_for_foreign_services": lambda: elsewhere(asked(whole_structure=False)),
    "decisions_without_date": lambda: asked(status="withdrawn"),
    "requests_of_disabled_accounts": lambda: asked(user=UserFactory(state=User.State.DISABLED)),
    "requests_for_what_is_held": lambda: AttachmentRequestFactory(
        user=(place := AttachmentFactory(structure=led().structure)).user, structure=place.structure
    ),
    "requests_that_wait_on_nobody": lambda: AttachmentRequestFactory(),
    "handovers_to_inactive_accounts": lambda: planned(led(), successor=UserFactory(activating=True)),
    "handovers_by_somebody_else": lambda: planned(led(), outgoing=UserFactory()),
    "handovers_overdue": lambda: planned(led(), takes_effect_on=TODAY() - DAY),
    "deputies_run_out": lambda: stood_in(starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY),
    "deputies_of_nobody": lambda: stood_in(named_at=timezone.now() - DAY),
    "deputies_without_a_place": lambda: stood_in(place := led(), deputy=place.user),
    "deputies_of_disabled_accounts": lambda: stood_in(
        place := led(), deputy=AttachmentFactory(structure=place.structure, user__state=User.State.DISABLED).user
    ),
}
# What the database holds by itself: (model, the constraint that goes, the row).
HELD = {
    "principals_side_by_side": (Attachment, "attachment_one_principal", lambda: again(led(), user=UserFactory())),
    "principals_bounded": (Attachment, "attachment_principal_unbounded", lambda: led(ends_on=TODAY())),
    "attachments_side_by_side": (Attachment, "attachment_one_per_user", lambda: again(AttachmentFactory())),
    "attachments_ending_before_they_begin": (
        Attachment,
        "attachment_dates_in_order",
        lambda: AttachmentFactory(ended_at=timezone.now(), ends_on=TODAY() - DAY),
    ),
    "requests_side_by_side": (
        AttachmentRequest,
        "attachmentrequest_one_open",
        lambda: again(asked(), reference=new_reference()),
    ),
    "requests_ending_before_they_begin": (
        AttachmentRequest,
        "attachmentrequest_dates_in_order",
        lambda: asked(ends_on=TODAY() - DAY),
    ),
    "refusals_without_reason": (
        AttachmentRequest,
        "attachmentrequest_refused_with_reason",
        lambda: asked(status="refused", decided_at=timezone.now()),
    ),
    "handovers_side_by_side": (Handover, "handover_one_pending", lambda: again(planned(led()))),
    "handovers_done_without_date": (Handover, "handover_done_is_dated", lambda: planned(led(), status="done")),
    "deputies_side_by_side": (Deputy, "deputy_one_per_structure", lambda: again(stood_in())),
    "deputies_ending_before_they_begin": (
        Deputy,
        "deputy_dates_in_order",
        lambda: stood_in(ended_at=timezone.now(), ends_on=TODAY() - DAY),
    ),
}


def test_each_is_tried():
    assert {*BY_HAND, *HELD} == {one.name for one in INVARIANTS}


def test_ordinary_rows_break_none():
    asked()
    planned(led())
    stood_in()
    subscribed()
    AttachmentRequestFactory(with_support_since=timezone.now())
    # Nobody has ever seen this one, and they may lose the role by themselves.
    AttachmentFactory(role=Role.PRINCIPAL, user__activating=True, ended_at=timezone.now())
    lost(led(structure__state="inactive"))
    assert broken() == []


@pytest.mark.parametrize("name", BY_HAND)
def test_what_actions_hold_is_named_once_it_is_broken(name):
    row = BY_HAND[name]()
    assert [(one.name, keys) for one, keys in broken()] == [(name, [row.pk])]


@pytest.mark.parametrize("name", HELD)
def test_what_the_database_holds_is_named_once_it_does_not(name):
    model, constraint, break_it = HELD[name]
    if connection.vendor != "postgresql":
        pytest.skip("SQLite drops a constraint by rebuilding the table, outside a transaction")
    with connection.schema_editor(atomic=False) as editor:
        editor.remove_constraint(model, next(one for one in model._meta.constraints if one.name == constraint))
    row = break_it()
    assert row.pk in {one.name: keys for one, keys in broken()}[name]


def test_the_command_names_each_with_its_rows(capsys):
    call_command("check_invariants")
    assert capsys.readouterr().out == f"Les {len(INVARIANTS)} règles sont tenues.\n"
    waiting = [AttachmentRequestFactory().pk for _ in range(2)]
    with pytest.raises(CommandError) as failure:
        call_command("check_invariants")
    assert (failure.value.returncode, str(failure.value)[:6]) == (1, "1 sur ")
    said = capsys.readouterr().err
    assert "requests_that_wait_on_nobody" in said
    assert f"attachments.AttachmentRequest : {waiting[0]}, {waiting[1]}" in said


def test_support_is_mailed_once_a_night_and_not_told_whom_it_is_about(time_machine):
    check_invariants()
    assert not OutgoingMail.objects.exists()
    person = AttachmentRequestFactory().user
    for _ in range(2):
        check_invariants()
    mail = OutgoingMail.objects.get()
    assert (mail.slug, mail.to) == ("invariants_broken", "assistance@portail.example")
    assert person.last_name not in mail.parts()[0]
    time_machine.move_to(timezone.now() + DAY)
    check_invariants()
    assert OutgoingMail.objects.count() == 2
