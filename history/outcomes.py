"""What the « Historique » screens show of each event: the kind it is filtered under, and what became of it, in a word.

Every event stands here or in ACCOUNTS_ONLY, which are nobody's business but the account's: an event that stands
nowhere is not shown (tests/history/test_outcomes.py fails then).
"""

from typing import NamedTuple

from django.db import models

from history.models import Event


class Kind(models.TextChoices):
    REQUESTS = "demandes", "Demandes de rattachement"
    ATTACHMENTS = "rattachements", "Rattachements et rôles"
    SPACES = "espaces", "Espaces et abonnements"
    STRUCTURE = "structure", "Structure"
    SERVICES = "services", "Services"
    BANK_ACCOUNTS = "coordonnees", "Coordonnées bancaires"


class Outcome(NamedTuple):
    """`tone` is a status as badges know them; `word` agrees with what was done."""

    kind: Kind
    tone: str
    word: str


_REQUESTS, _ATTACHMENTS, _STRUCTURE = Kind.REQUESTS, Kind.ATTACHMENTS, Kind.STRUCTURE
_GOOD, _BAD, _WAIT, _OFF, _PLAIN = "approved", "refused", "waiting", "inactive", "mine"
OUTCOMES = {
    Event.REQUEST_SENT: Outcome(_REQUESTS, _WAIT, "Envoyée"),
    Event.REQUEST_APPROVED: Outcome(_REQUESTS, _GOOD, "Validée"),
    Event.REQUEST_REFUSED: Outcome(_REQUESTS, _BAD, "Refusée"),
    Event.REQUEST_WITHDRAWN: Outcome(_REQUESTS, _OFF, "Retirée"),
    Event.ATTACHMENT_STARTED: Outcome(_ATTACHMENTS, _GOOD, "Validé"),
    Event.ATTACHMENT_CHANGED: Outcome(_ATTACHMENTS, _PLAIN, "Modifié"),
    Event.ATTACHMENT_ENDED: Outcome(_ATTACHMENTS, _OFF, "Supprimé"),
    Event.ROLE_CHANGED: Outcome(_ATTACHMENTS, _PLAIN, "Modifié"),
    Event.PRINCIPAL_DESIGNATED: Outcome(_ATTACHMENTS, _GOOD, "Désigné"),
    Event.CLAIM_OPENED: Outcome(_ATTACHMENTS, _WAIT, "Demandé"),
    Event.CLAIM_CERTIFICATE: Outcome(_ATTACHMENTS, _PLAIN, "Établie"),
    Event.CLAIM_SIGNED: Outcome(_ATTACHMENTS, _PLAIN, "Reçue"),
    Event.CLAIM_OBJECTED: Outcome(_ATTACHMENTS, _BAD, "Opposition"),
    Event.CLAIM_TRIED: Outcome(_ATTACHMENTS, _BAD, "Refusé"),
    Event.CLAIM_CARRIED_OUT: Outcome(_ATTACHMENTS, _GOOD, "Fait"),
    Event.PRINCIPAL_TRANSFERRED: Outcome(_ATTACHMENTS, _PLAIN, "Transmis"),
    Event.TRANSFER_UNDONE: Outcome(_ATTACHMENTS, _OFF, "Défaite"),
    Event.HANDOVER_PLANNED: Outcome(_ATTACHMENTS, _WAIT, "Prévue"),
    Event.HANDOVER_CANCELLED: Outcome(_ATTACHMENTS, _OFF, "Annulée"),
    Event.HANDOVER_STOPPED: Outcome(_ATTACHMENTS, _BAD, "Arrêtée"),
    Event.SECONDARY_RIGHTS_CHANGED: Outcome(_ATTACHMENTS, _PLAIN, "Modifiés"),
    Event.PERSONAL_RIGHTS_CHANGED: Outcome(_ATTACHMENTS, _PLAIN, "Modifiés"),
    Event.DEPUTY_NAMED: Outcome(_ATTACHMENTS, _GOOD, "Désignée"),
    Event.DEPUTY_ENDED: Outcome(_ATTACHMENTS, _OFF, "Terminée"),
    Event.SUBSCRIPTION_ASKED: Outcome(Kind.SPACES, _WAIT, "Demandé"),
    Event.SUBSCRIPTION_APPROVED: Outcome(Kind.SPACES, _GOOD, "Validé"),
    Event.SUBSCRIPTION_REFUSED: Outcome(Kind.SPACES, _BAD, "Refusé"),
    Event.SUBSCRIPTION_ENDED: Outcome(Kind.SPACES, _OFF, "Désactivé"),
    Event.SPACE_OPENED: Outcome(Kind.SPACES, _GOOD, "Ouvert"),
    Event.SPACE_CLOSED: Outcome(Kind.SPACES, _OFF, "Fermé"),
    Event.STRUCTURE_CREATED: Outcome(_STRUCTURE, _GOOD, "Créée"),
    Event.STRUCTURE_CHANGED: Outcome(_STRUCTURE, _PLAIN, "Modifiée"),
    Event.STRUCTURE_UPDATED: Outcome(_STRUCTURE, _PLAIN, "Mise à jour"),
    Event.STRUCTURE_ACTIVATED: Outcome(_STRUCTURE, _GOOD, "Activée"),
    Event.STRUCTURE_DEACTIVATED: Outcome(_STRUCTURE, _OFF, "Désactivée"),
    Event.IDENTIFIER_CHANGED: Outcome(_STRUCTURE, _PLAIN, "Modifié"),
    Event.SERVICE_CREATED: Outcome(Kind.SERVICES, _GOOD, "Créé"),
    Event.SERVICE_CHANGED: Outcome(Kind.SERVICES, _PLAIN, "Modifié"),
    Event.SERVICE_ACTIVATED: Outcome(Kind.SERVICES, _GOOD, "Activé"),
    Event.SERVICE_DEACTIVATED: Outcome(Kind.SERVICES, _OFF, "Désactivé"),
    Event.BANK_ACCOUNT_CREATED: Outcome(Kind.BANK_ACCOUNTS, _GOOD, "Créée"),
    Event.BANK_ACCOUNT_CHANGED: Outcome(Kind.BANK_ACCOUNTS, _PLAIN, "Modifiée"),
    Event.BANK_ACCOUNT_ACTIVATED: Outcome(Kind.BANK_ACCOUNTS, _GOOD, "Activée"),
    Event.BANK_ACCOUNT_DEACTIVATED: Outcome(Kind.BANK_ACCOUNTS, _OFF, "Désactivée"),
}
# Of people's own accounts, of the referents that support keeps, and of what people ask support: read in the admin only.
_ACCOUNTS = (
    *("account_", "activation_", "password_", "secret_", "address_", "contact_", "second_factor_", "recovery_"),
    *("identity_", "sessions_", "document_", "referent_", "ticket_", "space_created", "space_changed"),
)
ACCOUNTS_ONLY = {event for event in Event if event.startswith(_ACCOUNTS)} | {Event.RIGHTS_CHANGED}


def events_of(kind):
    """The events filtered under `kind`; all that are shown without one."""
    return [event for event, outcome in OUTCOMES.items() if kind in ("", outcome.kind)]
