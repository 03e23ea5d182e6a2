"""The lists of requests, in columns."""

from itertools import islice

from django.utils import timezone

from attachments.models import WHOLE_STRUCTURE
from plumbing.exports import Column

ROWS_AT_ONCE = 1_000
_WHO = [
    Column("Dossier n°", lambda row: row.reference),
    Column("Nom", lambda row: row.user.ANONYMOUS if row.user.anonymised_at else row.user.last_name),
    Column("Prénom", lambda row: row.user.first_name),
    Column("Adresse de connexion", lambda row: row.known_email),
    Column("Structure", lambda row: str(row.structure)),
    Column("Type d'identifiant", lambda row: row.structure.get_identifier_type_display()),
    Column("Identifiant", lambda row: row.structure.identifier),
]
SCOPE = [
    Column("Niveau", lambda row: WHOLE_STRUCTURE if row.whole_structure else "Services"),
    Column("Services", lambda row: ", ".join(row.service_labels)),
    Column("Date de début", lambda row: row.starts_on),
    Column("Date de fin", lambda row: row.ends_on),
]
SENT = Column("Envoyée le", lambda row: timezone.localdate(row.created_at))
STATUS = Column("Statut", lambda row: row.get_status_display())
WAITING = [*_WHO, *SCOPE, SENT]
# For whoever sees requests that others decide.
DECIDERS = [
    Column("Peuvent décider", lambda row: ", ".join(map(str, row.deciders))),
    Column("Pourquoi personne ne peut", lambda row: row.cause),
]
DECIDED = [
    *_WHO,
    SENT,
    STATUS,
    Column("Rôle", lambda row: row.granted_role),
    Column("Accordé pour", lambda row: row.granted_part),
    Column("Motif du refus", lambda row: row.reason),
    Column("Décidée le", lambda row: timezone.localdate(row.decided_at)),
    Column("Décidée par", lambda row: str(row.decided_by or "le portail")),
]


def _author(row):
    author = str(row.actor or "le portail")
    return f"{author}, {row.deputyship.in_words}" if row.deputyship else author


HISTORY = [
    Column("Date", lambda row: timezone.localdate(row.created_at)),
    Column("Heure", lambda row: f"{timezone.localtime(row.created_at):%H:%M}"),
    Column("Action", lambda row: row.get_event_display()),
    Column("Commentaire", lambda row: row.outcome.word),
    Column("Auteur", _author),
    Column("Personne concernée", lambda row: str(row.subject or "")),
    Column("Structure", lambda row: str(row.structure)),
    Column("Type d'identifiant", lambda row: row.structure.get_identifier_type_display()),
    Column("Identifiant", lambda row: row.structure.identifier),
    Column("Dossier n°", lambda row: row.reference),
    Column("Détail", lambda row: row.comment.replace("\n", " ; ")),
]

ORPHANS = [
    Column("Structure", str),
    Column("Type d'identifiant", lambda row: row.get_identifier_type_display()),
    Column("Identifiant", lambda row: row.identifier),
    Column("Ville", lambda row: row.city),
    Column("Causes", lambda row: "\n".join(words for words, _ in row.causes)),
    Column("Depuis le", lambda row: min((timezone.localdate(since) for _, since in row.causes if since), default="")),
    Column("Gestionnaire principal", lambda row: str(row.principal or "")),
    Column("Adresse de connexion", lambda row: row.principal.known_email if row.principal else ""),
    Column("Demandes en attente", lambda row: row.waiting),
    Column("La plus ancienne", lambda row: timezone.localdate(row.oldest) if row.oldest else ""),
    Column("À faire", lambda row: row.way.label),
]


def told(requests, tell):
    """The rows, read some at a time; `tell` adds to each lot what only other tables know."""
    rows = requests.iterator(chunk_size=ROWS_AT_ONCE)
    while lot := list(islice(rows, ROWS_AT_ONCE)):
        yield from tell(lot)


PEOPLE = [
    Column("Nom", lambda row: row.user.last_name),
    Column("Prénom", lambda row: row.user.first_name),
    Column("Adresse de connexion", lambda row: row.known_email),
    Column("Statut du compte", lambda row: row.user.get_state_display()),
    Column("Rôle", lambda row: row.get_role_display()),
    *SCOPE,
    Column("Statut", lambda row: row.standing.label),
]


def _listed(say):
    return lambda person: "\n".join(map(say, person.places))


SOUGHT = [
    Column("Nom", lambda person: person.last_name),
    Column("Prénom", lambda person: person.first_name),
    Column("Adresse de connexion", lambda person: person.known_email),
    Column("Statut du compte", lambda person: person.get_state_display()),
    Column("Structures", _listed(lambda place: str(place.structure))),
    Column("Identifiants", _listed(lambda place: place.structure.identifier)),
    Column("Rôles", _listed(lambda place: place.get_role_display())),
    Column("Niveaux", _listed(lambda place: place.full_part)),
]
