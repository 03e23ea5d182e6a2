"""The catalogue of spaces, and which of them are open on which structure."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from attachments.models import Role
from directory.models import Nature
from plumbing.validators import validate_plain_text


class Access(models.TextChoices):
    """What one may do in a space. Neither includes the other: who needs both has two lines."""

    CONSULTATION = "consultation", "Consultation"
    MODIFICATION = "modification", "Modification"


class Grant(models.TextChoices):
    """How people of one role get a space."""

    DEFAULT = "default", "Par défaut"
    SUBSCRIPTION = "subscription", "Sur abonnement"
    NEVER = "never", "Non"


def _grant(role, default=Grant.SUBSCRIPTION):
    return models.CharField(role.label.lower(), max_length=12, choices=Grant, default=default)


class Hindrance(models.TextChoices):
    """Why nobody in some place can have a space at all, be it open there or not."""

    STRUCTURE_INACTIVE = "structure_inactive"
    NOT_OFFERED = "not_offered"
    NOT_FOR_ROLE = "not_for_role"


class SpaceQuerySet(models.QuerySet):
    def offered_to(self, structure):
        """Those a structure of this nature may have at all."""
        return self if structure.nature == Nature.PUBLIC else self.filter(public_only=False)

    def open_everywhere(self):
        """Those some role has by default, and those everybody takes by themselves: nobody opens nor closes them."""
        return self.filter(EVERYWHERE)

    def open_on(self, structure):
        """Those one may have on `structure`: open everywhere, or opened there."""
        return self.offered_to(structure).filter(EVERYWHERE | Q(is_opened(structure.pk)))


class Space(models.Model):
    """A set of functions (« espace »). Kept in the admin: no code knows one by its label."""

    # What other systems, and the settings, call it.
    code = models.SlugField("code", max_length=50, unique=True)
    label = models.CharField("libellé", max_length=100, validators=[validate_plain_text])
    description = models.TextField("description", blank=True, max_length=2000, validators=[validate_plain_text])
    position = models.PositiveSmallIntegerField("ordre", default=100)
    # One column for each role, of its name.
    principal = _grant(Role.PRINCIPAL)
    secondary = _grant(Role.SECONDARY)
    simple = _grant(Role.SIMPLE)
    public_only = models.BooleanField("structures publiques seulement", default=False)
    is_free = models.BooleanField("ajouté et retiré sans validation", default=False)
    # The name of the URL where this portal holds it; empty for a space of another domain.
    route = models.CharField("page du portail", max_length=100, blank=True)

    objects = SpaceQuerySet.as_manager()

    EDITABLE = ("code", "label", "description", "position", *Role.values, "public_only", "is_free")

    class Meta:
        verbose_name = "espace"
        verbose_name_plural = "espaces"
        ordering = ["position", "label", "id"]

    def __str__(self):
        return self.label

    def grant(self, role):
        return Grant(getattr(self, role))

    def is_for(self, role):
        """Whether somebody of this role may have it at all."""
        return self.is_free or self.grant(role) != Grant.NEVER

    def is_asked_by(self, role):
        """Whether somebody of this role gets it by a decision alone."""
        return not self.is_free and self.grant(role) == Grant.SUBSCRIPTION

    @property
    def is_decided(self):
        """Whether somebody gets it by a decision, and not all by their role or by themselves."""
        return any(self.is_asked_by(role) for role in Role)

    @property
    def is_open_everywhere(self):
        return self.is_free or any(self.grant(role) == Grant.DEFAULT for role in Role)

    def is_offered_to(self, structure):
        return structure.nature == Nature.PUBLIC or not self.public_only

    def hindrance(self, place):
        """The Hindrance of whoever is in this place; None when they have it, or may ask for it."""
        if not place.structure.is_active:
            return Hindrance.STRUCTURE_INACTIVE
        if not self.is_offered_to(place.structure):
            return Hindrance.NOT_OFFERED
        return None if self.is_for(place.role) else Hindrance.NOT_FOR_ROLE

    @property
    def address(self):
        """Where another domain holds it, as the setting says; empty when it does not."""
        return settings.SPACE_ADDRESSES.get(self.code, "")


class StructureSpaceQuerySet(models.QuerySet):
    def current(self):
        return self.filter(closed_at__isnull=True)


class StructureSpace(models.Model):
    """A space opened on a structure, until it is closed there."""

    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, related_name="opened_spaces", verbose_name="structure"
    )
    space = models.ForeignKey(Space, models.PROTECT, related_name="openings", verbose_name="espace")
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="ouvert par"
    )
    opened_at = models.DateTimeField("ouvert le", default=timezone.now)
    closed_at = models.DateTimeField("fermé le", null=True, blank=True)

    objects = StructureSpaceQuerySet.as_manager()

    class Meta:
        verbose_name = "espace ouvert"
        verbose_name_plural = "espaces ouverts"
        ordering = ["structure", "space", "-opened_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["structure", "space"],
                condition=Q(closed_at__isnull=True),
                name="structurespace_one_open",
                violation_error_message="Cet espace est déjà ouvert sur cette structure.",
            )
        ]

    def __str__(self):
        return f"{self.space} – {self.structure}"


EVERYWHERE = Q(is_free=True)
for _role in Role.values:
    EVERYWHERE |= Q((_role, Grant.DEFAULT))


def is_opened(structure_id):
    """The condition that somebody opened a space on this structure, and nobody closed it since."""
    opened = StructureSpace.objects.current().filter(space=OuterRef("pk"), structure=structure_id)
    return Exists(opened.order_by())
