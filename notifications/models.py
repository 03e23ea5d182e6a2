import email
import email.policy
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


def four_days_on():
    """How long a mail is tried: what mail servers themselves do for a mailbox that is away."""
    return timezone.now() + timedelta(days=4)


class OutgoingMailQuerySet(models.QuerySet):
    def due(self, now=None):
        """Waiting, past their next try, and not in the hands of a living sender."""
        now = now or timezone.now()
        return self.filter(
            Q(leased_until__isnull=True) | Q(leased_until__lt=now),
            state=OutgoingMail.State.WAITING,
            next_try_at__lte=now,
        ).order_by("next_try_at", "id")

    def lately(self, slug, addresses, seconds):
        """The mails of this kind decided for these addresses in the last `seconds`, sent or not."""
        return self.filter(slug=slug, to__in=addresses, created_at__gt=timezone.now() - timedelta(seconds=seconds))


class OutgoingMail(models.Model):
    """A mail decided in a transaction, kept here until the mail server has taken it.

    `message` is the whole RFC 5322 message. It is emptied once sent (it may hold a link that
    opens an account), except in the demo.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "À envoyer"
        SENT = "sent", "Envoyé"
        FAILED = "failed", "Refusé par le serveur de messagerie"

    slug = models.CharField("modèle", max_length=40)
    to = models.EmailField("destinataire", max_length=254)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="mails",
        verbose_name="compte",
    )
    subject = models.CharField("objet", max_length=250)
    reference = models.CharField("dossier n°", max_length=9, blank=True, db_index=True)
    message = models.BinaryField("message", blank=True)
    state = models.CharField("état", max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField("essais", default=0)
    created_at = models.DateTimeField("décidé le", auto_now_add=True)
    next_try_at = models.DateTimeField("prochain essai", default=timezone.now)
    give_up_at = models.DateTimeField("abandon après", default=four_days_on)
    leased_until = models.DateTimeField("en cours d'envoi jusqu'à", null=True, blank=True)
    sent_at = models.DateTimeField("envoyé le", null=True, blank=True)
    error = models.CharField("dernière erreur", max_length=500, blank=True)

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        verbose_name = "courriel"
        verbose_name_plural = "courriels"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["next_try_at", "id"], condition=Q(state="waiting"), name="outgoingmail_due"),
            models.Index(fields=["to", "slug", "created_at"], name="outgoingmail_lately"),
        ]

    def __str__(self):
        return self.subject

    def parts(self):
        """The (text, HTML) of the message; two empty strings once the body is cleared."""
        if not self.message:
            return "", ""
        parsed = email.message_from_bytes(bytes(self.message), policy=email.policy.default)
        text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
        return (text.get_content() if text else ""), (html.get_content() if html else "")
