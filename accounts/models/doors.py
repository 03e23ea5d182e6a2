"""What leads into an account: sessions open, identities at the OpenID provider, links asked for."""

from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils import timezone

from accounts.models.people import User
from plumbing.deferred import DeferredWork


class OpenSessionQuerySet(models.QuerySet):
    def living(self):
        """Those that have not ended, each with `expires_at`."""
        session = Session.objects.filter(session_key=OuterRef("session_key"))
        return self.annotate(expires_at=Subquery(session.values("expire_date"))).filter(expires_at__gt=timezone.now())


class OpenSession(models.Model):
    """A session of somebody's, so that they can see and end it: Django's own rows do not say whose they are."""

    user = models.ForeignKey(User, models.PROTECT, related_name="open_sessions", verbose_name="compte")
    session_key = models.CharField("clé", max_length=40)
    browser = models.CharField("navigateur", max_length=60)
    started_at = models.DateTimeField("ouverte le", default=timezone.now)

    objects = OpenSessionQuerySet.as_manager()

    class Meta:
        verbose_name = "session ouverte"
        verbose_name_plural = "sessions ouvertes"
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session_key"],
                name="opensession_key_unique",
                violation_error_message="Cette session est déjà connue.",
            )
        ]

    def __str__(self):
        return self.browser

    @property
    def active_at(self):
        """When it last asked for a page: its end is put off each time (accounts/middleware.py)."""
        return self.expires_at - timedelta(seconds=settings.SESSION_COOKIE_AGE)


class ExternalIdentityQuerySet(models.QuerySet):
    def current(self):
        """Those at the provider that people log in by now."""
        return self.filter(issuer=settings.OIDC_ISSUER)


class ExternalIdentity(models.Model):
    """Who somebody is for an OpenID provider: `sub` is never another's there, whereas addresses change hands."""

    user = models.ForeignKey(User, models.PROTECT, related_name="identities", verbose_name="compte")
    issuer = models.CharField("fournisseur d'identité", max_length=255)
    sub = models.CharField("identifiant chez ce fournisseur", max_length=255)
    linked_at = models.DateTimeField("reliée le", default=timezone.now)

    objects = ExternalIdentityQuerySet.as_manager()

    class Meta:
        verbose_name = "identité externe"
        verbose_name_plural = "identités externes"
        ordering = ["-linked_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "sub"],
                name="externalidentity_sub_unique",
                violation_error_message="Cette identité est déjà reliée à un compte.",
            ),
            models.UniqueConstraint(
                fields=["user", "issuer"],
                name="externalidentity_one_each",
                violation_error_message="Ce compte est déjà relié à ce fournisseur d'identité.",
            ),
        ]

    def __str__(self):
        return self.issuer


class LinkRequest(DeferredWork):
    """A link to be mailed: asked for by a visitor, for a login address which may be nobody's, or by its owner
    (ADDRESS), for the address they want instead."""

    class Purpose(models.TextChoices):
        ACTIVATION = "activation", "Activation"
        RESET = "reset", "Nouveau mot de passe"
        ADDRESS = "address", "Nouvelle adresse de connexion"
        REACTIVATION = "reactivate", "Réactivation"

    email = models.EmailField("adresse de connexion", max_length=254)
    purpose = models.CharField("lien demandé", max_length=10, choices=Purpose)

    class Meta(DeferredWork.Meta):
        verbose_name = "demande de lien"
        verbose_name_plural = "demandes de lien"

    def __str__(self):
        return self.get_purpose_display()
