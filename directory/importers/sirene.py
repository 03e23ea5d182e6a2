"""INSEE's SIRENE stock: legal units (SIREN) in one file, their establishments (SIRET) in another.

Since 2023 INSEE hides by « [ND] » what it may not publish; the columns of both years are read.
"""

import re

from directory.identifiers import is_siret
from directory.importers.cells import LONGEST_TEXT, day, siret
from directory.importers.establishments import CLOSED_SOMEDAY, SIRET, EstablishmentLayout, Layout
from directory.importers.faults import Fault
from directory.importers.public_categories import NATURAL_PERSON, is_public
from directory.models import DirectoryImport, Nature
from plumbing.text import search_key

PUBLISHED = "O"
CLOSED = "F"
UNDISCLOSED_NAME = "Non diffusible"
_HIDDEN = "[ND]"


class UnitLayout(Layout):
    """A unit's name goes unsaid when the unit is a natural person who may not be named."""

    kind = DirectoryImport.Kind.UNITS
    model_name = "LegalUnit"
    identified_by = "siren"
    told = ("siren", "name", "usual_name", "category", "undisclosed", "line_digest")
    tells_closing = False
    names = {
        "siren": ["siren"],
        "category": ["categorieJuridiqueUniteLegale"],
        "denomination": ["denominationUniteLegale"],
        "usual_name": ["denominationUsuelle1UniteLegale", "denominationUsuelleUniteLegale"],
        "surname": ["nomUniteLegale"],
        "used_surname": ["nomUsageUniteLegale"],
        "used_first_name": ["prenomUsuelUniteLegale"],
        "first_name": ["prenom1UniteLegale"],
        "status": ["statutDiffusionUniteLegale"],
    }
    required = frozenset({"siren", "category", "denomination"})

    def key(self, siren):
        return siren if len(siren) == 9 and siren.isdecimal() else None

    def read(self, record):
        cells = self.cells(record)
        if cells is None:
            return None
        cells = ["" if cell == _HIDDEN else cell for cell in cells]
        siren, category, name, usual_name, surname, used_surname, used_first_name, first_name, status = cells
        if not (len(siren) == 9 and siren.isascii() and siren.isdigit()):
            raise Fault("Un SIREN compte 9 chiffres.")
        if len(category) > 4:
            raise Fault("Une catégorie juridique compte 4 chiffres.")
        undisclosed = self.has("status") and status != PUBLISHED
        if undisclosed and (category == NATURAL_PERSON or not name):
            name = usual_name = ""
        elif not name:
            name = f"{used_surname or surname} {used_first_name or first_name}".strip()[:LONGEST_TEXT]
        text = "\t".join((siren, name, usual_name, category, "t" if undisclosed else "f"))
        return siren, text.replace("\\", "\\\\"), None


class SireneLayout(EstablishmentLayout):
    """Needs the units of a batch before it reads it: `units`, SIREN → (name, usual name, category, undisclosed)."""

    kind = DirectoryImport.Kind.ESTABLISHMENTS
    identified_by = "siret"
    names = {
        "siret": ["siret"],
        "state": ["etatAdministratifEtablissement"],
        "since": ["dateDebut", "dateDebutEtablissement"],
        "sign": ["enseigne1Etablissement", "enseigneEtablissement"],
        "usual_name": ["denominationUsuelleEtablissement"],
        "number": ["numeroVoieEtablissement"],
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
    }
    required = frozenset({"siret", "state"})
    needs_units = True
    units = {}

    def siren(self, record):
        """The unit a record may belong to."""
        return re.sub(r"\D", "", self.number(record))[:9]

    def context(self, key):
        return str(self.units.get(key.rpartition("\t")[2][:9]))

    def read(self, record):
        cells = self.cells(record)
        if cells is None:
            return None
        if _HIDDEN in cells:
            cells = ["" if cell == _HIDDEN else cell for cell in cells]
        (number, state, since, sign, usual_name, house, again, street_type, street, complement, box,
         postcode, city, foreign_city, country, status) = cells  # fmt: skip
        if not is_siret(number) or not number.strip("0"):
            number = siret(number)
        key = f"{SIRET}\t{number}"
        closed = None
        if state == CLOSED:
            closed = day(since) if since else CLOSED_SOMEDAY
        unit = self.units.get(number[:9])
        if unit is None:
            return (
                key,
                Fault("L'unité légale (SIREN) est inconnue : importez le StockUniteLegale du même mois."),
                closed,
            )
        name, unit_usual_name, category, unit_undisclosed = unit
        undisclosed = unit_undisclosed or (self.has("status") and status != PUBLISHED)
        label = sign or usual_name or unit_usual_name
        address = " ".join(filter(None, (house, again, street_type, street)))
        if undisclosed:
            address = complement = box = postcode = ""
            if category == NATURAL_PERSON or not name:
                name, label = UNDISCLOSED_NAME, ""
        if not name:
            return key, Fault("La raison sociale manque à l'unité légale."), closed
        nature = Nature.PUBLIC.value if is_public(number[:9], category) else Nature.PRIVATE.value
        label = "" if label == name or search_key(label) == search_key(name) else label
        town, city_key = self.town(postcode, foreign_city or city, country)
        undisclosed = "t" if undisclosed else "f"
        return key, (nature, name, label, address[:LONGEST_TEXT], complement, box, town, undisclosed, city_key), closed
