"""Subscriptions, in columns."""

from django.utils import timezone

from plumbing.exports import Column

SUBSCRIPTIONS = [
    Column("Structure", lambda row: str(row.structure)),
    Column("Type d'identifiant", lambda row: row.structure.get_identifier_type_display()),
    Column("Identifiant", lambda row: row.structure.identifier),
    Column("Espace", lambda row: str(row.space)),
    Column("Service", lambda row: row.part),
    Column("Accès", lambda row: row.get_access_display()),
    Column("Date de début", lambda row: row.starts_on),
    Column("Statut", lambda row: row.get_status_display()),
    Column("Dossier n°", lambda row: row.reference),
    Column("Demandé le", lambda row: timezone.localdate(row.created_at)),
    Column("Commentaire", lambda row: row.comment),
    Column("Motif", lambda row: row.reason),
]

# What waits for a decision, and of whom.
WAITING = [
    Column("Nom", lambda row: row.user.last_name),
    Column("Prénom", lambda row: row.user.first_name),
    Column("Adresse", lambda row: row.user.email),
    *(column for column in SUBSCRIPTIONS if column.title not in ("Statut", "Motif")),
]
