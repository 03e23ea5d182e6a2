"""Who decides on a structure. A principal manager counts once their account has been active (« confirmed »)."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property

from accounts.models import User
from attachments.models import Attachment, AttachmentRequest, Role


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


class Desk:
    """What one person decides. Worked out once a page: its menu and its list ask the same."""

    def __init__(self, user):
        self.user = user

    @cached_property
    def structures(self):
        """The name of each structure they manage today, by its key."""
        managed = self.user.attachments.effective().managers().order_by()
        names = managed.values_list("structure", "structure__label", "structure__legal_name")
        return {key: label or legal_name for key, label, legal_name in names}

    @property
    def awaiting(self):
        """The requests that wait for them."""
        if self.user.is_staff:
            return AttachmentRequest.objects.awaiting(self.user)
        return AttachmentRequest.objects.pending().filter(structure__in=list(self.structures)).exclude(user=self.user)

    @property
    def decided(self):
        """What was decided on their structures, on all for support."""
        decided = AttachmentRequest.objects.decided()
        return decided if self.user.is_staff else decided.filter(structure__in=list(self.structures))

    @cached_property
    def waiting(self):
        """How many requests wait; None for somebody who decides nothing anywhere."""
        return self.awaiting.count() if self.user.is_staff or self.structures else None


def tell_who_decides(requests):
    """Give each of `requests` its `deciders`, people by role, and its `cause`: why there are none, else empty."""
    managing = Attachment.objects.lasting().managers().filter(structure__in={r.structure_id for r in requests})
    managers = {}
    for attachment in managing.select_related("user").order_by("role", "pk"):
        managers.setdefault(attachment.structure_id, []).append(attachment)
    today = timezone.localdate()
    for request in requests:
        there = managers.get(request.structure_id, [])
        acting = [held.user for held in there if held.starts_on <= today and held.user.is_active]
        request.deciders = [person for person in acting if person.pk != request.user_id]
        request.cause = "" if request.deciders else _cause(there, acting)


def _cause(managers, acting):
    principal = next((held for held in managers if held.role == Role.PRINCIPAL), None)
    if acting:
        return "La seule personne qui décide est le demandeur"
    if principal is None:
        return "Aucun gestionnaire principal"
    if not principal.user.was_ever_active:
        return "Le gestionnaire principal n'a jamais activé son compte"
    if principal.user.is_active:
        return f"Le gestionnaire principal ne l'est qu'à partir du {date_format(principal.starts_on, 'j F Y')}"
    return f"Le compte du gestionnaire principal est {principal.user.get_state_display().lower()}"
