"""What is wrong with a file, or with one of the few lines that are left out, in French sentences."""

import re

import duckdb
from django.core.exceptions import ValidationError

from directory.identifiers import IdentifierType, clean_identifier, is_siret

UNREADABLE = "La ligne contient un caractère de contrôle illisible : retapez-la ou enregistrez en UTF-8."
CUT_SHORT = "Le fichier est abîmé ou incomplet à partir d'ici : téléchargez-le de nouveau."
INTERRUPTED = "L'import s'est arrêté : relancez-le, il écrira ce qui manque."
SHORTAGE = "Le serveur manque de mémoire ou de place sur le disque : libérez-en, puis relancez l'import."
CLOSED = "L'établissement est fermé, et l'annuaire ne le connaissait pas."
_SPREADSHEET = re.compile(r"\d+([.,]\d+)?E\+?\d+", re.IGNORECASE)


class FileRefused(Exception):
    """A file that cannot be imported, or no further; its message is a French sentence."""


def is_shortage(error):
    """Whether the machine lacks memory or disk."""
    told = str(error)
    return (
        isinstance(error, (MemoryError, duckdb.OutOfMemoryException))
        or "No space left" in told
        or "Could not write" in told
    )


def explained(fault, typed):
    """The sentence for a fault found in SQL; « ?siret » stands for whatever is wrong with `typed` as a SIRET."""
    if not fault.startswith("?"):
        return fault
    return _siret(typed) if fault == "?siret" else _identifier(fault[1:], typed)


def _siret(typed):
    digits = re.sub(r"\D", "", typed)
    if not typed:
        return "Le SIRET manque."
    if _SPREADSHEET.fullmatch(typed.replace(" ", "")):
        return (
            "Le SIRET a été transformé par un tableur, ses derniers chiffres sont perdus : "
            "dans le tableur, mettez la colonne au format Texte avant d'y ouvrir le fichier."
        )
    if len(re.findall(r"\d{14}", re.sub(r"(?<=\d)[\s.\-](?=\d)", "", typed))) > 1 or len(digits) >= 28:
        return "La cellule contient plusieurs SIRET : faites une ligne par SIRET."
    if not digits.strip("0"):
        return "Le SIRET n'est fait que de zéros." if "0" in typed else "Un SIRET compte 14 chiffres, sans lettre."
    if re.fullmatch(r"\d{13}", typed, re.ASCII) and is_siret(f"0{typed}"):
        return "Il manque au SIRET le zéro du début, qu'un tableur a sans doute effacé."
    return _identifier(IdentifierType.SIRET, typed)


def _identifier(identifier_type, typed):
    try:
        clean_identifier(identifier_type, typed)
    except ValidationError as error:
        return error.messages[0]
    return "L'identifiant contient un caractère illisible : retapez-le."
