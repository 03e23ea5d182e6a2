"""Leaving a structure."""

from django.db import transaction

from attachments import emails
from attachments.actions.attachments import end, lock
from attachments.actions.notices import hand_over_requests
from attachments.models import MANAGERS, Role
from plumbing.errors import ActionError


@transaction.atomic
def detach(attachment_id, *, actor):
    """End somebody's place in a structure and tell them.

    Raises ActionError for a principal manager (domain: a successor is designated first), or when it is over.
    """
    attachment = lock(attachment_id)
    if attachment.role == Role.PRINCIPAL:
        raise ActionError(
            "is_principal",
            f"{attachment.user} est gestionnaire principal de {attachment.structure} : "
            "désignez d'abord un autre gestionnaire principal.",
        )
    end(attachment_id, actor=actor)
    emails.send_attachment_ended(attachment)
    if attachment.role in MANAGERS and attachment.user.is_active:
        hand_over_requests(attachment.structure)
