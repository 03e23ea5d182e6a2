"""One's own departures and withdrawals while somebody else decides, on real PostgreSQL connections."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from attachments.actions import (
    approve_request,
    change_role,
    detach,
    leave_structures,
    refuse_request,
    send_request,
    withdraw_request,
)
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.models import Structure
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory
from tests.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 2
DECIDE = {
    "approved": lambda request: approve_request(request.pk, actor=None),
    "refused": lambda request: refuse_request(request.pk, actor=None, reason="Non"),
}


def refusals(answers):
    assert not [answer for answer in answers if isinstance(answer, Exception) and not isinstance(answer, ActionError)]
    return [answer.code for answer in answers if isinstance(answer, ActionError)]


@pytest.mark.parametrize("_round", range(ROUNDS))
@pytest.mark.parametrize("outcome", DECIDE)
def test_a_request_taken_back_while_it_is_decided_is_one_or_the_other(_round, outcome):
    wanted = AttachmentRequestFactory(user=UserFactory())
    answers = at_once(lambda: withdraw_request(wanted.pk, actor=wanted.user), lambda: DECIDE[outcome](wanted))
    assert refusals(answers) == ["already_decided"]
    wanted.refresh_from_db()
    assert wanted.status in ("withdrawn", outcome)
    assert Attachment.objects.count() == (wanted.status == "approved")
    assert HistoryEntry.objects.filter(event__startswith="request_").count() == 1


def test_a_request_taken_back_in_two_tabs_is_taken_back_once():
    wanted = AttachmentRequestFactory(user=UserFactory())
    answers = at_once(*[lambda: withdraw_request(wanted.pk, actor=wanted.user)] * 3)
    assert refusals(answers) == ["already_decided"] * 2
    assert HistoryEntry.objects.count() == OutgoingMail.objects.count() == 1


def test_a_request_taken_back_while_its_structure_takes_another_identifier_is_looked_at_again():
    wanted, new = AttachmentRequestFactory(user=UserFactory()), StructureFactory()

    def move():
        Structure.objects.select_for_update().get(pk=wanted.structure_id)
        AttachmentRequest.objects.filter(pk=wanted.pk).update(structure=new)

    assert meanwhile(move, lambda: withdraw_request(wanted.pk, actor=wanted.user)).code == "structure_moved"


def test_whoever_leaves_while_becoming_principal_either_left_or_stays_principal():
    held = AttachmentFactory(role=Role.SECONDARY)
    departure, _ = answers = at_once(
        lambda: leave_structures(held.user, [held.pk], actor=held.user),
        lambda: change_role(held.pk, actor=None, role=Role.PRINCIPAL),
    )
    held.refresh_from_db()
    if departure.done:
        assert refusals(answers) == ["attachment_over"]
        assert (held.role, held.ended_at is None) == (Role.SECONDARY, False)
    else:
        assert [refusal.code for _, refusal in departure.skipped] == ["is_principal"]
        assert (held.role, held.ended_at) == (Role.PRINCIPAL, None)


def test_whoever_became_principal_meanwhile_stays():
    held = AttachmentFactory()

    def designate():
        Structure.objects.select_for_update().get()
        Attachment.objects.update(role=Role.PRINCIPAL)

    departure = meanwhile(designate, lambda: leave_structures(held.user, [held.pk], actor=held.user))
    assert [refusal.code for _, refusal in departure.skipped] == ["is_principal"]
    assert Attachment.objects.current().get() == held


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_tabs_end_a_place_once(_round):
    held = AttachmentFactory.create_batch(3, user=UserFactory())
    user, keys = held[0].user, [row.pk for row in held]
    answers = at_once(
        lambda: leave_structures(user, keys, actor=user), lambda: leave_structures(user, keys[::-1], actor=user)
    )
    assert sorted(len(departure.done) for departure in answers) == [0, 3]
    assert HistoryEntry.objects.count() == 3
    assert OutgoingMail.objects.count() == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_people_who_leave_the_same_structures_in_other_orders_do_not_cross(_round):
    structures = StructureFactory.create_batch(4)
    people = UserFactory.create_batch(3)
    for number, person in enumerate(people):
        for structure in structures if number % 2 else structures[::-1]:
            AttachmentFactory(user=person, structure=structure)

    def leave(person):
        return lambda: leave_structures(person, [row.pk for row in person.attachments.all()], actor=person)

    assert [len(departure.done) for departure in at_once(*map(leave, people))] == [4] * 3


def test_leaving_takes_its_structures_by_number_whatever_they_are_called():
    """As accounts that end do: in another order, the two could wait for each other for ever."""
    person = UserFactory()
    first, *others = [StructureFactory(legal_name=name) for name in "DCBA"]
    keys = [AttachmentFactory(user=person, structure=structure).pk for structure in (first, *others)]

    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        Structure.objects.select_for_update().get(pk=first.pk)
        leaving = elsewhere.submit(lambda: at_once(lambda: leave_structures(person, keys, actor=person))[0])
        wait_until(somebody_waits)
        free = Structure.objects.filter(pk__in=[structure.pk for structure in others]).order_by("pk")
        assert len(free.select_for_update(skip_locked=True)) == len(others)
    assert len(leaving.result().done) == 4


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone()[0]


def test_whoever_was_detached_meanwhile_hears_it():
    held = AttachmentFactory(user=UserFactory())
    answers = at_once(
        lambda: leave_structures(held.user, [held.pk], actor=held.user), lambda: detach(held.pk, actor=None)
    )
    departure, other = answers
    assert isinstance(other, ActionError) is bool(departure.done)
    assert HistoryEntry.objects.count() == OutgoingMail.objects.count() == 1


def test_whoever_asks_for_more_while_leaving_has_left_and_waits():
    held = AttachmentFactory(whole_structure=False)
    at_once(
        lambda: leave_structures(held.user, [held.pk], actor=held.user),
        lambda: send_request(held.user, held.structure, actor=held.user),
    )
    assert not Attachment.objects.current().exists()
    assert AttachmentRequest.objects.get().is_pending
