"""The kinds of files and the names of their columns, whose accents, case and signs drift by year."""

import re
from dataclasses import dataclass
from pathlib import Path

from directory.importers.faults import FileRefused
from directory.models import DirectoryEntry, DirectoryImport, Establishment
from plumbing.text import search_key

Kind = DirectoryImport.Kind
IDENTIFIED = ("identifier_type", "identifier")
# What an import writes of an establishment beside its identifier.
DESCRIPTION = ("nature", *Establishment.DESCRIPTIVE, "undisclosed", "closed_on")


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
    # What stands in a cell for what may not be said.
    hidden: str = ""

    @property
    def statement(self):
        return Path(__file__).with_name(f"{self.sql}.sql").read_text()


def _places(layout, header):
    """Where a file keeps what the layout needs: our names → place or None."""
    found = {plain(name): place for place, name in reversed([*enumerate(header)])}
    return {
        ours: next((found[plain(name)] for name in names if plain(name) in found), None)
        for ours, names in layout.names.items()
    }


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
    # What a file lacks would be taken for said: nobody masked, nobody named.
    required=("siren", "category", "denomination", "usual_name", "surname", "first_name", "status"),
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
    required=("siret", "state", "sign", "street", "postcode", "city", "status"),
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
)
PORTAL = Layout(
    Kind.PORTAL,
    Kind.PORTAL.label,
    sql="portal",
    number="identifier",
    # Those of the database, or of the search's export.
    names={name: [name, DirectoryEntry._meta.get_field(name).verbose_name] for name in (*IDENTIFIED, *DESCRIPTION)},
    required=("identifier", "nature", "legal_name"),
)
LAYOUTS = (UNITS, ESTABLISHMENTS, EDUCATION, PORTAL)


def recognised(header):
    """(layout, places) of the first layout whose required columns are there; refuses the file otherwise."""
    lacking = {}
    for layout in LAYOUTS:
        places = _places(layout, header)
        missing = [layout.names[ours][0] for ours in layout.required if places[ours] is None]
        if not missing:
            return layout, places
        if len(missing) < len(layout.required):
            lacking[layout.label] = missing
    if lacking:
        closest = min(lacking, key=lambda label: len(lacking[label]))
        raise FileRefused(
            f"Ce fichier ressemble à « {closest} », mais il lui manque : {', '.join(lacking[closest])}. "
            "Rien n'a été importé."
        )
    raise FileRefused(
        "Ce fichier n'est pas reconnu à ses colonnes : importez le stock SIRENE de l'INSEE, l'annuaire de l'éducation "
        "ou un CSV du portail, enregistré en UTF-8. Rien n'a été importé."
    )
