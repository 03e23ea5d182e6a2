"""Who decides on a structure. A principal manager counts once their account has been active (« confirmed »)."""

from accounts.models import User
from attachments.models import Attachment, AttachmentRequest


def deciders_of(structure):
    """The people who can decide requests on `structure` today: its managers in force, who can log in."""
    managing = Attachment.objects.effective().managers().filter(structure=structure)
    return User.objects.filter(attachments__in=managing, state=User.State.ACTIVE).order_by("pk")


def confirmed_principal(structure):
    """The person who manages `structure` as principal and has been active; None when there is none."""
    principal = structure.attachments.current().principal().confirmed().select_related("user").first()
    return principal and principal.user


def acting_principal(structure):
    """The principal manager of `structure` in force who can log in; None when there is none."""
    managing = Attachment.objects.effective().principal().filter(structure=structure)
    return User.objects.filter(attachments__in=managing, state=User.State.ACTIVE).first()


def is_open_to_first_comer(structure):
    """Whether the next person to come with an active account becomes principal manager of `structure`.

    So it is on a private structure that has no principal manager, or one nobody has seen while
    nobody else can decide (domain: registration).
    """
    if structure.is_public or not structure.is_active or confirmed_principal(structure):
        return False
    unseen = structure.attachments.current().principal().exists()
    return not unseen or not deciders_of(structure).exists()


def waiting_for(user):
    """How many requests wait for `user`'s decision; None for somebody who decides nothing anywhere."""
    waiting = AttachmentRequest.objects.awaiting(user).count()
    decides = waiting or user.is_staff or user.attachments.effective().managers().exists()
    return waiting if decides else None
