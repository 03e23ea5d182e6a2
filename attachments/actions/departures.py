"""Leaving structures."""

from django.db import transaction

from attachments import emails
from attachments.actions.attachments import end
from attachments.actions.notices import hand_over_requests
from attachments.actions.rows import lock
from attachments.models import MANAGERS, Role
from plumbing.batches import Batch
from plumbing.errors import ActionError
from plumbing.text import of
from structures.models import Structure


@transaction.atomic
def detach(attachment_id, *, actor, reason=""):
    """End somebody's place in a structure and tell them, with the `reason` if one is given.

    Raises ActionError for a principal manager (domain: a successor is designated first), when it is over, or when
    `actor` no longer has a say in it.
    """
    attachment = lock_to_change(attachment_id, actor)
    attachment = end(attachment.pk, actor=actor, reason=reason)
    emails.send_attachments_ended(attachment.user, [attachment], reason=reason)
    _hand_over(attachment)
    return attachment


def lock_to_change(attachment_id, actor):
    """`lock`; ActionError when it is a principal manager's, or `actor` (None: the portal) has no say in it.

    Asked once the structure is locked: who withdraws a right, or gives the person another role, locks it too.
    """
    attachment = lock(attachment_id)
    _refuse_principal(attachment, actor)
    if actor is not None and not actor.has_perm("attachments.change_place", attachment):
        told = f"Vous ne changez pas, ou plus, le rattachement {of(attachment.user)}."
        raise ActionError("right_withdrawn", told)
    return attachment


@transaction.atomic
def leave_structures(user, attachment_ids, *, actor):
    """End those of `user`'s own places, and tell them in one mail: a Batch.

    Those that are over, or where a successor must be designated first, are left as they are and said to be.
    """
    chosen = user.attachments.filter(pk__in=attachment_ids)
    # By number, as everybody who locks several: in other orders, two could wait for each other for ever.
    held = Structure.objects.filter(pk__in=chosen.values("structure")).order_by("pk")
    list(held.select_for_update(of=("self",)).values_list("pk", flat=True))
    departure = Batch.empty()
    for attachment in chosen.select_related("structure", "user").order_by("structure_id"):
        try:
            _refuse_principal(lock(attachment.pk), actor)
            departure.done.append(end(attachment.pk, actor=actor))
        except ActionError as refusal:
            departure.skipped.append((attachment, refusal))
    if departure.done:
        emails.send_attachments_ended(user, departure.done, by_self=actor == user)
    for attachment in departure.done:
        _hand_over(attachment)
    return departure


def _refuse_principal(attachment, actor):
    if attachment.role == Role.PRINCIPAL:
        who = "Vous êtes" if actor == attachment.user else f"{attachment.user} est"
        raise ActionError(
            "is_principal",
            f"{who} gestionnaire principal {of(attachment.structure)} : "
            "désignez d'abord un autre gestionnaire principal.",
        )


def _hand_over(attachment):
    # Of a simple user who stood in, the end of the suppléance saw to it.
    if attachment.role in MANAGERS and attachment.user.is_active:
        hand_over_requests(attachment.structure)
