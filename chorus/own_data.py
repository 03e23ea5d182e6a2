"""« Télécharger mes données »: all that the portal holds about one person, for people and programs (RGPD, article 20).

What others did to them is told with what was done, and what they did to others without: that is the others' own. Nobody
else is named.
"""

import json
import logging
from itertools import chain

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q
from zipstream import ZipStream

from accounts.models import DEVICES, User
from attachments.models import Handover, Right
from documents.exports import chunks_of, different_names, sandboxed
from documents.models import SupportingDocument
from history.models import HistoryEntry
from plumbing.exports import stream

# What proves who somebody is serves nobody outside; the others only matter to the portal's own working.
LEFT_OUT = {
    "id", "password", "secret_answer", "link_version", "answer_failures", "answer_locked_until", "is_superuser",
    "contact_confirmed", "password_warned_at", "closing_warned_at", "anonymised_at",
}  # fmt: skip
ROWS_AT_ONCE = 500
FOLDER = "pieces-jointes"
UNREADABLE = "Ces pièces jointes n'ont pas pu être lues. Recommencez plus tard, ou contactez l'assistance :\n\n"
logger = logging.getLogger(__name__)


def own_data_response(request):
    """The ZIP of the person at the screen, made while it is sent."""
    response = stream(request, "mes-donnees.zip", "application/zip", _archive(request.user))
    return sandboxed(response) if response.streaming else response


def _archive(user):
    archive, unreadable = ZipStream(), []
    documents = list(SupportingDocument.objects.of(user))
    names = [f"{FOLDER}/{name}" for name in different_names(documents)]
    archive.add(_json(user, zip(documents, names, strict=True)), "donnees.json")
    yield from archive.all_files()
    for document, name in zip(documents, names, strict=True):
        chunks = _readable(document)
        if chunks is None:
            unreadable.append(f"{document.designation} : {document.original_name}\n")
            continue
        archive.add(chunks, name)
        yield from archive.all_files()
    if unreadable:
        archive.add(UNREADABLE + "".join(unreadable), f"{FOLDER}/LISEZ-MOI.txt")
    yield from archive.finalize()


def _readable(document):
    """What is in its file, None when it cannot be read: the others are sent all the same."""
    chunks = chunks_of(document)
    try:
        return chain([next(chunks, b"")], chunks)
    except Exception:
        logger.exception("Document %s could not be read", document.pk)
        return None


def _json(user, documents):
    """The bytes of donnees.json, a few rows at once."""
    lists = {
        "rattachements": map(_attachment, _rows(user.attachments.select_related("structure"), "services")),
        "demandes_de_rattachement": map(
            _request, _rows(user.attachment_requests.select_related("structure"), "services")
        ),
        "abonnements": map(
            _subscription, _rows(user.subscriptions.select_related("structure", "space", "service").order_by("pk"))
        ),
        "suppleances": map(_deputyship, _rows(user.deputyships.select_related("structure"))),
        "transmissions": map(
            _handover, _rows(Handover.objects.filter(Q(outgoing=user) | Q(successor=user)).select_related("structure"))
        ),
        "double_authentification": _factors(user),
        "cles_d_acces": map(_passkey, user.passkeys.all()),
        "identites_externes": map(_identity, user.identities.all()),
        "sessions_ouvertes": map(_session, user.open_sessions.living()),
        "courriels_envoyes": map(_mail, _rows(user.mails.defer("message"))),
        "pieces_jointes": (_document(document, name) for document, name in documents),
        "sollicitations": map(_ticket, _rows(user.tickets.all(), "messages", "files")),
        "historique": (_entry(entry, user) for entry in _rows(_history_of(user))),
    }
    yield f'{{\n"compte": {_dumped(_account(user))}'.encode()
    for title, rows in lists.items():
        yield f',\n"{title}": ['.encode()
        for number, row in enumerate(rows):
            yield f"{',' if number else ''}\n{_dumped(row)}".encode()
        yield b"]"
    yield b"\n}\n"


def _rows(rows, *prefetched):
    return rows.prefetch_related(*prefetched).iterator(chunk_size=ROWS_AT_ONCE)


def _dumped(facts):
    return json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False)


