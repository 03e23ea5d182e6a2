"""What a transfer must not let happen: who plans, what goes stale, what a contest takes back, what is told to whom."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from attachments.actions import carry_out_due, transfer_principal, undo_transfers
from attachments.models import Attachment, Handover, Role
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import meanwhile
from tests.attachments.test_transfers import both, let_the_day_come, mails, plan, refusal, roles
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def me():
    return UserFactory(last_name="Sortant")


@pytest.fixture
def successor():
    return UserFactory(last_name="Entrant")


@pytest.fixture
def structure(me):
    return AttachmentFactory(user=me, role=Role.PRINCIPAL).structure


@pytest.mark.parametrize("who", ["the successor", "a secondary manager", "who managed before"])
def test_nobody_plans_what_is_not_theirs_to_hand_over(who, me, successor, structure):
    actor = successor
    if who == "a secondary manager":
        actor = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    elif who == "who managed before":
        actor, other = me, UserFactory()
        transfer_principal({structure.pk: other.pk}, actor=me)
    assert refusal(plan, [structure], successor, actor) == "right_withdrawn"
    assert not Handover.objects.pending().exists()


def test_nothing_passes_in_the_name_of_who_was_replaced(me, successor, structure):
    """Past every action, which would have ended what was planned: on the day, another one manages."""
    plan([structure], successor, me)
    me.attachments.update(role=Role.SIMPLE)
    other = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    let_the_day_come()
    assert carry_out_due() == 0
    assert roles(structure) == {me: Role.SIMPLE, other: Role.PRINCIPAL}
    row = Handover.objects.get()
    assert (row.status, row.reason) == ("stopped", "outgoing_changed")


def test_a_contest_ends_what_the_successor_planned(me, successor, structure):
    (row,) = transfer_principal({structure.pk: successor.pk}, actor=me)
    plan([structure], other := UserFactory(), successor)
    OutgoingMail.objects.all().delete()
    undo_transfers([row.pk], actor=me)
    assert not Handover.objects.pending().exists()
    assert mails() == sorted([*both("handover_ended", successor, other), *both("transfer_undone", me, successor)])


@pytest.mark.parametrize("why", ["nobody managed", "handed on and back"])
def test_what_gives_nothing_back_is_not_undone(why, me, successor, structure):
    staff = UserFactory(staff=True)
    if why == "nobody managed":
        structure = StructureFactory()
        (row,) = transfer_principal({structure.pk: successor.pk}, actor=staff)
    else:
        (row,) = transfer_principal({structure.pk: successor.pk}, actor=me)
        transfer_principal({structure.pk: (other := UserFactory()).pk}, actor=successor)
        transfer_principal({structure.pk: successor.pk}, actor=other)
    assert refusal(undo_transfers, [row.pk], actor=staff) == "not_undoable"
    assert roles(structure)[successor] == Role.PRINCIPAL


def test_the_successor_has_it_all_from_today(me, successor, structure):
    """A place to come begins, and what they asked for there themselves is answered."""
    today = timezone.localdate()
    place = AttachmentFactory(user=successor, structure=structure, starts_on=today + 30 * DAY, ends_on=today + 60 * DAY)
    waiting = AttachmentRequestFactory(user=successor, structure=structure)
    transfer_principal({structure.pk: successor.pk}, actor=me)
    place.refresh_from_db()
    waiting.refresh_from_db()
    assert (place.role, place.starts_on, place.ends_on) == (Role.PRINCIPAL, today, None)
    assert waiting.status == "approved"


def test_each_is_told_what_they_are_and_who_was_never_seen_nothing(me, successor, structure):
    unseen = AttachmentFactory(user=UserFactory(pending=True), role=Role.PRINCIPAL)
    transfer_principal({unseen.structure_id: successor.pk}, actor=UserFactory(staff=True))
    assert mails() == both("transferred", successor)
    OutgoingMail.objects.all().delete()
    transfer_principal({structure.pk: successor.pk}, actor=me)
    subjects = dict(OutgoingMail.objects.values_list("to", "subject"))
    assert "n'êtes plus gestionnaire" in subjects[me.email].replace("’", "'")
    assert "Vous êtes gestionnaire" in subjects[successor.email]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_a_place_that_is_ending_hands_nothing_on(me, successor, structure):
    """Whoever writes the row alone, as a repair by hand would: the transfer waits, and reads it again."""
    place = Attachment.objects.filter(user=me)
    chosen = {structure.pk: successor.pk}
    refused = meanwhile(lambda: place.update(ended_at=timezone.now()), lambda: transfer_principal(chosen, actor=me))
    assert isinstance(refused, ActionError)
    assert roles(structure) == {}
