"""« Transmettre »: a structure passes from its principal manager to another one, and back when that is contested.

Locked in one order, as everywhere: the structures by their keys, then the accounts by theirs, then what these people
hold there. So two that cross wait for each other's end, never for each other. All or nothing, in a number of queries
that does not grow with the structures. Each structure's Handover is kept: it is what a contest undoes.
"""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from attachments import emails, events
from attachments.actions.attachments import end_places, give_back, hand_on
from attachments.actions.decisions import answer_by
from attachments.actions.handovers import end_pending
from attachments.actions.places import Place, kept_of
from attachments.actions.rows import lock_accounts, lock_structures
from attachments.models import Attachment, Handover, Role
from history.actions import record_all
from history.models import Event
from plumbing.errors import ActionError, AlreadyDone, ChangedMeanwhile
from plumbing.reach import held_among
from plumbing.references import draw_reference
from plumbing.text import of


@transaction.atomic
def transfer_principal(successors, *, actor, cause="", reference=""):
    """Make each of `successors`, {structure id: user id}, principal manager in place of who is: their Handovers, done.

    The outgoing one stays there as a simple user; the successor is attached if they were not. What was planned for
    these structures is cancelled. Both are mailed, once each, however many structures. Support names one where nobody
    is, too. Raises ActionError when `actor` no longer has the right, or a successor no active account: then nothing is
    done at all.
    """
    structures, people, managed = lock_all(successors, actor)
    check_may(actor, structures)
    for key, structure in structures.items():
        check_successor(people[successors[key]], structure, managed.get(key))
        if key not in managed and not actor.is_staff:
            raise ActionError("no_principal", f"{structure} n'a pas de gestionnaire principal.")
    reference = reference or draw_reference(Handover)
    rows = [
        Handover(
            reference=reference,
            structure=structure,
            outgoing=managed[key].user if key in managed else None,
            successor=people[successors[key]],
            named_by=actor,
        )
        for key, structure in structures.items()
    ]
    end_pending(structures.values(), actor=actor, reason="transferred_before", replaced_by=successors)
    pass_all_on(rows, managed, actor=actor, cause=cause)
    emails.send_transferred(rows, actor=actor)
    return rows


def pass_all_on(rows, managed, *, actor, cause=""):
    """Carry out these Handovers, kept or new, whose structures and people are locked."""
    places = Attachment.objects.lasting().filter(
        structure__in=[row.structure_id for row in rows], user__in=[row.successor_id for row in rows]
    )
    before = {(place.structure_id, place.user_id): place for place in places.prefetch_related("services")}
    now = timezone.now()
    for row in rows:
        place = before.get((row.structure_id, row.successor_id))
        row.role_before, row.place_before = (place.role, kept_of(place)) if place else ("", {})
        row.status, row.done_at = Handover.Status.DONE, now
    reference = rows[0].reference
    handed = [
        (
            managed.get(row.structure_id),
            Place(row.successor, row.structure, role=Role.PRINCIPAL, reference=reference, cause=cause),
        )
        for row in rows
    ]
    risen = hand_on(handed, actor=actor, reference=reference, cause=cause)
    # What they asked for there themselves; of those who were not attached, the beginning of their place sees to it.
    answer_by(risen, actor=actor)
    # Told apart first: once created, they all have keys.
    new, kept = ([row for row in rows if (row.pk is None) is is_new] for is_new in (True, False))
    Handover.objects.bulk_create(new)
    Handover.objects.bulk_update(kept, ["status", "done_at", "role_before", "place_before"])


