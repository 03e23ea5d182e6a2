"""The open directory of the Éducation nationale: schools and offices, public and private."""

import re

from directory.identifiers import names_public_body
from directory.importers.cells import NATURES, day, one_of, siret
from directory.importers.establishments import CLOSED_SOMEDAY, SIRET, EstablishmentLayout
from directory.importers.faults import Fault
from directory.models import DirectoryImport, Nature
from plumbing.text import search_key

CLOSED = "FERM"


class EducationLayout(EstablishmentLayout):
    kind = DirectoryImport.Kind.EDUCATION
    identified_by = "siret"
    names = {
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
    }
    required = frozenset({"siret", "name", "nature"})

    def untold(self):
        return {"label", "undisclosed", "country"} | (set() if self.has("state") else {"closed_on"})

    def read(self, record):
        cells = self.cells(record)
        if cells is None:
            return None
        number, name, nature, address, more, town, postcode, city, state, updated = cells
        number = siret(number)
        if not name:
            raise Fault("Le nom de l'établissement manque.")
        if not nature and names_public_body(SIRET, number):
            nature = Nature.PUBLIC.value
        nature = one_of(NATURES, nature, "Statut inconnu (Public ou Privé) :")
        if _repeats_town(town, city):
            town = ""
        closed = None
        if self.tells_closing and state.upper().startswith(CLOSED):
            closed = day(updated) if updated else CLOSED_SOMEDAY
        where, city_key = self.town(postcode, city, "")
        return f"{SIRET}\t{number}", (nature, name, "", address, more, town, where, "f", city_key), closed


def _repeats_town(line, city):
    """Whether a line of address only says postcode and town again, were it with « CEDEX »."""
    said = re.sub(r"^\d{5}\b|\bCEDEX\b.*$", "", search_key(line)).strip()
    return not said or said == search_key(city)
