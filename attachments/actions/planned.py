"""A hand-over on a day to come: planned by the principal manager or support, carried out by itself, or not.

Locked as in `transfers`: the structures, then the accounts, then the rows.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from attachments import emails
from attachments.actions.handovers import close
from attachments.actions.rows import lock_structures
from attachments.actions.transfers import check_may, check_successor, lock_all, pass_all_on
from attachments.models import FURTHEST_DAYS, Handover
from history.actions import record_all
from history.data import row_data
from history.models import Event
from plumbing.errors import ActionError, AlreadyDone
from plumbing.references import draw_reference

logger = logging.getLogger(__name__)


@transaction.atomic
def plan_handovers(successors, *, actor, takes_effect_on, reference=""):
    """As `transfer_principal`, on a day to come: until then nothing changes, and both can cancel it.

    Raises ActionError as it does, on a day that is not to come, and where a hand-over is planned already.
    """
    today = timezone.localdate()
    if not today < takes_effect_on <= today + timedelta(days=FURTHEST_DAYS):
        words = "Choisissez un jour à venir, d'ici un an. Sans date, la transmission se fait tout de suite."
        raise ActionError("not_to_come", words, field="takes_effect_on")
    structures, people, managed = lock_all(successors, actor)
    check_may(actor, structures)
    planned = Handover.objects.pending().filter(structure__in=structures).select_related("structure", "successor")
    for row in planned[:1]:
        words = f"Une transmission de {row.structure} à {row.successor} est déjà prévue : annulez-la d'abord."
        raise ActionError("has_pending", words)
    reference = reference or draw_reference(Handover)
    rows = []
    for key, structure in structures.items():
        if key not in managed:
            raise ActionError("no_principal", f"{structure} n'a pas de gestionnaire principal.")
        check_successor(people[successors[key]], structure, managed[key])
        rows.append(
            Handover(
                reference=reference,
                structure=structure,
                outgoing=managed[key].user,
                successor=people[successors[key]],
                takes_effect_on=takes_effect_on,
                named_by=actor,
            )
        )
    Handover.objects.bulk_create(rows)
    entries = [
        {
            "subject": row.successor,
            "structure": row.structure,
            "reference": reference,
            **row_data(row, values=("takes_effect_on",)),
        }
        for row in rows
    ]
    record_all(Event.HANDOVER_PLANNED, entries, actor=actor)
    emails.send_handovers_planned(rows, actor=actor)
    return rows


@transaction.atomic
def cancel_handovers(handover_ids, *, actor):
    """By either of both, or support: what is planned will not be. Raises ActionError when it is no longer planned."""
    found = Handover.objects.filter(pk__in=handover_ids)
    lock_structures(found.values_list("structure", flat=True))
    rows = _locked(found)
    for row in rows:
        check_cancellable(row, actor)
    close(rows, Event.HANDOVER_CANCELLED, actor=actor, reason="")
    emails.send_handovers_ended(rows, actor=actor)
    return rows


def check_cancellable(row, actor):
    if not (actor.is_staff or actor.pk in (row.outgoing_id, row.successor_id)):
        raise ActionError("right_withdrawn", f"Vous n'annulez pas la transmission de {row.structure}.")
    if not row.is_pending:
        words = f"La transmission de {row.structure} n'est plus prévue : {row.get_status_display().lower()}."
        raise AlreadyDone("not_pending", words)


def carry_out_due():
    """Hand over what is planned for today or a day before; how many structures changed hands.

    What one act planned is one transaction: whoever dies here has done what is done, and one that fails holds up
    none of the others.
    """
    references = Handover.objects.due().order_by("takes_effect_on", "reference").distinct()
    done = 0
    for reference, _day in list(references.values_list("reference", "takes_effect_on")):
        try:
            done += carry_out(reference)
        except Exception:
            logger.exception("hand-over %s: not carried out, tried again next time", reference)
    return done


@transaction.atomic
def carry_out(reference):
    """Hand over what is due under this reference: how many. What can no more be is stopped; both are told of each."""
    due = Handover.objects.due().filter(reference=reference)
    successors = dict(due.values_list("structure", "successor"))
    structures, people, managed = lock_all(successors, None, also=due.values_list("outgoing", flat=True))
    possible, stopped = [], {}
    for row in _locked(due.filter(structure__in=structures)):
        row.structure, row.successor = structures[row.structure_id], people[row.successor_id]
        row.outgoing = people[row.outgoing_id]
        reason = _hindrance(row, managed.get(row.structure_id))
        if reason:
            stopped.setdefault(reason, []).append(row)
        else:
            possible.append(row)
    for reason, rows in stopped.items():
        _stop(rows, actor=None, reason=reason)
    if possible:
        pass_all_on(possible, managed, actor=None, cause="on_its_day")
        emails.send_transferred(possible, actor=None)
    return len(possible)


def stop_handovers_to(user, *, actor):
    """Their account is deactivated: nothing passes to them any more. The caller locked these structures."""
    _stop(_locked(Handover.objects.pending().filter(successor=user)), actor=actor, reason="successor_unable")


def move_handovers(old, new, *, services):
    """What is planned for `old`, and what can still be contested, goes along to `new`, which takes its place.

    `services` maps the old services' ids to the new ones'. Both are locked by the caller, and people's places copied.
    """
    for row in [*old.handovers.pending(), *old.handovers.undoable()]:
        row.structure = new
        if row.place_before:
            row.place_before["services"] = [services[key] for key in row.place_before["services"]]
        row.save()


def _hindrance(row, place):
    """Why a planned hand-over can no more be; empty when it can."""
    if place is None or place.user_id != row.outgoing_id:
        return "outgoing_changed"
    try:
        check_successor(row.successor, row.structure, place)
    except ActionError:
        return "successor_unable"
    return ""


def _stop(rows, *, actor, reason):
    close(rows, Event.HANDOVER_STOPPED, actor=actor, reason=reason)
    emails.send_handovers_ended(rows, actor=None, reason=reason)


def _locked(rows):
    return list(
        rows.order_by("structure").select_for_update(of=("self",)).select_related("structure", "outgoing", "successor")
    )
