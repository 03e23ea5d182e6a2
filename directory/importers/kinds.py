"""The kinds of files and the names of their columns, whose accents, case and signs drift by year."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from directory.importers.faults import FileRefused
from directory.models import DirectoryEntry, DirectoryImport, Establishment
from plumbing.text import search_key

Kind = DirectoryImport.Kind
IDENTIFIED = ("identifier_type", "identifier")
# What an import writes of an establishment beside its identifier.
TOLD = ("nature", *Establishment.DESCRIPTIVE, "undisclosed", "closed_on")


@dataclass(frozen=True)
class Layout:
    """How a kind of file is read: `<sql>.sql` shapes its cells, which bear our names.

    `names`: ours → those the files give; `required`: ours; `number`: the one that identifies a line.
    """

    kind: str
    label: str
    sql: str
    number: str
    names: dict
    required: tuple
    # Database columns this kind never tells, and those told only by files that have a column (ours).
    never: tuple = ()
    told_by: dict = field(default_factory=dict)
    # What stands in a cell for what may not be said.
    hidden: str = ""

    @property
    def statement(self):
        return Path(__file__).with_name(f"{self.sql}.sql").read_text()


@dataclass(frozen=True)
class Columns:
    """Where a file keeps what its layout needs: `places`, our names → place or None."""

    layout: Layout
    header: list

    @property
    def places(self):
        there = {}
        for place, name in enumerate(self.header):
            there.setdefault(plain(name), place)
        return {
            ours: next((there[plain(name)] for name in names if plain(name) in there), None)
            for ours, names in self.layout.names.items()
        }

    @property
    def missing(self):
        places = self.places
        return [self.layout.names[ours][0] for ours in self.layout.required if places[ours] is None]

    @property
    def told(self):
        """The database columns these files write; others stay as they are."""
        places, told_by = self.places, self.layout.told_by
        silent = {column for column, ours in told_by.items() if places[ours] is None}
        return [column for column in TOLD if column not in silent and column not in self.layout.never]


def plain(name):
    """`Code_postal`, « Code postal » and « code-postal » are one name."""
    return re.sub(r"[^A-Z0-9]", "", search_key(name[:200]))


UNITS = Layout(
    Kind.SIRENE,
    "SIRENE, unités légales",
    sql="units",
    number="siren",
    names={
        "siren": ["siren"],
        "category": ["categorieJuridiqueUniteLegale"],
        "denomination": ["denominationUniteLegale"],
        "usual_name": ["denominationUsuelle1UniteLegale", "denominationUsuelleUniteLegale"],
        "surname": ["nomUniteLegale"],
        "used_surname": ["nomUsageUniteLegale"],
        "used_first_name": ["prenomUsuelUniteLegale"],
        "first_name": ["prenom1UniteLegale"],
        "status": ["statutDiffusionUniteLegale"],
    },
    required=("siren", "category", "denomination"),
    hidden="[ND]",
)
ESTABLISHMENTS = Layout(
    Kind.SIRENE,
    "SIRENE, établissements",
    sql="sirene",
    number="siret",
    names={
        "siret": ["siret"],
        "state": ["etatAdministratifEtablissement"],
        "since": ["dateDebut", "dateDebutEtablissement"],
        "sign": ["enseigne1Etablissement", "enseigneEtablissement"],
        "usual_name": ["denominationUsuelleEtablissement"],
        "house": ["numeroVoieEtablissement"],
        "again": ["indiceRepetitionEtablissement"],
        "street_type": ["typeVoieEtablissement"],
        "street": ["libelleVoieEtablissement"],
        "complement": ["complementAdresseEtablissement"],
        "box": ["distributionSpecialeEtablissement"],
        "postcode": ["codePostalEtablissement"],
        "city": ["libelleCommuneEtablissement"],
        "foreign_city": ["libelleCommuneEtrangerEtablissement"],
        "country": ["libellePaysEtrangerEtablissement"],
        "status": ["statutDiffusionEtablissement"],
    },
    required=("siret", "state"),
    hidden="[ND]",
)
EDUCATION = Layout(
    Kind.EDUCATION,
    Kind.EDUCATION.label,
    sql="education",
    number="siret",
    names={
        "siret": ["SIREN_SIRET", "siret"],
        "name": ["Nom_etablissement"],
        "nature": ["Statut_public_prive"],
        "address": ["Adresse_1"],
        "more": ["Adresse_2"],
        "town": ["Adresse_3"],
        "postcode": ["Code_postal"],
        "city": ["Nom_commune"],
        "state": ["etat", "etat_etablissement_libe"],
        "updated": ["date_maj_ligne"],
    },
    required=("siret", "name", "nature"),
    never=("label", "undisclosed", "country"),
    told_by={"closed_on": "state"},
)
PORTAL = Layout(
    Kind.PORTAL,
    Kind.PORTAL.label,
    sql="portal",
    number="identifier",
    # Those of the database, or of the search's export.
    names={name: [name, DirectoryEntry._meta.get_field(name).verbose_name] for name in (*IDENTIFIED, *TOLD)},
    required=("identifier", "nature", "legal_name"),
    told_by={name: name for name in TOLD},
)
LAYOUTS = (UNITS, ESTABLISHMENTS, EDUCATION, PORTAL)


def columns_of(header):
    """The Columns of the first layout whose required ones are there; refuses the file otherwise."""
    tried = [Columns(layout, header) for layout in LAYOUTS]
    for columns in tried:
        if not columns.missing:
            return columns
    closest = min(tried, key=lambda columns: len(columns.missing) / len(columns.layout.required))
    if len(closest.missing) < len(closest.layout.required):
        raise FileRefused(
            f"Ce fichier ressemble à « {closest.layout.label} », mais il lui manque : {', '.join(closest.missing)}. "
            "Rien n'a été importé."
        )
    raise FileRefused(
        "Ce fichier n'est pas reconnu à ses colonnes : importez le stock SIRENE de l'INSEE, l'annuaire de l'éducation "
        "ou un CSV du portail, enregistré en UTF-8. Rien n'a été importé."
    )
