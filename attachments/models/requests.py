from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from attachments.models.attachments import Attachment, Scope
from attachments.models.rights import Right
from plumbing.references import spaced
from plumbing.text import loose_pattern

# A refusal this old is no longer something to answer.
REFUSALS_LISTED = timedelta(days=180)


class AttachmentRequestQuerySet(models.QuerySet):
    def pending(self):
        return self.filter(status=AttachmentRequest.Status.PENDING)

    def for_manager(self, user):
        """Requests on the structures where `user` decides."""
        managed = Attachment.objects.may(Right.DECIDE_REQUESTS).filter(user=user)
        return self.filter(structure__in=managed.values("structure")).exclude(user=user)

    def without_decider(self, *, were_gone=None):
        """Requests that nobody who can log in may decide on their structure today: support decides those.

        Nobody decides their own, were they the only manager. `were_gone` is somebody who may be about to leave.
        """
        deciding = Attachment.objects.may(Right.DECIDE_REQUESTS).filter(user__state=get_user_model().State.ACTIVE)
        if were_gone is not None:
            deciding = deciding.exclude(user=were_gone)
        others = deciding.filter(structure=OuterRef("structure")).exclude(user=OuterRef("user")).order_by()
        return self.exclude(Exists(others))

    def untold_to_support(self):
        """Pending ones that wait for support, of which it was not told yet, nor the person who waits."""
        return self.pending().without_decider().filter(with_support_since=None)

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
        there = Attachment.objects.lasting().filter(user=OuterRef("user"), structure=OuterRef("structure"))
        # As `known_email`: of who neither waits nor is there, the address answers to no search.
        known = Q(status=AttachmentRequest.Status.PENDING) | Q(Exists(there.order_by()))
        for word in words.split():
            pattern = loose_pattern(word)
            matching = matching.filter(
                Q(user__first_name__iregex=pattern)
                | Q(user__last_name__iregex=pattern)
                | (Q(user__email__iregex=pattern) & known)
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
    # Nobody else could decide any more, and both support and the person were told; None while somebody can.
    with_support_since = models.DateTimeField("à l'assistance depuis", null=True, blank=True, editable=False)

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

    # Of a decided one, `tell_attached` (attachments/decisions.py) looks whether its person is there today.
    is_attached = False

    @property
    def known_email(self):
        """Its person's login address, as managers read it: empty of who neither waits nor is there."""
        return self.user.known_email if self.is_pending or self.is_attached else ""

    @property
    def is_pending(self):
        return self.status == self.Status.PENDING
