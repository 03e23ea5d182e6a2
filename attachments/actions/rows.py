"""The rows that decide, locked: the Structure first, then the attachment, then the account; and what holds of them."""

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from attachments.models import Attachment, AttachmentRequest
from plumbing.errors import ActionError
from plumbing.text import of
from structures.models import Structure


def lock_structure(structure_id):
    return Structure.objects.select_for_update(of=("self",)).get(pk=structure_id)


def lock_structures(structure_ids):
    """These structures by key, locked in the order of their keys: in others, two people could wait for each other."""
    locked = Structure.objects.filter(pk__in=structure_ids).order_by("pk").select_for_update(of=("self",))
    return {structure.pk: structure for structure in locked}


def lock_structures_with(user_ids):
    """Lock the structures where any of these people holds or asks for something, in the order of their keys."""
    held = Attachment.objects.current().filter(user__in=user_ids)
    asked = AttachmentRequest.objects.pending().filter(user__in=user_ids)
    meant = Q(pk__in=held.values("structure")) | Q(pk__in=asked.values("structure"))
    list(Structure.objects.filter(meant).order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))


def lock_account(user_id):
    """The account, once nobody else can deactivate it: after its structure. ActionError when it is, or closed."""
    user = lock_accounts([user_id])[user_id]
    check_open(user)
    return user


def lock_accounts(user_ids):
    """These accounts by key, locked after their structures, in the order of their keys."""
    locked = User.objects.filter(pk__in=user_ids).order_by("pk").select_for_update(of=("self",))
    return {user.pk: user for user in locked}


def check_open(user):
    if user.state in (User.State.DISABLED, User.State.CLOSED):
        raise ActionError(
            "account_closed",
            f"Le compte {of(user)} est désactivé ou clos : ni rattachement ni rôle ne peut y être ajouté.",
        )


def lock(attachment_id):
    """The attachment, read anew with its structure once nobody else can change either; ActionError when it is over."""
    structure = lock_structure(Attachment.objects.values_list("structure_id", flat=True).get(pk=attachment_id))
    locked = Attachment.objects.select_for_update(of=("self",)).select_related("user").get(pk=attachment_id)
    locked.structure = structure
    if locked.ended_at is not None:
        raise ActionError("attachment_over", f"Le rattachement {of(locked.user)} à {structure} est déjà terminé.")
    return locked


def lock_all(attachment_ids):
    """As `lock`, of several at once, in the order of their structures' keys; those that are over come too."""
    chosen = Attachment.objects.filter(pk__in=attachment_ids).order_by()
    structures = lock_structures(chosen.values("structure"))
    locked = list(chosen.select_for_update(of=("self",)).select_related("user").order_by("pk"))
    for attachment in locked:
        attachment.structure = structures[attachment.structure_id]
    return locked


def check_active(structure):
    if not structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est inactive : personne ne peut s'y rattacher.")


def services_of(structure, whole_structure, services):
    """The services meant, none for the whole structure; ActionError when they make no sense."""
    services = [] if whole_structure else list(services)
    if not whole_structure and not services:
        raise ActionError("no_service", "Choisissez au moins un service, ou la structure entière.")
    if any(service.structure_id != structure.pk for service in services):
        raise ActionError("foreign_service", "Un des services choisis n'appartient pas à cette structure.")
    return services


def decide(requests, status, *, actor, reason=""):
    """Write what became of these requests, locked by the caller; `actor` is None for the portal itself."""
    now = timezone.now()
    written = {"status": status, "decided_by": actor, "decided_at": now, "reason": reason}
    AttachmentRequest.objects.filter(pk__in=[request.pk for request in requests]).update(**written)
    for request in requests:
        for name, value in written.items():
            setattr(request, name, value)
