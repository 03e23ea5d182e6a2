"""Subscriptions are decided, given and taken back by managers, several at once: deciding one is a set of one.

All that can be done is done, in a number of queries that does not grow with the lines; the rest is skipped, each with
its ActionError.
"""

from django.db import transaction

from attachments.actions.rows import lock_structures
from attachments.models import Role
from history.models import Event
from plumbing.batches import Batch
from plumbing.errors import ActionError, AlreadyDone
from plumbing.reach import held_among
from spaces import emails
from spaces.actions.openings import open_for
from spaces.actions.rows import (
    Status,
    begin,
    check_line,
    decide_rows,
    journal,
    live_by_key,
    lock_rows,
    places_of,
)
from spaces.models import StructureSpace


class _Desk:
    """What one manager may do on these structures, locked by the caller, and what is there.

    `asked` are the (structure, space) that people ask for: those alone are opened with the lines that need it, by who
    may, both levels at once. What is merely given opens nothing, were it open a moment ago.
    """

    def __init__(self, actor, structures, pairs, asked=()):
        self.actor = actor
        self.decided = held_among("attachments.decide_subscriptions", actor, structures)
        self.opens = held_among("attachments.open_spaces", actor, structures)
        self.places = places_of({*pairs, *((actor.pk, structure) for structure in structures)})
        rows = StructureSpace.objects.current().filter(structure__in=structures).order_by()
        self.opened = {}
        for structure, space in rows.values_list("structure", "space"):
            self.opened.setdefault(structure, set()).add(space)
        self.asked, self.to_open = set(asked), {}

    def check(self, row):
        """Whether the manager may decide this line or Line."""
        structure = row.structure
        if structure.pk not in self.decided:
            raise ActionError("not_decider", f"Vous ne décidez pas des abonnements de {structure}.")
        own = self.places.get((self.actor.pk, structure.pk))
        if row.user.pk == self.actor.pk and (own is None or own.role != Role.PRINCIPAL):
            raise ActionError("own_request", "Nul ne décide de son propre abonnement.")

    def check_taken(self, row):
        """What a principal manager has or asks for is no secondary's to take."""
        self.check(row)
        place = self.places.get((row.user.pk, row.structure.pk))
        above = place is not None and place.role == Role.PRINCIPAL
        if above and self.actor.pk != row.user.pk and not self.actor.is_staff:
            raise ActionError("above_actor", f"{row.user} est gestionnaire principal : nul autre n'en décide.")

    def check_given(self, row):
        self.check(row)
        structure, space = row.structure, row.space
        opened = self.opened.setdefault(structure.pk, set())
        needed = not space.is_open_everywhere and space.pk not in opened
        opens = needed and structure.pk in self.opens and (structure.pk, space.pk) in self.asked
        check_line(row, self.places.get((row.user.pk, structure.pk)), opened | {space.pk} if opens else opened)
        if opens:
            self.to_open[structure.pk, space.pk] = structure, space

    def open_what_is_needed(self):
        for structure, space in self.to_open.values():
            open_for(structure, [space], actor=self.actor)


@transaction.atomic
def approve(subscription_ids, *, actor, comment="", tells=True):
    """Give what these people asked for, and tell each once, unless the caller does: a Batch.

    A space asked for together with its opening is opened, by who may: nobody else gets it by that.
    """
    rows, desk, batch = _lock(subscription_ids, actor)
    rows = batch.passing(batch.passing(rows, _check_pending), desk.check_given)
    desk.open_what_is_needed()
    decide_rows(rows, Status.APPROVED, actor=actor, reason=comment.strip())
    journal(Event.SUBSCRIPTION_APPROVED, rows, actor=actor)
    if tells:
        emails.send_subscriptions_decided(rows, by=actor, comment=comment.strip())
    batch.done.extend(rows)
    return batch


