from datetime import datetime, time, timedelta
from uuid import uuid4

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from history.chain import COLUMNS, VERSION, as_stored, entry_digest, is_same
from history.data import sentences
from plumbing.text import loose_pattern


def _midnight(day):
    """The instant a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))


class Event(models.TextChoices):
    """What was done, in the words of the « Historique » screens."""

    ACCOUNT_REGISTERED = "account_registered", "Compte créé"
    ACCOUNT_APPROVED = "account_approved", "Compte approuvé"
    ACCOUNT_ACTIVATED = "account_activated", "Compte activé"
    ACCOUNT_CHANGED = "account_changed", "Compte modifié"
    CONTACT_CONFIRMED = "contact_confirmed", "Adresse de contact confirmée"
    ACCOUNT_DEACTIVATED = "account_deactivated", "Compte désactivé"
    ACCOUNT_REACTIVATED = "account_reactivated", "Compte réactivé"
    ACCOUNT_CLOSED = "account_closed", "Compte clos"
    ACCOUNT_ANONYMISED = "account_anonymised", "Compte anonymisé"
    RIGHTS_CHANGED = "rights_changed", "Droits d'assistance modifiés"
    ACTIVATION_RESENT = "activation_resent", "Lien d'activation renvoyé"
    PASSWORD_RESET = "password_reset", "Mot de passe réinitialisé"
    PASSWORD_CHANGED = "password_changed", "Mot de passe modifié"
    SECRET_QUESTION_CHANGED = "secret_question_changed", "Question secrète modifiée"
    ADDRESS_REQUESTED = "address_requested", "Changement d'adresse de connexion demandé"
    ADDRESS_REQUEST_CANCELLED = "address_request_cancelled", "Changement d'adresse de connexion abandonné"
    ADDRESS_CHANGED = "address_changed", "Adresse de connexion modifiée"
    ADDRESS_RESTORED = "address_restored", "Adresse de connexion rétablie"
    SECOND_FACTOR_ADDED = "second_factor_added", "Double authentification : moyen ajouté"
    SECOND_FACTOR_REMOVED = "second_factor_removed", "Double authentification : moyen retiré"
    SECOND_FACTOR_TURNED_OFF = "second_factor_turned_off", "Double authentification désactivée"
    RECOVERY_CODES_DRAWN = "recovery_codes_drawn", "Codes de secours renouvelés"
    RECOVERY_CODE_USED = "recovery_code_used", "Code de secours utilisé"
    IDENTITY_LINKED = "identity_linked", "Connexion par un fournisseur d'identité reliée"
    IDENTITY_UNLINKED = "identity_unlinked", "Connexion par un fournisseur d'identité déliée"
    SESSIONS_ENDED = "sessions_ended", "Sessions fermées"
    DOCUMENT_ADDED = "document_added", "Pièce jointe ajoutée"
    DOCUMENT_DELETED = "document_deleted", "Pièce jointe supprimée"
    STRUCTURE_CREATED = "structure_created", "Structure créée"
    STRUCTURE_CHANGED = "structure_changed", "Structure modifiée"
    STRUCTURE_UPDATED = "structure_updated", "Structure mise à jour depuis l'annuaire"
    STRUCTURE_ACTIVATED = "structure_activated", "Structure activée"
    STRUCTURE_DEACTIVATED = "structure_deactivated", "Structure désactivée"
    IDENTIFIER_CHANGED = "identifier_changed", "Identifiant de la structure modifié"
    REFERENT_CREATED = "referent_created", "Référent facturation électronique ajouté"
    REFERENT_CHANGED = "referent_changed", "Référent facturation électronique modifié"
    REFERENT_DELETED = "referent_deleted", "Référent facturation électronique supprimé"
    SERVICE_CREATED = "service_created", "Service créé"
    SERVICE_CHANGED = "service_changed", "Service modifié"
    SERVICE_ACTIVATED = "service_activated", "Service activé"
    SERVICE_DEACTIVATED = "service_deactivated", "Service désactivé"
    BANK_ACCOUNT_CREATED = "bank_account_created", "Coordonnée bancaire créée"
    BANK_ACCOUNT_CHANGED = "bank_account_changed", "Coordonnée bancaire modifiée"
    BANK_ACCOUNT_ACTIVATED = "bank_account_activated", "Coordonnée bancaire activée"
    BANK_ACCOUNT_DEACTIVATED = "bank_account_deactivated", "Coordonnée bancaire désactivée"
    REQUEST_SENT = "request_sent", "Demande de rattachement envoyée"
    REQUEST_APPROVED = "request_approved", "Demande de rattachement validée"
    REQUEST_REFUSED = "request_refused", "Demande de rattachement refusée"
    REQUEST_WITHDRAWN = "request_withdrawn", "Demande de rattachement retirée"
    ATTACHMENT_STARTED = "attachment_started", "Rattachement commencé"
    ATTACHMENT_CHANGED = "attachment_changed", "Rattachement modifié"
    ATTACHMENT_ENDED = "attachment_ended", "Rattachement terminé"
    SECONDARY_RIGHTS_CHANGED = "secondary_rights_changed", "Droits des gestionnaires secondaires modifiés"
    PERSONAL_RIGHTS_CHANGED = "personal_rights_changed", "Droits d'un gestionnaire secondaire modifiés"
    DEPUTY_NAMED = "deputy_named", "Suppléant désigné"
    DEPUTY_ENDED = "deputy_ended", "Suppléance terminée"
    SUBSCRIPTION_ASKED = "subscription_asked", "Abonnement à un espace demandé"
    SUBSCRIPTION_APPROVED = "subscription_approved", "Abonnement à un espace validé"
    SUBSCRIPTION_REFUSED = "subscription_refused", "Abonnement à un espace refusé"
    SUBSCRIPTION_ENDED = "subscription_ended", "Abonnement à un espace désactivé"
    SPACE_OPENED = "space_opened", "Espace ouvert sur la structure"
    SPACE_CLOSED = "space_closed", "Espace fermé sur la structure"
    SPACE_CREATED = "space_created", "Espace ajouté au catalogue"
    SPACE_CHANGED = "space_changed", "Espace du catalogue modifié"
    ROLE_CHANGED = "role_changed", "Rôle modifié"
    TICKET_OPENED = "ticket_opened", "Sollicitation envoyée"
    TICKET_ANSWERED = "ticket_answered", "Message d'une sollicitation"
    TICKET_CLOSED = "ticket_closed", "Sollicitation clôturée"
    CLAIM_OPENED = "claim_opened", "Remplacement du gestionnaire principal demandé à l'assistance"
    CLAIM_CERTIFICATE = "claim_certificate", "Remplacement du gestionnaire principal : attestation établie"
    CLAIM_SIGNED = "claim_signed", "Remplacement du gestionnaire principal : attestation signée reçue"
    CLAIM_OBJECTED = "claim_objected", "Remplacement du gestionnaire principal : opposition"
    CLAIM_TRIED = "claim_tried", "Remplacement du gestionnaire principal : essai refusé"
    CLAIM_CARRIED_OUT = "claim_carried_out", "Remplacement du gestionnaire principal par l'assistance"
    PRINCIPAL_DESIGNATED = "principal_designated", "Gestionnaire principal désigné"
    PRINCIPAL_TRANSFERRED = "principal_transferred", "Rôle de gestionnaire principal transmis"
    TRANSFER_UNDONE = "transfer_undone", "Transmission contestée et défaite"
    HANDOVER_PLANNED = "handover_planned", "Transmission prévue"
    HANDOVER_CANCELLED = "handover_cancelled", "Transmission prévue annulée"
    HANDOVER_STOPPED = "handover_stopped", "Transmission prévue arrêtée"


# What an approval writes beside its own line, with the number of the request.
FOLLOWING = (Event.ATTACHMENT_STARTED, Event.ATTACHMENT_CHANGED)


class AppendOnlyQuerySet(models.QuerySet):
    def update(self, **kwargs):
        raise TypeError("L'historique ne se modifie pas.")

    def delete(self):
        raise TypeError("L'historique ne s'efface pas.")


class AppendOnly(models.Model):
    """Rows that are neither changed nor deleted: not by us, nor by anybody else (history/append_only.py)."""

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise TypeError("L'historique ne se modifie pas.")
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args, **kwargs):
        raise TypeError("L'historique ne s'efface pas.")


class HistoryEntryQuerySet(AppendOnlyQuerySet):
    def unsealed(self, after=0):
        """Those behind the line `after`. Told to both tables, or each look would begin at the chain's first seal."""
        return self.filter(~Exists(HistorySeal.objects.filter(entry=OuterRef("pk"), entry__gt=after)), pk__gt=after)

    def folded(self):
        """Without what followed from a request being approved, under its number: the approval's own line says it."""
        return self.exclude(~Q(reference=""), event__in=FOLLOWING)

    def following(self, entry):
        """What is folded into this line."""
        if entry.event != Event.REQUEST_APPROVED or not entry.reference:
            return self.none()
        same = {"structure": entry.structure_id, "subject": entry.subject_id, "reference": entry.reference}
        return self.filter(event__in=FOLLOWING, **same)

    def last_by_somebody(self, *events):
        """The last time somebody did one of these; None when nobody did."""
        done = self.filter(event__in=events).exclude(actor=None)
        return done.select_related("actor").order_by("-created_at", "-pk").first()

    def between(self, since, until):
        """Of these days, both included; either may be None."""
        lines = self if since is None else self.filter(created_at__gte=_midnight(since))
        return lines if until is None else lines.filter(created_at__lt=_midnight(until + timedelta(days=1)))

    def naming(self, words):
        """Done by, or about, somebody whose name contains every one of `words`.

        Not by their address, which is another one by now, maybe, and not for whoever knew the one before; nor is
        anybody found by what an anonymised account was called.
        """
        lines = self
        for word in words.split():
            pattern, found = loose_pattern(word), Q()
            for person in ("actor", "subject"):
                said = [Q((f"{person}__{name}__iregex", pattern)) for name in ("first_name", "last_name")]
                found |= (said[0] | said[1]) & Q((f"{person}__anonymised_at", None))
            lines = lines.filter(found)
        return lines


