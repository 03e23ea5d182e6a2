from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from plumbing.changes import version_of
from plumbing.references import spaced
from plumbing.text import loose_pattern


class Role(models.TextChoices):
    PRINCIPAL = "principal", "Gestionnaire principal"
    SECONDARY = "secondary", "Gestionnaire secondaire"
    SIMPLE = "simple", "Utilisateur simple"


# How the widest level is called, wherever one is told.
WHOLE_STRUCTURE = "Toute la structure"
MANAGERS = (Role.PRINCIPAL, Role.SECONDARY)
# An end this near is said everywhere; a refusal this old is no longer something to answer.
SOON = timedelta(days=30)
REFUSALS_LISTED = timedelta(days=180)


class Scope(models.Model):
    """Which part of a structure is meant: all of it, or some of its services; and between which dates."""

    whole_structure = models.BooleanField("structure entière", default=True)
    services = models.ManyToManyField("structures.Service", blank=True, verbose_name="services")
    starts_on = models.DateField("date de début", default=timezone.localdate)
    ends_on = models.DateField("date de fin", null=True, blank=True)

    class Meta:
        abstract = True

    # More services than this are counted in lists, not named.
    NAMED = 3

    @property
    def service_labels(self):
        return [] if self.whole_structure else [service.label for service in self.services.all()]

    @property
    def full_part(self):
        """« Toute la structure », or all the services meant."""
        return WHOLE_STRUCTURE if self.whole_structure else ", ".join(self.service_labels)

    @property
    def part(self):
        """As `full_part`, but of many services only the first ones are named."""
        labels = self.service_labels
        more = len(labels) - self.NAMED
        if more <= 0:
            return self.full_part
        return f"{', '.join(labels[: self.NAMED])} et {more} autre{'s' if more > 1 else ''}"


class AttachmentQuerySet(models.QuerySet):
    def current(self):
        """Not ended by a decision. Dates still to come count: see `effective`."""
        return self.filter(ended_at__isnull=True)

    def effective(self, today=None):
        """In force today: not ended, and between its dates."""
        today = today or timezone.localdate()
        return self.lasting(today).filter(starts_on__lte=today)

    def lasting(self, today=None):
        """Not ended by a decision nor run out: in force, or still to come."""
        today = today or timezone.localdate()
        return self.current().filter(Q(ends_on__isnull=True) | Q(ends_on__gte=today))

    def standing(self, standing, today=None):
        """Those whose `Attachment.standing` is this one today; without one, all that are not over."""
        today, standings = today or timezone.localdate(), Attachment.Standing
        if standing == standings.OVER:
            return self.filter(Q(ended_at__isnull=False) | Q(ends_on__lt=today))
        if standing == standings.UPCOMING:
            return self.lasting(today).filter(starts_on__gt=today)
        ending = Q(ends_on__isnull=False, ends_on__lte=today + SOON)
        if standing == standings.ENDING:
            return self.effective(today).filter(ending)
        if standing == standings.IN_FORCE:
            return self.effective(today).exclude(ending)
        return self.lasting(today)

    def of_people(self, words):
        """Those of people whose name or address contains every one of `words`; `*` is any run of characters."""
        people = self
        for word in words.split():
            pattern = loose_pattern(word)
            people = people.filter(
                Q(user__first_name__iregex=pattern)
                | Q(user__last_name__iregex=pattern)
                | Q(user__email__iregex=pattern)
            )
        return people

    def confirmed(self):
        """Those of people whose account has been active: somebody has seen them."""
        return self.filter(user__activated_at__isnull=False)

    def managers(self):
        return self.filter(role__in=MANAGERS)

    def principal(self):
        return self.filter(role=Role.PRINCIPAL)


class Attachment(Scope):
    """A person's place in a structure (« rattachement »). At most one in force per person and structure."""

    class Standing(models.TextChoices):
        UPCOMING = "upcoming", "À venir"
        IN_FORCE = "in_force", "Validé"
        ENDING = "ending", "Bientôt terminé"
        OVER = "over", "Terminé"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attachments", verbose_name="personne"
    )
    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, related_name="attachments", verbose_name="structure"
    )
    role = models.CharField("rôle", max_length=10, choices=Role, default=Role.SIMPLE)
    # A principal manager has some days from then to activate their account.
    role_since = models.DateTimeField("dans ce rôle depuis", default=timezone.now)
    created_at = models.DateTimeField("créé le", default=timezone.now)
    ended_at = models.DateTimeField("terminé le", null=True, blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        verbose_name = "rattachement"
        verbose_name_plural = "rattachements"
        ordering = ["structure__legal_name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["structure"],
                condition=Q(role=Role.PRINCIPAL, ended_at__isnull=True),
                name="attachment_one_principal",
                violation_error_message="Cette structure a déjà un gestionnaire principal.",
            ),
            models.UniqueConstraint(
                fields=["user", "structure"],
                condition=Q(ended_at__isnull=True),
                name="attachment_one_per_user",
                violation_error_message="Cette personne est déjà rattachée à cette structure.",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="attachment_dates_in_order",
                violation_error_message="La date de fin précède la date de début.",
            ),
            models.CheckConstraint(
                condition=~Q(role=Role.PRINCIPAL) | Q(ends_on__isnull=True, whole_structure=True),
                name="attachment_principal_unbounded",
                violation_error_message="Un gestionnaire principal l'est de la structure entière, sans date de fin.",
            ),
        ]

    def __str__(self):
        return f"{self.user} – {self.structure}"

    @property
    def version(self):
        """Fingerprint of what its managers may change."""
        values = {name: getattr(self, name) for name in ("role", "whole_structure", "starts_on", "ends_on", "ended_at")}
        return version_of(values | {"services": sorted(service.pk for service in self.services.all())})

    @property
    def standing(self):
        """Where it is today between its dates."""
        today = timezone.localdate()
        if self.ended_at or (self.ends_on and self.ends_on < today):
            return self.Standing.OVER
        if self.starts_on > today:
            return self.Standing.UPCOMING
        return self.Standing.ENDING if self.ends_on and self.ends_on <= today + SOON else self.Standing.IN_FORCE


