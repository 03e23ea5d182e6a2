"""What a principal manager leaves to others: rights to the secondary managers, everything to a deputy for a while."""

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from plumbing.text import of


class Role(models.TextChoices):
    PRINCIPAL = "principal", "Gestionnaire principal"
    SECONDARY = "secondary", "Gestionnaire secondaire"
    SIMPLE = "simple", "Utilisateur simple"


MANAGERS = (Role.PRINCIPAL, Role.SECONDARY)


class Right(models.TextChoices):
    """What is left to secondary managers, or not. Each is a column of SecondaryRights and of Attachment."""

    DECIDE_REQUESTS = "decide_requests", "Décider des demandes de rattachement"
    DECIDE_SUBSCRIPTIONS = "decide_subscriptions", "Décider des demandes d'abonnement"
    ATTACH_PEOPLE = "attach_people", "Rattacher des utilisateurs"
    VIEW_HISTORY = "view_history", "Consulter l'historique"
    OPEN_SPACES = "open_spaces", "Ouvrir et fermer des espaces"


# What secondary managers may do where their principal manager said nothing.
LEFT_BY_DEFAULT = {right: right not in (Right.VIEW_HISTORY, Right.OPEN_SPACES) for right in Right}


class SecondaryRights(models.Model):
    """What the secondary managers of a structure may do there, unless their own attachment says otherwise."""

    structure = models.OneToOneField(
        "structures.Structure", models.PROTECT, related_name="secondary_rights", verbose_name="structure"
    )
    decide_requests = models.BooleanField(Right.DECIDE_REQUESTS.label, default=True)
    decide_subscriptions = models.BooleanField(Right.DECIDE_SUBSCRIPTIONS.label, default=True)
    attach_people = models.BooleanField(Right.ATTACH_PEOPLE.label, default=True)
    view_history = models.BooleanField(Right.VIEW_HISTORY.label, default=False)
    open_spaces = models.BooleanField(Right.OPEN_SPACES.label, default=False)

    class Meta:
        verbose_name = "droits des gestionnaires secondaires"
        verbose_name_plural = "droits des gestionnaires secondaires"

    def __str__(self):
        return f"Droits des gestionnaires secondaires {of(self.structure)}"


class DeputyQuerySet(models.QuerySet):
    def current(self):
        """Not ended by anybody. Their dates may be over, or still to come."""
        return self.filter(ended_at__isnull=True)

    def lasting(self, today=None):
        """In force, or still to come."""
        return self.current().filter(ends_on__gte=today or timezone.localdate())

    def in_force(self, today=None):
        today = today or timezone.localdate()
        return self.lasting(today).filter(starts_on__lte=today)


class Deputy(models.Model):
    """Somebody who stands in for the principal manager of a structure between two dates (« suppléance »).

    They have what their place there gives them and, as long as it is in force too, what the principal manager
    decides. One at a time per structure.
    """

    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, related_name="deputies", verbose_name="structure"
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="deputyships", verbose_name="suppléant"
    )
    starts_on = models.DateField("date de début", default=timezone.localdate)
    ends_on = models.DateField("date de fin")
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="désigné par")
    named_at = models.DateTimeField("désigné le", default=timezone.now)
    ended_at = models.DateTimeField("terminée le", null=True, blank=True)

    objects = DeputyQuerySet.as_manager()

    class Meta:
        verbose_name = "suppléance"
        verbose_name_plural = "suppléances"
        ordering = ["-starts_on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["structure"],
                condition=Q(ended_at__isnull=True),
                name="deputy_one_per_structure",
                violation_error_message="Une suppléance est déjà prévue ou en cours pour cette structure.",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="deputy_dates_in_order",
                violation_error_message="La date de fin précède la date de début.",
            ),
        ]

    def __str__(self):
        return f"{self.deputy} – {self.structure}"

    @property
    def in_words(self):
        """« en suppléance de … », behind the name of who acts. Support may name one, whoever is principal manager."""
        return f"en suppléance {'du gestionnaire principal' if self.named_by.is_staff else of(self.named_by)}"

    @property
    def is_in_force(self):
        return self.ended_at is None and self.starts_on <= timezone.localdate() <= self.ends_on


# Of attachments in force: the one place that says who may do what on a structure, for every query that asks.


def stands_in(today=None):
    """The condition that an attachment's person is deputy of its structure today."""
    in_force = Deputy.objects.in_force(today).filter(structure=OuterRef("structure"), deputy=OuterRef("user"))
    return Exists(in_force.order_by())


def leads(today=None):
    """The condition that an attachment's person is principal manager of its structure, or stands in for them."""
    return Q(role=Role.PRINCIPAL) | Q(stands_in(today))


def was_left(right):
    """The condition that an attachment is a secondary manager's, left `right` by itself, else by its structure."""
    by_default = Value(LEFT_BY_DEFAULT[Right(right)])
    left = Coalesce(F(right), F(f"structure__secondary_rights__{right}"), by_default, output_field=BooleanField())
    return Q(left, role=Role.SECONDARY)


def holds(*rights, today=None):
    """The condition that an attachment gives its person at least one of `rights` on its structure."""
    held = leads(today)
    for right in rights:
        held |= was_left(right)
    return held
