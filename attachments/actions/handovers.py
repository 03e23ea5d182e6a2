"""Hand-overs planned for a day to come, until that day: planned, cancelled, stopped, ended by something else."""

from django.utils import timezone

from attachments import emails
from attachments.models import Handover
from history.actions import record_all
from history.models import Event

_STATUSES = {Event.HANDOVER_CANCELLED: Handover.Status.CANCELLED, Event.HANDOVER_STOPPED: Handover.Status.STOPPED}


def end_pending(structures, *, actor, reason, replaced_by=()):
    """What is planned for these structures, locked by the caller, will not be: both are told.

    But not who takes over at once what was planned for them: `replaced_by` is {structure id: user id}.
    """
    planned = Handover.objects.pending().filter(structure__in=structures).order_by("pk")
    rows = list(planned.select_for_update(of=("self",)).select_related("structure", "outgoing", "successor"))
    close(rows, Event.HANDOVER_CANCELLED, actor=actor, reason=reason)
    told = [row for row in rows if dict(replaced_by).get(row.structure_id) != row.successor_id]
    emails.send_handovers_ended(told, actor=actor, reason=reason)


def close(rows, event, *, actor, reason):
    """End these planned Handovers, cancelled or stopped as the `event` says, and journal it."""
    now = timezone.now()
    Handover.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=_STATUSES[event], ended_at=now, reason=reason
    )
    entries = [
        {"subject": row.successor, "structure": row.structure, "reference": row.reference, "cause": reason}
        for row in rows
    ]
    if entries:
        record_all(event, entries, actor=actor)
