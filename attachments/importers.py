"""The « fichier d'utilisateurs »: a CSV of people to attach to one structure, read and judged line by line."""

import csv
import io
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import date_format

from accounts.mistyped import likely_address
from accounts.models import normalised_email
from attachments.forms import LineForm
from attachments.models import WHOLE_STRUCTURE
from plumbing.exports import unguarded
from plumbing.text import folded

MOST_LINES = 500
# How the files of spreadsheets begin: zipped (.xlsx, .ods), or of before 2007 (.xls).
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
# Column of the file: field of LineForm. In this order in the model that is downloaded.
COLUMNS = {
    "Adresse de connexion": "email",
    "Prénom": "first_name",
    "Nom": "last_name",
    "Téléphone": "phone",
    "Rôle": "role",
    "Services": "services",
    "Date de début": "starts_on",
    "Date de fin": "ends_on",
}
REQUIRED = ("Adresse de connexion", "Prénom", "Nom")
# The column more of a file of lines to correct: given again, it is not read.
WHY = "À corriger"
EXAMPLE = ["prenom.nom@exemple.fr", "Prénom", "Nom", "", "Utilisateur simple", "CODE1, CODE2", "", ""]


class FileRefused(Exception):
    """Why the whole file is left: a French sentence."""


@dataclass
class Line:
    """One line of the file: what it says, what is wrong with it or what would happen."""

    number: int
    cells: dict
    faults: list = field(default_factory=list)
    # The place its person holds already; or their request, which the file approves.
    held: Any = None
    request: Any = None
    # Who, and what they would get, as `attach_from_file` takes it; None of a line with faults.
    wanted: tuple | None = None

    @property
    def name(self):
        return f"{self.cells.get('first_name', '')} {self.cells.get('last_name', '')}".strip()

    @property
    def email(self):
        return normalised_email(self.cells.get("email", ""))

    @property
    def likely(self):
        """The address that was meant, when the one of the file looks mistyped; else empty."""
        return likely_address(self.email)

    @property
    def is_to_do(self):
        return not self.faults and self.held is None

    @property
    def place(self):
        """What it would give, as a Place takes it."""
        return self.wanted[1]

    @property
    def part(self):
        return ", ".join(service.label for service in self.place["services"]) or WHOLE_STRUCTURE

    @property
    def unmet(self):
        """What the line says otherwise than the place held: a file changes none."""
        terms = self.wanted[1]
        asked = []
        if self.cells.get("role") and terms["role"] != self.held.role:
            asked.append(terms["role"].label)
        if terms["services"] and set(terms["services"]) != set(self.held.services.all()):
            asked.append(self.part)
        if terms["starts_on"] and terms["starts_on"] != self.held.starts_on:
            asked.append(f"à partir du {date_format(terms['starts_on'], 'j F Y')}")
        if terms["ends_on"] and terms["ends_on"] != self.held.ends_on:
            asked.append(f"jusqu'au {date_format(terms['ends_on'], 'j F Y')}")
        return asked

    @property
    def row(self):
        """The line as the file has it, in the columns of the model."""
        return [self.cells.get(name, "") for name in COLUMNS.values()]


def read_text(content):
    """The text of a file's bytes, as spreadsheets save them as CSV. Raises FileRefused for their own kinds of files."""
    if content.startswith(WORKBOOKS):
        raise FileRefused(
            "Ce fichier est un classeur de tableur. Dans le tableur, enregistrez-le au format CSV, "
            "puis choisissez le fichier obtenu."
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read_lines(text, structure, roles):
    """The Lines of a file for `structure`, judged; `roles` are those the person at the screen may give.

    Whether an address has an account is not looked up: a file would tell it of hundreds at once. Raises FileRefused.
    """
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error as error:
        raise FileRefused("Ce fichier n'est pas un CSV lisible : partez du modèle.") from error
    header = [folded(cell) for cell in rows[0]] if rows else []
    places = {name: header.index(folded(title)) for title, name in COLUMNS.items() if folded(title) in header}
    missing = [title for title in REQUIRED if COLUMNS[title] not in places]
    if missing:
        raise FileRefused(f"Il manque à ce fichier : {', '.join(missing)}. Partez du modèle.")
    filled = [(number, row) for number, row in enumerate(rows[1:], 2) if any(cell.strip() for cell in row)]
    if not filled:
        raise FileRefused("Ce fichier ne contient personne.")
    if len(filled) > MOST_LINES:
        raise FileRefused(f"Ce fichier contient plus de {MOST_LINES} personnes : faites-en plusieurs.")
    lines = [
        Line(number, {name: unguarded(row[at].strip()) for name, at in places.items() if at < len(row)})
        for number, row in filled
    ]
    _judge(lines, structure, roles)
    return lines


def _delimiter(text):
    first = text.partition("\n")[0]
    return max(";,\t", key=first.count)


def _judge(lines, structure, roles):
    services = {folded(service.code): service for service in structure.services.open()}
    seen = {}
    for line in lines:
        form = LineForm(line.cells, roles=roles, services=services)
        if not form.is_valid():
            line.faults = [f"{form[name].label} : {error}" for name, errors in form.errors.items() for error in errors]
        elif line.email in seen:
            line.faults = [f"Même adresse qu'à la ligne {seen[line.email]}."]
        else:
            line.wanted = form.wanted
            seen[line.email] = line.number
    # Only addresses that are some: of others (a NUL, a page of text) the database may not be asked.
    lasting = structure.attachments.lasting().select_related("user").prefetch_related("services")
    held = {row.user.email: row for row in lasting.filter(user__email__in=seen)}
    waiting = structure.attachment_requests.pending().filter(user__email__in=seen).select_related("user")
    asked = {request.user.email: request for request in waiting}
    for line in lines:
        if line.wanted:
            line.held, line.request = held.get(line.email), asked.get(line.email)
