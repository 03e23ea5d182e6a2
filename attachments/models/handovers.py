"""« Transmission »: a structure passes from one principal manager to another, at once or on a day to come."""

from datetime import timedelta

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from attachments.models.attachments import Attachment
from attachments.models.rights import Role
from plumbing.references import spaced

# Whoever plans a hand-over further ahead forgets it.
FURTHEST_DAYS = 366
# For how long home says that a hand-over was stopped: then whoever planned it means to stay.
REMINDED_DAYS = 60


class HandoverQuerySet(models.QuerySet):
    def pending(self):
        return self.filter(status=Handover.Status.PENDING)

    def due(self, today=None):
        return self.pending().filter(takes_effect_on__lte=today or timezone.localdate())

    def undoable(self):
        """Done not long ago, by which the structure is still managed: nobody handed it on since."""
        since = timezone.now() - timedelta(hours=settings.TRANSFER_UNDO_HOURS)
        there = {"structure": OuterRef("structure")}
        later = Handover.objects.filter(status=Handover.Status.DONE, pk__gt=OuterRef("pk"), **there)
        managed = Attachment.objects.current().principal().filter(user=OuterRef("successor"), **there)
        done = self.filter(status=Handover.Status.DONE, done_at__gt=since, outgoing__isnull=False)
        return done.filter(~Exists(later.order_by()), Exists(managed.order_by()))

    def to_name_again(self, user):
        """Stopped not long ago: `user`, who manages still, has named nobody else for these structures since."""
        there = {"structure": OuterRef("structure")}
        later = Handover.objects.filter(pk__gt=OuterRef("pk"), **there)
        managed = Attachment.objects.current().principal().filter(user=OuterRef("outgoing"), **there)
        since = timezone.now() - timedelta(days=REMINDED_DAYS)
        stopped = self.filter(status=Handover.Status.STOPPED, outgoing=user, ended_at__gt=since)
        return stopped.filter(~Exists(later.order_by()), Exists(managed.order_by()))

    def concerning(self, user):
        """Those that are `user`'s business: to hand over, or to take; all for support."""
        return self if user.is_staff else self.filter(Q(outgoing=user) | Q(successor=user))


class Handover(models.Model):
    """Who hands a structure over to whom. What one act hands over has one reference."""

    class Status(models.TextChoices):
        PENDING = "pending", "Prévue"
        DONE = "done", "Faite"
        CANCELLED = "cancelled", "Annulée"
        STOPPED = "stopped", "Arrêtée"
        UNDONE = "undone", "Contestée et défaite"

    reference = models.CharField("dossier n°", max_length=9, db_index=True)
    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, related_name="handovers", verbose_name="structure"
    )
    # None where nobody managed the structure.
    outgoing = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="handovers_given",
        verbose_name="gestionnaire principal sortant",
    )
    successor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="handovers_taken", verbose_name="successeur"
    )
    # What the successor was there before; empty for somebody who was not attached. Known once it is done.
    role_before = models.CharField("rôle précédent", max_length=10, choices=Role, blank=True)
    # The rest of their place, by the names of KEPT, and the keys of its services: given back when it is contested.
    place_before = models.JSONField("place précédente", default=dict, blank=True, encoder=DjangoJSONEncoder)
    takes_effect_on = models.DateField("date d'effet", default=timezone.localdate)
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="désigné par")
    named_at = models.DateTimeField("désigné le", default=timezone.now)
    status = models.CharField("statut", max_length=10, choices=Status, default=Status.PENDING)
    done_at = models.DateTimeField("faite le", null=True, blank=True)
    # Cancelled, stopped or undone; and why, one of history.data.CAUSES.
    ended_at = models.DateTimeField("terminée le", null=True, blank=True)
    reason = models.CharField("cause", max_length=30, blank=True)

    objects = HandoverQuerySet.as_manager()

    class Meta:
        verbose_name = "transmission"
        verbose_name_plural = "transmissions"
        ordering = ["-named_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["structure"],
                condition=Q(status="pending"),
                name="handover_one_pending",
                violation_error_message="Une transmission est déjà prévue pour cette structure.",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(done_at__isnull=False),
                name="handover_done_is_dated",
                violation_error_message="Une transmission faite dit quand.",
            ),
        ]
        indexes = [
            models.Index(fields=["takes_effect_on"], condition=Q(status="pending"), name="handover_due"),
        ]

    def __str__(self):
        return f"{self.structure} – {self.successor}"

    @property
    def spaced_reference(self):
        return spaced(self.reference)

    @property
    def is_pending(self):
        return self.status == self.Status.PENDING

    @property
    def is_done(self):
        return self.status == self.Status.DONE

    @property
    def is_stopped(self):
        return self.status == self.Status.STOPPED

    @property
    def outgoing_is_active(self):
        """Whether there is somebody to give it back to."""
        return self.outgoing is not None and self.outgoing.state == self.outgoing.State.ACTIVE

    @property
    def is_by_support(self):
        """Support decided it: whoever it replaced objects to support, and does not undo it."""
        return self.named_by.is_staff

    def may_be_undone_by(self, user):
        """Whether it is for `user` to undo; `undoable` says until when."""
        return user.is_staff or (self.outgoing_id == user.pk and not self.is_by_support)

    @property
    def undoable_until(self):
        return self.done_at + timedelta(hours=settings.TRANSFER_UNDO_HOURS)
