r"""Finding structures by name, number or place, among millions.

Two tables are read as one list: the structures this person may see, and the directory for what
does not live here. What they type is compared by search keys (`chorus.plumbing.text.search_key`):
accents, case, hyphens and apostrophes do not matter. Without `*`, every word must be found
somewhere in a name, and a city, postcode or identifier begins as typed. With `*`, which stands for
any run of characters, the whole field must match. Every other character, `%`, `_` and `\`
included, stands for itself.
"""

import re
from dataclasses import dataclass

from django.db.models import Q

from chorus.plumbing.text import search_key

PAGE = 20
TOO_WIDE = (
    "Donnez au moins trois lettres ou chiffres qui se suivent, dans un nom, un identifiant ou une ville, "
    "ou un code postal entier."
)
# Each order, and the columns an index gives it by.
ORDERS = {
    "nom": ("legal_name_key",),
    "ville": ("city_key", "legal_name_key"),
    "identifiant": ("identifier",),
}


def escaped(text):
    """`text` for LIKE, every character standing for itself."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def pattern_of(typed, key=search_key):
    """What people type with `*`, as a LIKE pattern for the whole field."""
    return "%".join(escaped(key(piece)) for piece in typed.split("*"))


def number_key(text):
    """An identifier or postcode as stored."""
    return re.sub(r"[\s.\-\u00a0\u202f]", "", text).upper()


@dataclass(frozen=True)
class Criteria:
    """What somebody looks for, as typed; an empty field asks nothing."""

    legal_name: str = ""
    identifier: str = ""
    label: str = ""
    postcode: str = ""
    city: str = ""

    @classmethod
    def typed(cls, **fields):
        """A SIREN or SIRET typed as a name is an identifier."""
        name = fields.get("legal_name", "")
        if re.fullmatch(r"\d{9,14}", number_key(name), re.ASCII) and not fields.get("identifier"):
            fields |= {"legal_name": "", "identifier": name}
        return cls(**fields)

    @property
    def patterns(self):
        """(column, LIKE pattern) of everything asked; all of them must match."""
        return [
            *self._words("legal_name_key", self.legal_name),
            *self._words("label_key", self.label),
            *self._beginning("city_key", self.city, search_key),
            *self._beginning("postcode", self.postcode, number_key),
            *self._beginning("identifier", self.identifier, number_key),
        ]

    @staticmethod
    def _words(column, typed):
        if "*" not in typed:
            return [(column, f"%{escaped(word)}%") for word in search_key(typed).split()]
        pattern = pattern_of(typed)
        return [(column, pattern)] if pattern.strip("%") else []

    @staticmethod
    def _beginning(column, typed, key):
        pattern = pattern_of(typed if "*" in typed else f"{typed}*", key)
        return [(column, pattern)] if pattern.strip("%") else []

    @property
    def is_empty(self):
        return not self.patterns

    @property
    def is_narrow(self):
        """Whether an index finds it: three letters or digits in a row, or a whole postcode."""
        return any(
            re.search(r"[A-Z0-9]{3}", pattern) if column.endswith("_key") else re.match(LONG_ENOUGH[column], pattern)
            for column, pattern in self.patterns
        )

    @property
    def condition(self):
        return Q(*((f"{column}__like", pattern) for column, pattern in self.patterns))


LONG_ENOUGH = {"postcode": r"[A-Z0-9]{5}", "identifier": r"[A-Z0-9]{3}"}
