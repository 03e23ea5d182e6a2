from itertools import groupby

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from attachments.models import Attachment
from plumbing.references import spaced
from spaces.models.spaces import Access, Space, StructureSpace
from structures.models import Structure
from structures.models.validity import open_today

# How a line for no service in particular is called.
WHOLE = "Service par défaut"


class SubscriptionQuerySet(models.QuerySet):
    def pending(self):
        return self.filter(status=Subscription.Status.PENDING)

    def live(self):
        """Asked for or had: neither refused nor ended. Dates and places do not matter: see `effective`."""
        return self.filter(status__in=Subscription.LIVE)

    def effective(self, today=None):
        """Those that give their person something today, as `spaces.permissions.can` answers, for many rows at once."""
        today = today or timezone.localdate()
        places = Attachment.objects.effective(today).filter(user=OuterRef("user"), structure=OuterRef("structure"))
        covers = Q(whole_structure=True) | Q(services=OuterRef("service"))
        somewhere = Q(whole_structure=True) | open_today("services", today)
        opened = StructureSpace.objects.current().filter(space=OuterRef("space"), structure=OuterRef("structure"))
        there = Q(service__isnull=True) & Q(Exists(places.filter(somewhere).order_by()))
        there |= open_today("service", today) & Q(Exists(places.filter(covers).order_by()))
        return self.filter(
            there,
            Q(space__in=Space.objects.open_everywhere().values("pk")) | Q(Exists(opened.order_by())),
            Q(space__public_only=False) | Q(structure__nature="public"),
            status=Subscription.Status.APPROVED,
            starts_on__lte=today,
            structure__state=Structure.State.ACTIVE,
            user__state=get_user_model().State.ACTIVE,
        )

    def beyond_places(self):
        """The live ones that no place of their person there covers: none, once an action is done."""
        places = Attachment.objects.current().filter(user=OuterRef("user"), structure=OuterRef("structure")).order_by()
        covers = Q(whole_structure=True) | Q(services=OuterRef("service"))
        founded = Q(Exists(places.filter(covers))) | Q(service__isnull=True) & Q(Exists(places))
        return self.live().exclude(founded)


class Subscription(models.Model):
    """What somebody may do in a space on a structure, or asks to (« abonnement »): one access, one service or all.

    Without a service it is for all they are attached to there, be it the whole structure or some services: a line
    never gives more than the place it stands on, whatever becomes of that place.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "En cours de validation"
        APPROVED = "approved", "Validé"
        REFUSED = "refused", "Refusé"
        ENDED = "ended", "Désactivé"

    LIVE = (Status.PENDING, Status.APPROVED)

    # Of what was asked for at once, by one person: the lines share it. Nobody asked for what comes by default.
    reference = models.CharField("dossier n°", max_length=9, blank=True, db_index=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="subscriptions", verbose_name="personne"
    )
    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, related_name="subscriptions", verbose_name="structure"
    )
    space = models.ForeignKey(Space, models.PROTECT, related_name="subscriptions", verbose_name="espace")
    service = models.ForeignKey(
        "structures.Service",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subscriptions",
        verbose_name="service",
    )
    access = models.CharField("accès", max_length=12, choices=Access)
    starts_on = models.DateField("date de début", default=timezone.localdate)
    comment = models.TextField("commentaire", blank=True, max_length=2000)
    status = models.CharField("statut", max_length=10, choices=Status, default=Status.PENDING)
    # Came with the role: goes with it too.
    by_default = models.BooleanField("donné par défaut", default=False)
    created_at = models.DateTimeField("demandé le", default=timezone.now)
    decided_at = models.DateTimeField("décidé le", null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="décidé par"
    )
    reason = models.TextField("motif", blank=True, max_length=2000)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = "abonnement"
        verbose_name_plural = "abonnements"
        ordering = ["structure__legal_name", "space__position", "service__label", "access", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "structure", "space", "service", "access"],
                condition=Q(status__in=["pending", "approved"], service__isnull=False),
                name="subscription_one_live",
                violation_error_message="Cet abonnement existe déjà, ou est déjà demandé.",
            ),
            models.UniqueConstraint(
                fields=["user", "structure", "space", "access"],
                condition=Q(status__in=["pending", "approved"], service__isnull=True),
                name="subscription_one_live_whole",
                violation_error_message="Cet abonnement existe déjà, ou est déjà demandé.",
            ),
            models.CheckConstraint(
                condition=~Q(status="refused") | ~Q(reason=""),
                name="subscription_refused_with_reason",
                violation_error_message="Un refus doit être motivé.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["structure", "space"], condition=Q(status__in=["pending", "approved"]), name="subscription_live"
            ),
            models.Index(
                fields=["structure", "created_at"], condition=Q(status="pending"), name="subscription_pending"
            ),
        ]

    def __str__(self):
        return f"{self.space} – {self.part} – {self.get_access_display()}"

    @property
    def key(self):
        """What only one live line has."""
        return self.user_id, self.structure_id, self.space_id, self.service_id, self.access

    @property
    def part(self):
        return WHOLE if self.service_id is None else self.service.label

    @property
    def is_pending(self):
        return self.status == self.Status.PENDING

    @property
    def is_live(self):
        return self.status in self.LIVE

    @property
    def may_be_given_back(self):
        """Whether its person may delete it: what comes with the role goes with it, but for free spaces."""
        return self.space.is_free or not self.by_default

    @property
    def is_to_come(self):
        return self.status == self.Status.APPROVED and self.starts_on > timezone.localdate()

    @property
    def spaced_reference(self):
        return spaced(self.reference)


def by_person(rows):
    """[(person, structure, their lines)]: what one mail tells."""
    rows = sorted(rows, key=lambda row: (row.user_id, row.structure_id, row.space.position, row.pk))
    grouped = groupby(rows, key=lambda row: (row.user_id, row.structure_id))
    return [(theirs[0].user, theirs[0].structure, theirs) for _, group in grouped if (theirs := list(group))]
