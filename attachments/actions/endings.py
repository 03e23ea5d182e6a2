"""Places that end by their dates. The dates are compared when read; what is told of them, and to whom, is here."""

from django.db import transaction
from django.utils import timezone

from attachments import emails
from attachments.actions.attachments import change_dates, end_run_out, note_warned
from attachments.actions.deputies import end_deputies
from attachments.actions.notices import hand_over_requests
from attachments.actions.rows import lock, lock_structure
from attachments.deciders import managers_of
from attachments.models import MANAGERS, Attachment, AttachmentRequest, Deputy, soon
from plumbing.errors import ActionError
from plumbing.reach import reach
from plumbing.text import of


@transaction.atomic
def move_dates(attachment_id, *, actor, **dates):
    """Support's `change_dates`: who decided there may no longer."""
    attachment = change_dates(attachment_id, actor=actor, **dates)
    if attachment.role in MANAGERS:
        hand_over_requests(attachment.structure)
    return attachment


@transaction.atomic
def extend(attachment_id, *, actor, ends_on):
    """« Prolonger »: give an attachment a later last day (None: no end), and tell the person.

    Raises ActionError when it ends later already or is over, or when `actor` no longer has a say in it.
    """
    attachment = lock(attachment_id)
    if not actor.has_perm("attachments.change_place", attachment):
        raise ActionError("right_withdrawn", f"Vous ne changez plus les dates {of(attachment.user)}.")
    if attachment.standing == attachment.Standing.OVER:
        raise ActionError("attachment_over", f"Le rattachement {of(attachment.user)} est déjà terminé.")
    if attachment.ends_on is None:
        raise ActionError("no_end", f"Le rattachement {of(attachment.user)} n'a pas de date de fin.")
    if ends_on and ends_on <= attachment.ends_on:
        raise ActionError("not_later", "Choisissez un jour après l'actuelle date de fin.", field="ends_on")
    attachment = change_dates(attachment_id, actor=actor, ends_on=ends_on)
    emails.send_attachment_extended(attachment)
    return attachment


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
    mine = Attachment.objects.filter(reach("attachments.change_place", manager), pk__in=keys)
    mine = set(mine.values_list("pk", flat=True))
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
