from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.functions import TruncDate
from django.utils import timezone
from django.utils.formats import date_format

from attachments.models.rights import MANAGERS, Right, Role, holds, leads, stands_in, was_left
from plumbing.changes import version_of
from plumbing.text import loose_pattern

# How the widest level is called, wherever one is told.
WHOLE_STRUCTURE = "Toute la structure"
# What a right of one person's own says.
PERSONAL = [(None, "comme la structure"), (True, "oui"), (False, "non")]


def soon():
    """The last day that is near: an end up to then is said everywhere."""
    return timezone.localdate() + timedelta(days=settings.ATTACHMENT_ENDING_DAYS)


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

    def counted(self, structures):
        """How many people are attached to each of these structures, by its key: those that « Personnes » lists."""
        listed = self.lasting().filter(structure__in=structures).order_by()
        return dict(listed.values_list("structure").annotate(models.Count("pk")))

    def standing(self, standing, today=None):
        """Those whose `Attachment.standing` is this one today; without one, all that are not over."""
        today, standings = today or timezone.localdate(), Attachment.Standing
        if standing == standings.OVER:
            return self.filter(Q(ended_at__isnull=False) | Q(ends_on__lt=today))
        if standing == standings.UPCOMING:
            return self.lasting(today).filter(starts_on__gt=today)
        ending = Q(ends_on__isnull=False, ends_on__lte=soon())
        if standing == standings.ENDING:
            return self.effective(today).filter(ending)
        if standing == standings.IN_FORCE:
            return self.effective(today).exclude(ending)
        return self.lasting(today)

    def of_people(self, words):
        """Those of people whose name or address contains every one of `words`; `*` is any run of characters."""
        people, today = self, timezone.localdate()
        # As `known_email`: of a place that is over, the address answers to no search.
        lasts = Q(ended_at__isnull=True) & (Q(ends_on__isnull=True) | Q(ends_on__gte=today))
        for word in words.split():
            pattern = loose_pattern(word)
            people = people.filter(
                Q(user__first_name__iregex=pattern)
                | Q(user__last_name__iregex=pattern)
                | (lasts & Q(user__email__iregex=pattern))
            )
        return people

    def confirmed(self):
        """Those of people whose account has been active: somebody has seen them."""
        return self.filter(user__activated_at__isnull=False)

    def managers(self):
        return self.filter(role__in=MANAGERS)

    def principal(self):
        return self.filter(role=Role.PRINCIPAL)

    def leading(self, today=None):
        """In force, of the principal manager or of who stands in for them."""
        return self.effective(today).filter(leads(today))

    def managing(self, today=None):
        """In force, of managers and of who stands in for one."""
        return self.effective(today).filter(Q(role__in=MANAGERS) | Q(stands_in(today)))

    def may(self, *rights, today=None):
        """In force, and giving their person at least one of these `Right`s on the structure."""
        return self.effective(today).filter(holds(*rights, today=today))

    def to_warn(self, last):
        """Those that end on this day or before, of which nobody was told yet."""
        return self.filter(ends_on__lte=last).exclude(warned_of=F("ends_on"))

    def with_rights(self, *rights, today=None):
        """Each with what its `leads` and `may` read, of these `rights` or of all: `stands_in`, and what it was left."""
        left = {f"left_{right}": ExpressionWrapper(was_left(right), BooleanField()) for right in rights or Right}
        return self.annotate(stands_in=stands_in(today), **left)


def _personal(right):
    return models.BooleanField(right.label, null=True, blank=True, choices=PERSONAL)


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
    # Of which last day the person and the managers were told.
    warned_of = models.DateField("fin annoncée", null=True, blank=True)
    # Of a secondary manager, when they differ from what the structure leaves to all (None: as the structure says).
    decide_requests = _personal(Right.DECIDE_REQUESTS)
    decide_subscriptions = _personal(Right.DECIDE_SUBSCRIPTIONS)
    attach_people = _personal(Right.ATTACH_PEOPLE)
    view_history = _personal(Right.VIEW_HISTORY)
    open_spaces = _personal(Right.OPEN_SPACES)

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
            # With this, and one in the role, a structure has one principal manager at any instant.
            models.CheckConstraint(
                condition=~Q(role=Role.PRINCIPAL)
                | Q(starts_on__lte=TruncDate("role_since"))
                | Q(starts_on__lte=TruncDate("created_at")),
                name="attachment_principal_begun",
                violation_error_message="Un gestionnaire principal l'est dès qu'il est désigné.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_on"], condition=Q(ended_at__isnull=True, ends_on__isnull=False), name="attachment_ending"
            )
        ]

    def __str__(self):
        return f"{self.user} – {self.structure}"

    # Of one read `with_rights`, what it gives when it is in force.

    @property
    def leads(self):
        return self.role == Role.PRINCIPAL or self.stands_in

    def may(self, *rights):
        """Whether it gives its person at least one of these `Right`s on the structure."""
        return self.leads or any(getattr(self, f"left_{right}") for right in rights)

    @property
    def may_decide_requests(self):
        return self.may(Right.DECIDE_REQUESTS)

    @property
    def may_decide_subscriptions(self):
        return self.may(Right.DECIDE_SUBSCRIPTIONS)

    @property
    def may_open_spaces(self):
        return self.may(Right.OPEN_SPACES)

    @property
    def may_attach_people(self):
        return self.may(Right.ATTACH_PEOPLE)

    @property
    def version(self):
        """Fingerprint of what its managers may change."""
        values = {name: getattr(self, name) for name in ("role", "whole_structure", "starts_on", "ends_on", "ended_at")}
        return version_of(values | {"services": sorted(service.pk for service in self.services.all())})

    # Of one just given by `attach_people`: the reference of the request that waited, and is approved by it.
    answered = ""

    @property
    def period(self):
        """« à partir du …, jusqu'au … », of a beginning to come and of an end; empty without either."""
        begins = self.starts_on > timezone.localdate()
        said = [f"à partir du {date_format(self.starts_on, 'j F Y')}"] if begins else []
        said += [f"jusqu'au {date_format(self.ends_on, 'j F Y')}"] if self.ends_on else []
        return ", ".join(said)

    @property
    def extent(self):
        """Part and dates, within a sentence: « toute la structure, jusqu'au 10 décembre 2026 »."""
        part = self.full_part if self.service_labels else self.full_part.lower()
        return f"{part}, {self.period}" if self.period else part

    @property
    def known_email(self):
        """Its person's login address, as managers read it: where they are no longer, today's is not theirs to know."""
        return "" if self.standing == self.Standing.OVER else self.user.known_email

    @property
    def standing(self):
        """Where it is today between its dates."""
        today = timezone.localdate()
        if self.ended_at or (self.ends_on and self.ends_on < today):
            return self.Standing.OVER
        if self.starts_on > today:
            return self.Standing.UPCOMING
        return self.Standing.ENDING if self.ends_on and self.ends_on <= soon() else self.Standing.IN_FORCE
