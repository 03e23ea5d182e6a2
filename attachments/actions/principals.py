"""The principal manager nobody has seen yet: named at registration, or by support, and never activated.

Anybody can register somebody else's company under an address they do not own. So such a principal
manager gets no mail about others, and loses the role after PRINCIPAL_ACTIVATION_DAYS, or at once to
the next registrant of the private structure whose account is active (domain: registration).
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.actions import approve_account, close_never_active
from accounts.models import User
from attachments import emails
from attachments.actions.attachments import attach_or_widen, end
from attachments.actions.handovers import end_pending
from attachments.actions.notices import tell_deciders
from attachments.actions.rows import decide, lock, lock_structures
from attachments.deciders import is_open_to_first_comer
from attachments.models import Attachment, AttachmentRequest, Deputy, Handover, Role
from plumbing.errors import ActionError


def take_over(request):
    """Make the requester principal manager of a structure that has none, or none anybody has seen.

    `request` is locked with its structure.
    """
    cause = "first_to_activate" if drop_unseen_principal(request.structure) else "first_registrant"
    request.whole_structure = True
    request.save(update_fields=["whole_structure"])
    request.services.clear()
    decide([request], AttachmentRequest.Status.APPROVED, actor=None)
    attach_or_widen(
        request.user, request.structure, actor=None, role=Role.PRINCIPAL, reference=request.reference, cause=cause
    )
    emails.send_became_principal(request)
    approve_account(request.user_id, actor=None, reference=request.reference)


def drop_unseen_principal(structure):
    """Take the role from a principal manager nobody has seen, for somebody else to take; whether there was one.

    Called with the structure locked.
    """
    unseen = structure.attachments.current().principal().filter(user__activated_at=None).first()
    if unseen is not None:
        lose_role(unseen.pk)
    return unseen is not None


def lock_structures_of(user_id):
    """Lock the structures where this person has a place, or that are told when this account's state changes.

    Apps above hold a structure while they give somebody something there, and the history of the leaver names it.
    """
    asked = AttachmentRequest.objects.pending().filter(user=user_id).values_list("structure_id", flat=True)
    held = Attachment.objects.current().filter(user=user_id).values_list("structure_id", flat=True)
    stood_in = Deputy.objects.current().filter(deputy=user_id).values_list("structure_id", flat=True)
    awaited = Handover.objects.pending().filter(successor=user_id).values_list("structure_id", flat=True)
    lock_structures({*asked, *held, *stood_in, *awaited})


def settle_on_activation(user):
    """What somebody's first login link brings: the structures nobody else was seen on, and what waited for them.

    Called with the structures of `lock_structures_of` locked.
    """
    for request in user.attachment_requests.pending().select_for_update(of=("self",)).select_related("structure"):
        if is_open_to_first_comer(request.structure):
            take_over(request)
    managed = user.attachments.current().principal().values("structure")
    for request in AttachmentRequest.objects.pending().filter(structure__in=managed).exclude(user=user):
        tell_deciders(request, [user])


def lapse_unactivated_principals():
    """End the role of principal managers who did not activate their account in time; how many."""
    before = timezone.now() - timedelta(days=settings.PRINCIPAL_ACTIVATION_DAYS)
    unseen = Attachment.objects.current().principal().filter(user__activated_at=None, role_since__lt=before)
    return sum(_lapse(pk) for pk in unseen.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _lapse(attachment_id):
    try:
        attachment = lock(attachment_id)
    except ActionError:
        return False
    if attachment.role != Role.PRINCIPAL or attachment.user.was_ever_active:
        return False
    lose_role(attachment_id)
    return True


def lose_role(attachment_id):
    """End the attachment of a principal manager nobody has seen; the account too, when it has nothing else."""
    attachment = end(attachment_id, actor=None, cause="never_activated")
    user = attachment.user
    # Support may have planned one.
    end_pending([attachment.structure], actor=None, reason="outgoing_changed")
    emails.send_role_lost(attachment)
    if user.state != User.State.CLOSED and not (
        user.attachments.current().exists() or user.attachment_requests.pending().exists()
    ):
        close_never_active(user.pk, actor=None, cause="never_activated")