class HistoryEntry(AppendOnly):
    """One thing done: by whom (`actor`, none for the portal itself), to whom, on which structure.

    Append-only: neither rows nor query sets can be changed or deleted. Written by `history.actions` alone, which
    knows how to compute `digest` (history/chain.py).
    """

    # What no other line has, were it a copy in all the rest.
    uid = models.UUIDField(default=uuid4, unique=True, editable=False)
    created_at = models.DateTimeField("date", default=timezone.now, editable=False)
    event = models.CharField("action", max_length=40, choices=Event)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="auteur"
    )
    subject = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="history",
        verbose_name="personne concernée",
    )
    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, null=True, blank=True, related_name="history", verbose_name="structure"
    )
    reference = models.CharField("dossier n°", max_length=9, blank=True)
    # Facts, never sentences: see history/data.py.
    data = models.JSONField("données", default=dict, blank=True, encoder=DjangoJSONEncoder)
    # Of all the above, in the way of this version: see history/chain.py.
    version = models.PositiveSmallIntegerField(default=VERSION, db_default=1, editable=False)
    digest = models.CharField(max_length=64, editable=False)

    objects = HistoryEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "ligne d'historique"
        verbose_name_plural = "historique"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["structure", "-created_at"], name="history_structure"),
            models.Index(fields=["-created_at", "-id"], name="history_recent"),
        ]

    def __str__(self):
        return self.get_event_display()

    @property
    def content(self):
        """What its digest is made of."""
        return {name: getattr(self, name) for name in COLUMNS} | {"data": as_stored(self.data)}

    @property
    def is_genuine(self):
        """Whether the portal wrote it, as it is."""
        return is_same(self.digest, entry_digest(self.version, self.content))

    @property
    def comment(self):
        """What exactly was done, in French, a line each: made of `data` when shown."""
        return "\n".join(sentences(self.data))


class HistorySealQuerySet(AppendOnlyQuerySet):
    def head(self):
        return self.order_by("-position").first()


class HistorySeal(AppendOnly):
    """An entry's place in the chain: its digest takes in the one before it, so that none can be taken out or put in.

    Written after the entry, by one worker at a time: `history.actions.seal_entries`.
    """

    position = models.PositiveBigIntegerField("position", primary_key=True)
    entry = models.OneToOneField(HistoryEntry, models.PROTECT, related_name="seal", verbose_name="ligne d'historique")
    digest = models.CharField(max_length=64, editable=False)

    objects = HistorySealQuerySet.as_manager()

    class Meta:
        verbose_name = "scellé"
        verbose_name_plural = "scellés"
        ordering = ["position"]

    def __str__(self):
        return f"Scellé n° {self.position}"