def _account(user):
    facts = {}
    for field in User._meta.concrete_fields:
        if field.name not in LEFT_OUT:
            value = getattr(user, field.name)
            facts[str(field.verbose_name)] = (
                str(dict(field.flatchoices).get(value, value)) if field.flatchoices else value
            )
    return facts | {"téléphone": str(user.phone)}


def _scope(row):
    return {
        "structure": row.structure.legal_name,
        "identifiant": row.structure.identifier,
        "structure_entiere": row.whole_structure,
        "services": row.service_labels,
        "date_de_debut": row.starts_on,
        "date_de_fin": row.ends_on,
    }


def _attachment(row):
    rights = {Right(right).label: getattr(row, right) for right in Right.values if getattr(row, right) is not None}
    dates = {"cree_le": row.created_at, "termine_le": row.ended_at}
    return _scope(row) | {"role": row.get_role_display(), "droits_propres": rights} | dates


def _deputyship(row):
    return {
        "structure": row.structure.legal_name,
        "identifiant": row.structure.identifier,
        "date_de_debut": row.starts_on,
        "date_de_fin": row.ends_on,
        "terminee_le": row.ended_at,
    }


def _handover(row):
    return {
        "structure": row.structure.legal_name,
        "identifiant": row.structure.identifier,
        "dossier": row.reference,
        "date_d_effet": row.takes_effect_on,
        "statut": row.get_status_display(),
    }


def _request(row):
    return _scope(row) | {
        "dossier": row.reference,
        "commentaire": row.comment,
        "envoyee_le": row.created_at,
        "statut": row.get_status_display(),
        "decidee_le": row.decided_at,
        "motif_du_refus": row.reason,
    }


def _subscription(row):
    return {
        "structure": row.structure.legal_name,
        "identifiant": row.structure.identifier,
        "espace": row.space.label,
        "service": row.part,
        "acces": row.get_access_display(),
        "date_de_debut": row.starts_on,
        "dossier": row.reference,
        "commentaire": row.comment,
        "demande_le": row.created_at,
        "statut": row.get_status_display(),
        "motif": row.reason,
    }


def _ticket(row):
    return {
        "dossier": row.reference,
        "categorie": row.get_category_display(),
        "objet": row.subject,
        "reponses": dict(row.facts),
        "statut": row.get_status_display(),
        "envoyee_le": row.sent_at,
        "messages": [
            {"de": "l'assistance" if message.from_support else "vous", "le": message.sent_at, "texte": message.text}
            for message in row.messages.all()
        ],
        "fichiers": [file.original_name for file in row.files.all()],
    }


def _factors(user):
    """What there is and since when: the keys themselves only serve to log in."""
    for way, table in DEVICES.items():
        for device in table.objects.filter(user=user):
            yield {"moyen": way.label, "ajoute_le": device.created_at}


def _passkey(row):
    return {"nom": row.name, "ajoutee_le": row.created_at, "utilisee_le": row.last_used_at}


def _identity(row):
    return {"fournisseur": row.issuer, "identifiant": row.sub, "reliee_le": row.linked_at}


def _session(row):
    return {"navigateur": row.browser, "ouverte_le": row.started_at, "derniere_activite": row.active_at}


def _mail(row):
    return {"date": row.created_at, "destinataire": row.to, "objet": row.subject, "envoye_le": row.sent_at}


def _document(row, name):
    return {
        "designation": row.designation,
        "type": row.get_type_display(),
        "fichier": name,
        "taille": row.size,
        "ajoutee_le": row.created_at,
    }


def _history_of(user):
    return HistoryEntry.objects.filter(Q(subject=user) | Q(actor=user)).select_related("structure")


def _entry(entry, user):
    """What was done to them, or by them; of what they did to others or to a structure, not what exactly it was."""
    facts = {
        "date": entry.created_at,
        "action": entry.get_event_display(),
        "auteur": _who(entry.actor_id, user) if entry.actor_id else "le portail",
        "structure": entry.structure and entry.structure.legal_name,
    }
    if entry.subject_id != user.pk:
        return facts | {"personne_concernee": "une autre personne" if entry.subject_id else None}
    details = {"dossier": entry.reference, "precisions": entry.comment.splitlines(), "donnees": entry.data}
    return facts | {"personne_concernee": "vous"} | details


def _who(user_id, user):
    return "vous" if user_id == user.pk else "une autre personne"
