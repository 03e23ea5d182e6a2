import re
import unicodedata

from django.core.exceptions import ValidationError

IN_NAMES = " -'’."
# What is longer is refused for its length, by its own field: reading a megabyte letter by letter
# would only cost time.
LONGEST_READ = 300


def validate_person_name(value):
    """A first or last name: letters of any script and what joins them.

    Names are mailed to other people: they must not carry an address, a link or a line break.
    """
    strange = any(unicodedata.category(c)[0] not in "LM" and c not in IN_NAMES for c in value[:LONGEST_READ])
    # « M. Léon » and « J.P. » are names; « www.exemple » is a link as soon as a mail reader sees it.
    if strange or re.search(r"\.\w{2}", value):
        raise ValidationError(
            "Un nom s'écrit avec des lettres, des espaces, des traits d'union et des apostrophes.", code="name"
        )


def validate_plain_line(value):
    """One line of visible text: no control character, none that turns the reading direction."""
    if any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in value[:LONGEST_READ]):
        raise ValidationError("Ce texte contient un caractère invisible : retapez-le.", code="line")
