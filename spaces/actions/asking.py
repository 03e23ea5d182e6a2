"""People ask for spaces, take the free ones, and give back what they have."""

from django.db import transaction
from django.utils import timezone

from attachments.actions.rows import lock_structure
from attachments.models import Role
from history.models import Event
from plumbing.batches import Batch
from plumbing.errors import ActionError, AlreadyDone
from spaces.actions.notices import tell_deciders
from spaces.actions.openings import open_for
from spaces.actions.rows import (
    Line,
    Status,
    begin,
    check_line,
    decide_rows,
    journal,
    live_by_key,
    lock_rows,
    places_of,
)
from spaces.models import Space, StructureSpace


@transaction.atomic
def ask(user, structure_id, space_id, *, actor, parts, starts_on=None, comment="", opening=False):
    """Ask for a space on a structure: the new lines, which share a « Dossier n° ».

    `parts` are (service, Access), None for all one is attached to; those asked for or had already are left out.
    `opening` asks for both levels at once: where the space is not open, whoever approves opens it too. Free spaces wait
    for nobody, nor does a principal manager: nobody is above them. Raises ActionError saying which step is missing.
    """
    line, place, opened = _asked(user, structure_id, space_id)
    if starts_on and starts_on < timezone.localdate():
        raise ActionError(
            "starts_past", "La date de début est passée : choisissez aujourd'hui ou après.", field="starts_on"
        )
    if line.space.is_free:
        return _take(line, place, parts, actor=actor, starts_on=starts_on)
    may_be_opened = opened | {line.space.pk} if opening else opened
    new = _new(line, place, may_be_opened, parts)
    rows = begin(new, status=Status.PENDING, starts_on=starts_on, comment=comment.strip())
    journal(Event.SUBSCRIPTION_ASKED, rows, actor=actor)
    if place.role == Role.PRINCIPAL:
        if not line.space.is_open_everywhere and line.space.pk not in opened:
            open_for(line.structure, [line.space], actor=actor)
        decide_rows(rows, Status.APPROVED, actor=actor)
        journal(Event.SUBSCRIPTION_APPROVED, rows, actor=actor)
    else:
        tell_deciders(rows)
    return rows


def _take(line, place, parts, *, actor, starts_on):
    """A space that any user adds without approval."""
    rows = begin(_new(line, place, set(), parts), status=Status.APPROVED, starts_on=starts_on, actor=actor)
    journal(Event.SUBSCRIPTION_APPROVED, rows, actor=actor)
    return rows


def _asked(user, structure_id, space_id):
    """(a line to be made of it, the person's place, the spaces open there), once the structure is locked."""
    structure, space = lock_structure(structure_id), Space.objects.get(pk=space_id)
    place = places_of([(user.pk, structure.pk)]).get((user.pk, structure.pk))
    opened = set(
        StructureSpace.objects.current().filter(structure=structure).values_list("space", flat=True).order_by()
    )
    return Line(user, structure, space), place, opened


def _new(line, place, opened, parts):
    """The lines for `parts`, less those that are live; ActionError when one cannot be, or nothing is left."""
    lines = dict.fromkeys(line._replace(service=service, access=access) for service, access in parts)
    if not lines:
        raise ActionError("no_part", "Cochez au moins un accès : consultation ou modification.", field="parts")
    for asked in lines:
        check_line(asked, place, opened)
    live = live_by_key([line.user.pk], [line.structure.pk], [line.space.pk])
    new = [asked for asked in lines if asked.key not in live]
    if not new:
        raise AlreadyDone("already_asked", f"Vous avez déjà « {line.space} » ainsi, ou vous l'avez déjà demandé.")
    return new


@transaction.atomic
def give_back(subscription_ids, *, actor):
    """« Supprimer »: end one's own lines, or withdraw what waits: a Batch.

    What comes with the role goes with it: only a free space can be given back of those.
    """
    batch = Batch.empty()
    for row in lock_rows(subscription_ids):
        refusal = _kept(row, actor)
        if refusal:
            batch.skipped.append((row, refusal))
        else:
            batch.done.append(row)
    decide_rows(batch.done, Status.ENDED, actor=actor)
    journal(Event.SUBSCRIPTION_ENDED, batch.done, actor=actor)
    return batch


def _kept(row, actor):
    if row.user_id != actor.pk:
        return ActionError("not_own", "Cet abonnement n'est pas le vôtre.")
    if not row.is_live:
        return AlreadyDone("over", f"{row} : déjà désactivé.")
    if not row.may_be_given_back:
        return ActionError("by_default", f"« {row.space} » est donné avec votre rôle : il ne se supprime pas.")
    return None