class AttachmentRequestQuerySet(models.QuerySet):
    def pending(self):
        return self.filter(status=AttachmentRequest.Status.PENDING)

    def for_manager(self, user):
        """Requests on the structures where `user` decides."""
        managed = Attachment.objects.effective().managers().filter(user=user)
        return self.filter(structure__in=managed.values("structure")).exclude(user=user)

    def without_decider(self, *, were_gone=None):
        """Requests that no manager in force who can log in may decide: support decides those.

        Nobody decides their own, were they the only manager. `were_gone` is somebody who may be about to leave.
        """
        deciding = Attachment.objects.effective().managers().filter(user__state=get_user_model().State.ACTIVE)
        if were_gone is not None:
            deciding = deciding.exclude(user=were_gone)
        others = deciding.filter(structure=OuterRef("structure")).exclude(user=OuterRef("user")).order_by()
        return self.exclude(Exists(others))

    def awaiting(self, user):
        """Pending ones that wait for `user`: as manager and, for support, what nobody else can decide."""
        pending = self.pending()
        mine = pending.for_manager(user)
        return mine | pending.without_decider().exclude(user=user) if user.is_staff else mine

    def decided(self):
        """Those somebody said yes or no to, the last one first."""
        statuses = AttachmentRequest.Status
        return self.filter(status__in=[statuses.APPROVED, statuses.REFUSED]).order_by("-decided_at", "-pk")

    def to_follow(self):
        """Those whose person waits for something or has to do something: pending, or refused and not answered since."""
        statuses = AttachmentRequest.Status
        theirs = {"user": OuterRef("user"), "structure": OuterRef("structure")}
        later = AttachmentRequest.objects.exclude(status=statuses.WITHDRAWN).filter(
            created_at__gt=OuterRef("created_at"), **theirs
        )
        whole = Attachment.objects.lasting().filter(whole_structure=True, **theirs)
        refused = Q(status=statuses.REFUSED, decided_at__gte=timezone.now() - REFUSALS_LISTED)
        return self.filter(Q(status=statuses.PENDING) | refused & ~Exists(later.order_by()) & ~Exists(whole.order_by()))

    def matching(self, words):
        """Requests whose person, structure or reference contains every one of `words`; `*` is any run of characters."""
        matching = self
        for word in words.split():
            pattern = loose_pattern(word)
            matching = matching.filter(
                Q(user__first_name__iregex=pattern)
                | Q(user__last_name__iregex=pattern)
                | Q(user__email__iregex=pattern)
                | Q(structure__legal_name__iregex=pattern)
                | Q(structure__label__iregex=pattern)
                | Q(reference__regex=pattern)
            )
        return matching


class AttachmentRequest(Scope):
    """Someone asks to be attached to a structure (« demande de rattachement »)."""

    class Status(models.TextChoices):
        PENDING = "pending", "En cours de validation"
        APPROVED = "approved", "Validée"
        REFUSED = "refused", "Refusée"
        WITHDRAWN = "withdrawn", "Retirée"

    reference = models.CharField("dossier n°", max_length=9)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attachment_requests", verbose_name="demandeur"
    )
    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, related_name="attachment_requests", verbose_name="structure"
    )
    comment = models.TextField("commentaire", blank=True, max_length=2000)
    status = models.CharField("statut", max_length=10, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField("envoyée le", default=timezone.now)
    decided_at = models.DateTimeField("décidée le", null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="décidée par",
    )
    reason = models.TextField("motif du refus", blank=True, max_length=2000)

    objects = AttachmentRequestQuerySet.as_manager()

    class Meta:
        verbose_name = "demande de rattachement"
        verbose_name_plural = "demandes de rattachement"
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="attachmentrequest_reference_unique"),
            models.UniqueConstraint(
                fields=["user", "structure"],
                condition=Q(status="pending"),
                name="attachmentrequest_one_open",
                violation_error_message="Une demande est déjà en cours pour cette structure.",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="attachmentrequest_dates_in_order",
                violation_error_message="La date de fin précède la date de début.",
            ),
            models.CheckConstraint(
                condition=~Q(status="refused") | ~Q(reason=""),
                name="attachmentrequest_refused_with_reason",
                violation_error_message="Un refus doit être motivé.",
            ),
        ]
        indexes = [
            models.Index(fields=["structure", "created_at"], condition=Q(status="pending"), name="request_pending")
        ]

    def __str__(self):
        return f"Dossier n° {self.spaced_reference}"

    @property
    def spaced_reference(self):
        return spaced(self.reference)

    def decide(self, status, *, actor, reason=""):
        """Write what became of the request, locked by the caller; `actor` is None for the portal itself."""
        self.status, self.decided_by, self.decided_at, self.reason = status, actor, timezone.now(), reason
        self.save(update_fields=["status", "decided_by", "decided_at", "reason", "whole_structure"])

    @property
    def is_pending(self):
        return self.status == self.Status.PENDING