@transaction.atomic
def refuse(subscription_ids, *, actor, reason, tells=True):
    """Refuse what these people asked for, for one reason, and tell each once, unless the caller does: a Batch.

    ActionError without a reason.
    """
    reason = reason.strip()
    if not reason:
        raise ActionError("reason_missing", "Indiquez le motif du refus : il est envoyé au demandeur.", field="reason")
    rows, desk, batch = _lock(subscription_ids, actor)
    rows = batch.passing(batch.passing(rows, _check_pending), desk.check_taken)
    decide_rows(rows, Status.REFUSED, actor=actor, reason=reason)
    journal(Event.SUBSCRIPTION_REFUSED, rows, actor=actor, reason=reason)
    if tells:
        emails.send_subscriptions_decided(rows, by=actor, reason=reason)
    batch.done.extend(rows)
    return batch


@transaction.atomic
def give(lines, *, actor, comment="", asked=(), reference=None, tells=True):
    """Give these Lines, asked for or not: a Batch. What waits is approved; what somebody has already says nothing.

    `asked` are the (structure, space) by their ids that may be opened for it; `reference` the dossier all are of.
    """
    lines = list(dict.fromkeys(lines))
    people, structures = {line.user.pk for line in lines}, {line.structure.pk for line in lines}
    locked = lock_structures(structures)
    lines = [line._replace(structure=locked[line.structure.pk]) for line in lines]
    live, batch, comment = live_by_key(people, structures), Batch.empty(), comment.strip()
    desk = _Desk(actor, locked, {line.key[:2] for line in lines}, asked)
    wanted = [line for line in lines if line.key not in live or live[line.key].is_pending]
    wanted = batch.passing(wanted, desk.check_given)
    desk.open_what_is_needed()
    waiting = [live[line.key] for line in wanted if line.key in live]
    decide_rows(waiting, Status.APPROVED, actor=actor, reason=comment)
    new = (line for line in wanted if line.key not in live)
    new = begin(new, status=Status.APPROVED, reason=comment, reference=reference, actor=actor)
    batch.done.extend([*waiting, *new])
    journal(Event.SUBSCRIPTION_APPROVED, batch.done, actor=actor)
    if tells:
        emails.send_subscriptions_decided(batch.done, by=actor, comment=comment)
    return batch


@transaction.atomic
def end(subscription_ids, *, actor, reason=""):
    """Take these lines back from their people, and tell each once: a Batch."""
    rows, desk, batch = _lock(subscription_ids, actor)
    rows = batch.passing(batch.passing(rows, _check_live), desk.check_taken)
    decide_rows(rows, Status.ENDED, actor=actor, reason=reason.strip())
    journal(Event.SUBSCRIPTION_ENDED, rows, actor=actor, reason=reason.strip())
    emails.send_subscriptions_ended(rows, by=actor, reason=reason.strip())
    batch.done.extend(rows)
    return batch


def foresee(rows, *, actor, approving):
    """What `approve`, or `refuse`, would do of these lines now: a Batch. Nothing is locked nor written."""
    desk, batch = _desk_of(rows, actor), Batch.empty()
    check = desk.check_given if approving else desk.check_taken
    batch.done.extend(batch.passing(batch.passing(rows, _check_pending), check))
    return batch


def _lock(subscription_ids, actor):
    rows = lock_rows(subscription_ids)
    return rows, _desk_of(rows, actor), Batch.empty()


def _desk_of(rows, actor):
    asked = {(row.structure_id, row.space_id) for row in rows if row.is_pending}
    return _Desk(actor, {row.structure_id for row in rows}, {row.key[:2] for row in rows}, asked)


def _check_pending(row):
    if not row.is_pending:
        raise AlreadyDone("decided", f"{row.user}, {row} : déjà {row.get_status_display().lower()}.")


def _check_live(row):
    if not row.is_live:
        raise AlreadyDone("over", f"{row.user}, {row} : déjà {row.get_status_display().lower()}.")