@transaction.atomic
def undo_transfers(handover_ids, *, actor):
    """Contested: the former principal managers are principal again, and the successors what they were there before.

    All or nothing; what the successors decided meanwhile stays. By who handed over, or support; what support decided,
    by support alone. Raises ActionError when the time for it is over, when the structure was handed on since, or when
    the former manager's account is no longer active.
    """
    found = Handover.objects.filter(pk__in=handover_ids)
    structures, people, managed = lock_all(
        dict(found.values_list("structure", "outgoing")), actor, also=found.values_list("successor", flat=True)
    )
    rows = list(found.order_by("structure").select_for_update(of=("self",)).select_related("named_by"))
    if not structures.keys() >= {row.structure_id for row in rows}:
        raise ChangedMeanwhile("L'identifiant d'une de ces structures vient de changer : recommencez.")
    undoable = set(Handover.objects.undoable().filter(pk__in=handover_ids).values_list("pk", flat=True))
    for row in rows:
        row.structure, row.outgoing = structures[row.structure_id], people.get(row.outgoing_id)
        row.successor = people[row.successor_id]
        check_undoable(row, undoable, actor)
    for role in {row.role_before for row in rows}:
        handed = [
            (managed[row.structure_id], Place(row.outgoing, row.structure, role=Role.PRINCIPAL, cause="contested"))
            for row in rows
            if row.role_before == role
        ]
        # Who was nobody there goes; who managed by the time they were handed it, manages again.
        left_role = Role.SECONDARY if role == Role.SECONDARY else Role.SIMPLE
        hand_on(handed, actor=actor, left_role=left_role, reference=rows[0].reference, cause="contested")
        if not role:
            end_places([place for place, _ in handed], actor=actor, cause="contested")
    given_back = {managed[row.structure_id]: row.place_before for row in rows if row.place_before}
    give_back(given_back, actor=actor, reference=rows[0].reference, cause="contested")
    now = timezone.now()
    Handover.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=Handover.Status.UNDONE, ended_at=now, reason="contested"
    )
    entries = [
        {"subject": row.outgoing, "structure": row.structure, "reference": row.reference, "cause": "contested"}
        for row in rows
    ]
    record_all(Event.TRANSFER_UNDONE, entries, actor=actor)
    end_pending(structures.values(), actor=actor, reason="contested")
    emails.send_transfers_undone(rows, actor=actor)
    events.transfers_undone.send(sender=None, handovers=rows)
    return rows


def check_undoable(row, undoable, actor):
    """That `actor` can undo this one now: `undoable` are the keys of those that still can be."""
    if not actor.is_staff and row.outgoing_id != actor.pk:
        raise ActionError("right_withdrawn", f"Vous ne contestez pas la transmission de {row.structure}.")
    if not row.may_be_undone_by(actor):
        words = (
            f"L'assistance a décidé de la transmission de {row.structure} : elle seule peut la défaire. Écrivez-lui."
        )
        raise ActionError("decided_by_support", words)
    if row.status == Handover.Status.UNDONE:
        raise AlreadyDone("already_undone", f"La transmission de {row.structure} est déjà défaite.")
    if row.pk not in undoable:
        raise ActionError(
            "not_undoable",
            f"La transmission de {row.structure} ne peut plus être défaite : le délai est passé, "
            "ou le rôle a été transmis de nouveau.",
        )
    check_active_account(row.outgoing)


def lock_all(successors, actor, also=()):
    """(structures by key, accounts by key, the principals' places by structure): locked, in that order."""
    structures = lock_structures(successors)
    led = Attachment.objects.current().principal().filter(structure__in=structures)
    people = {*successors.values(), *led.values_list("user", flat=True), *also, *([actor.pk] if actor else [])} - {None}
    people = lock_accounts(people)
    held = Attachment.objects.current().filter(structure__in=structures, user__in=people)
    managed = {}
    for place in held.order_by("pk").select_for_update(of=("self",)):
        if place.role == Role.PRINCIPAL:
            place.structure, place.user = structures[place.structure_id], people[place.user_id]
            managed[place.structure_id] = place
    return structures, people, managed


def check_may(actor, structures):
    """Asked once they are locked: who hands a structure on locks it too."""
    mine = held_among("attachments.transfer_principal", actor, structures)
    for key, structure in structures.items():
        if key not in mine:
            raise ActionError("right_withdrawn", f"Vous n'êtes plus gestionnaire principal {of(structure)}.")


def check_successor(user, structure, place):
    """That `user`, locked, can take over from who holds this principal's place, if anybody does."""
    check_active_account(user)
    if user.is_staff:
        raise ActionError("is_staff", "Un compte de l'assistance ne gère pas de structure.", field="successor")
    if place and place.user_id == user.pk:
        raise ActionError("is_principal", f"{user} est déjà gestionnaire principal {of(structure)}.", field="successor")


def check_active_account(user):
    if user.state != User.State.ACTIVE:
        raise ActionError("not_active", f"Le compte {of(user)} n'est pas actif.", field="successor")
