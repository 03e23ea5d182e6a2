"""The portal's own CSV: the columns of its database, or those of the search's export."""

from directory.importers.cells import FLAGS, IDENTIFIER_TYPES, NATURES, day, identifier, one_of, siret
from directory.importers.establishments import SIRET, EstablishmentLayout
from directory.importers.faults import Fault
from directory.models import DirectoryImport, Nature


class PortalLayout(EstablishmentLayout):
    kind = DirectoryImport.Kind.PORTAL
    identified_by = "identifier"
    names = {
        "identifier_type": ["identifier_type", "Type d'identifiant"],
        "identifier": ["identifier", "Identifiant"],
        "nature": ["nature", "Type de structure"],
        "legal_name": ["legal_name", "Raison sociale"],
        "label": ["label", "Libellé"],
        "address": ["address", "Adresse"],
        "complement_1": ["complement_1", "Complément d'adresse 1"],
        "complement_2": ["complement_2", "Complément d'adresse 2"],
        "postcode": ["postcode", "Code postal"],
        "city": ["city", "Ville"],
        "country": ["country", "Pays"],
        "undisclosed": ["undisclosed", "Non diffusible"],
        "closed_on": ["closed_on", "Fermé le"],
    }
    required = frozenset({"identifier", "nature", "legal_name"})

    def untold(self):
        return {name for name in self.names if not self.has(name)} - {"identifier_type"}

    def read(self, record):
        cells = self.cells(record)
        if cells is None:
            return None
        kind, number, nature, name, label, address, more, again, postcode, city, country, undisclosed, closed = cells
        kind = kind if kind == SIRET else one_of(IDENTIFIER_TYPES | {"": SIRET}, kind, "Type d'identifiant inconnu :")
        number = siret(number) if kind == SIRET else identifier(kind, number)
        nature = NATURES.get(nature) or one_of(NATURES, nature, "Type de structure inconnu (Publique ou Privée) :")
        if not name:
            raise Fault("La raison sociale manque.")
        if nature == Nature.PUBLIC and kind != SIRET:
            raise Fault("Une structure publique est identifiée par un SIRET.")
        undisclosed = FLAGS.get(undisclosed) or one_of(FLAGS, undisclosed, "« Non diffusible » vaut Oui ou Non, pas")
        town, city_key = self.town(postcode, city, country)
        told = nature, name, label, address, more, again, town, undisclosed, city_key
        return f"{kind}\t{number}", told, day(closed) if closed else None
