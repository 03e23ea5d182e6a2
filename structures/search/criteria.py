r"""What people type, as patterns on search keys.

Search keys (`plumbing.text.search_key`) make accents, case, hyphens and apostrophes
indifferent. Without `*`, every word must be found somewhere in a name, and a city, a postcode or an
identifier must begin as typed. With `*`, which stands for any run of characters, the whole field
must match. Every other character, `%`, `_` and `\` included, stands for itself.
"""

import re
from dataclasses import dataclass
from functools import cached_property

from directory.identifiers import identifier_key
from plumbing.text import postcode_key, search_key

TOO_WIDE = (
    "Donnez au moins trois lettres ou chiffres qui se suivent dans un nom ou au début d'une ville ou d'un "
    "identifiant, ou un code postal entier."
)
# How an anchored pattern must begin for an index to find it.
_LONG_ENOUGH = {"city_key": r"[A-Z0-9][A-Z0-9 ]{2}", "postcode": r"[A-Z0-9]{5}", "identifier": r"[A-Z0-9]{3}"}


def pattern_of(typed, key=search_key):
    """What was typed with `*`, as a LIKE pattern for the whole field."""
    return "%".join(_escaped(key(piece)) for piece in typed.split("*"))


def _escaped(text):
    return re.sub(r"([\\%_])", r"\\\1", text)


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
        """As typed in the search form. A SIREN or SIRET typed as a name is an identifier."""
        name = fields.get("legal_name", "")
        if re.fullmatch(r"\d{9,14}", identifier_key(name), re.ASCII) and not fields.get("identifier"):
            fields |= {"legal_name": "", "identifier": name}
        return cls(**fields)

    @cached_property
    def patterns(self):
        """(column, LIKE pattern) of everything asked; all must match."""
        return [
            *_in_words("legal_name_key", self.legal_name),
            *_in_words("label_key", self.label),
            *_from_the_start("city_key", self.city, search_key),
            *_from_the_start("postcode", self.postcode, postcode_key),
            *_from_the_start("identifier", self.identifier, identifier_key),
        ]

    @property
    def is_empty(self):
        return not self.patterns

    @property
    def only_identifier(self):
        """The identifier asked for, were it but a beginning, when nothing else is asked; empty otherwise."""
        alone = len(self.patterns) == 1 and self.patterns[0][0] == "identifier"
        return identifier_key(self.identifier) if alone and "*" not in self.identifier else ""

    @property
    def natural_order(self):
        return "identifiant" if self.identifier else "nom"

    @property
    def is_narrow(self):
        """Whether an index finds it: three letters or digits in a row in a name, or the beginning of something else."""
        return any(
            re.match(_LONG_ENOUGH[column], pattern) if column in _LONG_ENOUGH else re.search(r"[A-Z0-9]{3}", pattern)
            for column, pattern in self.patterns
        )


def _in_words(column, typed):
    if "*" not in typed:
        return [(column, f"%{_escaped(word)}%") for word in dict.fromkeys(search_key(typed).split())]
    return _unless_any(column, pattern_of(typed))


def _from_the_start(column, typed, key):
    return _unless_any(column, pattern_of(typed if "*" in typed else f"{typed}*", key))


def _unless_any(column, pattern):
    return [(column, pattern)] if pattern.strip("%") else []
