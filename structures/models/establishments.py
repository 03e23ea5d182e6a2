from django.db import models
from django.db.models import OuterRef, Q
from django.utils import timezone

from directory.identifiers import IdentifierType
from directory.models import Establishment, EstablishmentQuerySet, Nature, search_indexes
from plumbing.changes import version_of
from plumbing.validators import validate_plain_line


class Requirement(models.TextChoices):
    """What an invoice sent to a public structure must carry."""

    NONE = "none", "Rien de particulier"
    COMMITMENT = "commitment", "Le numéro d'engagement est obligatoire"
    SERVICE = "service", "Le service est obligatoire"
    BOTH = "both", "Le numéro d'engagement et le service sont obligatoires"
    EITHER = "either", "Le numéro d'engagement ou le service est obligatoire"


class Referent(models.Model):
    """The « référent facturation électronique » of an académie or administration using the PIGP."""

    administration = models.CharField("académie ou administration", max_length=150, validators=[validate_plain_line])
    name = models.CharField("nom", max_length=150, validators=[validate_plain_line])
    email = models.EmailField("adresse e-mail", max_length=254)

    class Meta:
        verbose_name = "référent facturation électronique"
        verbose_name_plural = "référents facturation électronique"
        ordering = ["administration"]
        constraints = [
            models.UniqueConstraint(
                fields=["administration"],
                name="referent_administration_unique",
                violation_error_message="Cette administration a déjà un référent.",
            )
        ]

    def __str__(self):
        return f"{self.administration} – {self.name}"


class StructureQuerySet(EstablishmentQuerySet):
    def of_the_entry(self):
        """In a subquery of directory entries: the structure that lives here under the entry's identifier."""
        return self.filter(identifier=OuterRef("identifier"), identifier_type=OuterRef("identifier_type"))


class Structure(Establishment):
    """An organisation that lives here; one per identifier."""

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        INACTIVE = "inactive", "Inactive"

    REQUIREMENTS = {
        Requirement.NONE: "Ni numéro d'engagement ni service : une facture est acceptée sans l'un ni l'autre.",
        Requirement.COMMITMENT: "Chaque facture doit porter un numéro d'engagement (le numéro de la commande).",
        Requirement.SERVICE: "Chaque facture doit désigner un service de la structure.",
        Requirement.BOTH: "Chaque facture doit porter un numéro d'engagement et désigner un service de la structure.",
        Requirement.EITHER: "Chaque facture doit porter un numéro d'engagement ou désigner un service, au choix.",
    }

    state = models.CharField("état", max_length=8, choices=State, default=State.ACTIVE)
    issues_invoices = models.BooleanField("émet des factures", default=True)
    receives_invoices = models.BooleanField("reçoit des factures", default=False)
    requirement = models.CharField(
        "exigence de facturation", max_length=10, choices=Requirement, default=Requirement.NONE
    )
    uses_pigp = models.BooleanField("utilisatrice du PIGP", default=False)
    referent = models.ForeignKey(
        Referent,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="structures",
        verbose_name="référent facturation électronique",
    )
    created_at = models.DateTimeField("créée le", default=timezone.now)

    objects = StructureQuerySet.as_manager()

    class Meta:
        verbose_name = "structure"
        verbose_name_plural = "structures"
        ordering = ["legal_name", "id"]
        indexes = search_indexes("structure", "nature")
        constraints = [
            models.UniqueConstraint(
                fields=["identifier", "identifier_type"],
                name="structure_identifier_unique",
                violation_error_message="Une structure porte déjà cet identifiant.",
            ),
            models.CheckConstraint(
                condition=Q(nature=Nature.PRIVATE) | Q(identifier_type=IdentifierType.SIRET),
                name="structure_public_has_siret",
                violation_error_message="Une structure publique est identifiée par un SIRET.",
            ),
            models.CheckConstraint(
                condition=Q(nature=Nature.PUBLIC) | Q(requirement=Requirement.NONE, uses_pigp=False),
                name="structure_public_parameters",
                violation_error_message="Ces paramètres sont réservés aux structures publiques.",
            ),
        ]

    # What its principal manager may change.
    EDITABLE = (*Establishment.DESCRIPTIVE, "undisclosed", "issues_invoices", "receives_invoices", "requirement")

    @property
    def is_active(self):
        return self.state == self.State.ACTIVE

    @property
    def version(self):
        """Fingerprint of what its principal manager may change."""
        return version_of({name: getattr(self, name) for name in self.EDITABLE})

    @property
    def invoicing_requirement(self):
        """What its suppliers must write on an invoice, in a sentence; empty for a private structure."""
        return self.REQUIREMENTS[self.requirement] if self.is_public else ""
