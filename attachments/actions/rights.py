"""What a principal manager leaves to secondary managers, of all a structure's or of one person."""

from django.db import transaction

from attachments.actions.attachments import change_rights
from attachments.actions.notices import hand_over_requests
from attachments.actions.rows import lock, lock_structure
from attachments.models import Right, Role, SecondaryRights
from history.actions import record
from history.data import change_data
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from plumbing.text import of


@transaction.atomic
def leave_rights(structure_id, *, actor, rights):
    """What secondary managers may do on the structure, `rights` being {Right: bool}: the Changes made.

    Raises ActionError when `actor` no longer has a say in it.
    """
    structure = lock_structure(structure_id)
    check_leaves_rights(actor, structure)
    left, _ = SecondaryRights.objects.get_or_create(structure=structure)
    made = write_changes(left, {str(right): value for right, value in rights.items()})
    if made:
        record(Event.SECONDARY_RIGHTS_CHANGED, actor=actor, structure=structure, **change_data(left, made))
        _hand_over(structure, made)
    return made


@transaction.atomic
def leave_personal_rights(attachment_id, *, actor, rights):
    """What one secondary manager may do, {Right: bool, or None for as the structure says}: the Changes made.

    Raises ActionError when `actor` no longer has a say in it, for their own, or for somebody in another role.
    """
    attachment = lock(attachment_id)
    check_leaves_rights(actor, attachment.structure)
    if attachment.user_id == actor.pk:
        raise ActionError("own_rights", "Personne ne règle ses propres droits.")
    if attachment.role != Role.SECONDARY:
        role = attachment.get_role_display().lower()
        raise ActionError("not_secondary", f"{attachment.user} est maintenant {role} : rien à régler ici.")
    made = change_rights(attachment, actor=actor, rights=rights)
    _hand_over(attachment.structure, made)
    return made


def copy_rights(old, new):
    """What is left to secondary managers of `old`, on `new`. Both are locked by the caller."""
    for left in SecondaryRights.objects.filter(structure=old):
        left.pk, left._state.adding, left.structure = None, True, new
        left.save()


def check_leaves_rights(actor, structure):
    """Asked once the structure is locked: who takes the role of principal manager away locks it too."""
    if not actor.has_perm("attachments.leave_rights", structure):
        raise ActionError("right_withdrawn", f"Vous n'êtes plus gestionnaire principal {of(structure)}.")


def _hand_over(structure, made):
    if any(change.name == Right.DECIDE_REQUESTS for change in made):
        hand_over_requests(structure)
