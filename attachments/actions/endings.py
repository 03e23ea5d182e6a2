"""Places that end by their dates. The dates are compared when read; what is told of them, and to whom, is here."""

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format

from attachments import emails
from attachments.actions.attachments import change_ends, end_run_out, note_warned
from attachments.actions.deputies import end_deputies
from attachments.actions.notices import hand_over_requests
from attachments.actions.rows import lock_all, lock_structure
from attachments.deciders import managers_of
from attachments.models import MANAGERS, Attachment, AttachmentRequest, Deputy, soon
from plumbing.batches import Batch
from plumbing.errors import ActionError
from plumbing.reach import reach
from plumbing.text import of

CHANGE = "attachments.change_place"


def extend(attachment_id, *, actor, ends_on):
    """`extend_places`, of one: the attachment. Raises ActionError where that would leave it as it is."""
    return extend_places([attachment_id], actor=actor, ends_on=ends_on).only


@transaction.atomic
def extend_places(attachment_ids, *, actor, ends_on):
    """« Prolonger »: give these attachments a later last day (None: no end), and tell their people: a Batch.

    In a number of queries that does not grow with them. Those that end later already, have no end or are over, or that
    `actor` no longer has a say in, are left as they are and said to be.
    """
    result, attachments = Batch.empty(), lock_all(attachment_ids)
    mine = _changeable_by(actor, attachments)
    able = result.passing(attachments, lambda attachment: _check_extended(attachment, mine))
    later = result.passing(able, lambda attachment: _check_later(attachment, ends_on))
    if later:
        change_ends(later, actor=actor, ends_on=ends_on)
        emails.send_attachments_extended(later)
    return Batch(later, result.skipped)


def foresee_extension(attachments, *, actor):
    """A Batch of what `extend_places` would do of these, with a day late enough: only reads."""
    result = Batch.empty()
    mine = _changeable_by(actor, attachments)
    return Batch(result.passing(attachments, lambda attachment: _check_extended(attachment, mine)), result.skipped)


def _check_extended(attachment, mine):
    """ActionError unless it has an end to come, and is among `mine`: those whose dates one may change."""
    whose = of(attachment.user)
    if attachment not in mine:
        raise ActionError("right_withdrawn", f"Vous ne changez pas, ou plus, les dates {whose}.")
    if attachment.standing == attachment.Standing.OVER:
        raise ActionError("attachment_over", f"Le rattachement {whose} est déjà terminé.")
    if attachment.ends_on is None:
        raise ActionError("no_end", f"Le rattachement {whose} n'a pas de date de fin.")


def _check_later(attachment, ends_on):
    if ends_on and ends_on <= attachment.ends_on:
        held = f"Le rattachement {of(attachment.user)} dure déjà jusqu'au {date_format(attachment.ends_on, 'j F Y')}"
        raise ActionError("not_later", f"{held} : choisissez un jour après.", field="ends_on")


def warn_of_endings():
    """Tell of each place that ends within ATTACHMENT_ENDING_DAYS, once for each last day it is given; how many.

    The person is told, and whoever attaches people there: one mail for all that ends in their structure.
    """
    return sum(_warn_in(pk) for pk in _structures_of(_to_warn()))


def end_what_ran_out():
    """Journal and mail what its dates ended, and see to the requests nobody is left to decide; how many places."""
    ended = sum(_end_in(pk) for pk in _structures_of(_run_out()))
    for pk in _structures_of(_deputies_run_out()):
        _end_deputy_in(pk)
    return ended


def leave_to_support():
    """What time alone left to support (a right or a place that ran out, and whatever no act saw to) is told.

    Those that somebody of the structure can decide again are theirs.
    """
    for pk in _structures_of(AttachmentRequest.objects.untold_to_support()):
        _leave_in(pk)
    pending = AttachmentRequest.objects.pending()
    back = pending.filter(with_support_since__isnull=False).exclude(pk__in=pending.without_decider().values("pk"))
    back.update(with_support_since=None)


@transaction.atomic
def _leave_in(structure_id):
    hand_over_requests(lock_structure(structure_id))


def _to_warn():
    return Attachment.objects.lasting().to_warn(soon())


def _run_out():
    return Attachment.objects.current().filter(ends_on__lt=timezone.localdate())


def _deputies_run_out():
    return Deputy.objects.current().filter(ends_on__lt=timezone.localdate())


def _structures_of(rows):
    """Their structures' ids: a transaction each, so that whoever dies here has done what is done."""
    return list(rows.order_by("structure").values_list("structure", flat=True).distinct())


@transaction.atomic
def _warn_in(structure_id):
    structure = lock_structure(structure_id)
    ending = list(_to_warn().filter(structure=structure).select_related("user").order_by("ends_on", "pk"))
    for attachment in ending:
        attachment.structure = structure
    active = [attachment for attachment in ending if attachment.user.is_active]
    theirs = {manager: _changeable_by(manager, ending) for manager in managers_of(structure).attachers}
    emails.send_places_ending(active, theirs)
    note_warned(ending)
    for manager, attachments in theirs.items():
        if attachments:
            emails.send_attachments_ending(structure, attachments, manager=manager)
    return len(ending)


def _changeable_by(manager, attachments):
    keys = {attachment.pk for attachment in attachments}
    mine = set(Attachment.objects.filter(reach(CHANGE, manager), pk__in=keys).values_list("pk", flat=True))
    return [attachment for attachment in attachments if attachment.pk in mine]


@transaction.atomic
def _end_in(structure_id):
    structure = lock_structure(structure_id)
    ended = end_run_out(structure)
    for attachment in ended:
        emails.send_attachments_ended(attachment.user, [attachment], by_dates=True)
    if any(attachment.role in MANAGERS for attachment in ended):
        hand_over_requests(structure)
    return len(ended)


@transaction.atomic
def _end_deputy_in(structure_id):
    structure = lock_structure(structure_id)
    end_deputies(
        list(_deputies_run_out().filter(structure=structure).select_related("deputy", "structure")),
        actor=None,
        cause="dates_over",
    )
