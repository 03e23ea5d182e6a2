"""What one cell may hold, and what is wrong with those that hold something else."""

import re
import unicodedata
from datetime import date

from django.core.exceptions import ValidationError

from directory.identifiers import IdentifierType, clean_identifier, is_siret
from directory.importers.faults import Fault
from directory.models import Nature
from plumbing.exports import unguarded
from plumbing.text import folded

LONGEST_TEXT = 250
_SPREADSHEET = re.compile(r"\d+([.,]\d+)?E\+?\d+", re.IGNORECASE)


def needs_tidying(joined):
    """Whether cells joined by « | » hold anything `tidy` would change: asked of every line, so in few steps."""
    return (
        not joined.isprintable()
        or len(joined) > LONGEST_TEXT
        or "  " in joined
        or " |" in joined
        or "| " in joined
        or "|'" in joined
        or joined.startswith("'")
        or joined.strip(" ") != joined
    )


def tidy(cell):
    """The text of a cell: single spaces, no invisible sign, no guard against formulas, cut to what a column holds.

    Cutting a name loses less than leaving its establishment out.
    """
    cell = unguarded(cell)
    if not cell.isprintable():
        if any(unicodedata.category(c) == "Cc" and not c.isspace() for c in cell):
            raise Fault("La ligne contient un caractère de contrôle illisible : retapez-la ou enregistrez en UTF-8.")
        cell = "".join(c for c in cell if unicodedata.category(c) != "Cf")
    return " ".join(cell.split())[:LONGEST_TEXT].rstrip()


def siret(typed):
    """`typed` as a SIRET; says what happened to it otherwise."""
    if is_siret(typed) and typed.strip("0"):
        return typed
    if not typed:
        raise Fault("Le SIRET manque.")
    if _SPREADSHEET.fullmatch(typed.replace(" ", "")):
        raise Fault(
            "Le SIRET a été transformé par un tableur, ses derniers chiffres sont perdus : "
            "dans le tableur, mettez la colonne au format Texte avant d'y ouvrir le fichier."
        )
    if (
        len(re.findall(r"\d{14}", re.sub(r"(?<=\d)[\s.\-](?=\d)", "", typed))) > 1
        or len(re.sub(r"\D", "", typed)) >= 28
    ):
        raise Fault("La cellule contient plusieurs SIRET : faites une ligne par SIRET.")
    if not re.sub(r"\D", "", typed).strip("0"):
        raise Fault(
            "Le SIRET n'est fait que de zéros." if "0" in typed else "Un SIRET compte 14 chiffres, sans lettre."
        )
    if re.fullmatch(r"\d{13}", typed, re.ASCII) and is_siret(f"0{typed}"):
        raise Fault("Il manque au SIRET le zéro du début, qu'un tableur a sans doute effacé.")
    return identifier(IdentifierType.SIRET, typed)


def identifier(identifier_type, typed):
    """`typed` as an identifier of that type, cleaned."""
    try:
        return clean_identifier(identifier_type, typed)
    except ValidationError as error:
        raise Fault(error.messages[0]) from error


def one_of(words, typed, otherwise):
    """The value of `words` that `typed` names, accents and case apart."""
    try:
        return words[folded(typed)]
    except KeyError:
        raise Fault(f"{otherwise} « {typed[:40]} ».") from None


NATURES = {
    "public": Nature.PUBLIC.value,
    "publique": Nature.PUBLIC.value,
    "private": Nature.PRIVATE.value,
    "prive": Nature.PRIVATE.value,
    "privee": Nature.PRIVATE.value,
}
FLAGS = dict.fromkeys(("1", "oui", "vrai", "true", "x"), "t") | dict.fromkeys(("", "0", "non", "faux", "false"), "f")
IDENTIFIER_TYPES = {folded(word): value for value, label in IdentifierType.choices for word in (value, label)}


def day(typed):
    """`typed` as a date of the database: 2023-12-31 or 31/12/2023."""
    french = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", typed, re.ASCII)
    try:
        return (date(*map(int, reversed(french.groups()))) if french else date.fromisoformat(typed[:10])).isoformat()
    except ValueError:
        raise Fault(f"La date « {typed[:20]} » n'existe pas : écrivez-la 31/12/2023.") from None
