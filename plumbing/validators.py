import re
import unicodedata

from django.core.exceptions import ValidationError

from plumbing.text import folded

IN_NAMES = " -'’."
# What is longer is refused for its length, by its own field: reading a megabyte letter by letter
# would only cost time.
LONGEST_READ = 300
LONGEST_TEXT = 10_000

# What Unicode counts among letters, marks or symbols, and screens show as nothing: fillers of Hangul, of
# Khmer and of Braille, joiners and variation selectors.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Dots that look or serve like one in an address, beside those that NFKC makes one.
DOTS = str.maketrans(dict.fromkeys("\u3002\u0589\u06d4", "."))
# What mail readers make a link of: « S.A.R.L. », « M. Léon » and « J.P. » are none.
LINK = re.compile(r"://|www\.|\w\.[^\W\d_]{2}", re.IGNORECASE)


def validate_person_name(value):
    """A first or last name: letters of any script and what joins them.

    Names are mailed to other people: they must not carry an address, a link or a line break.
    """
    read = value[:LONGEST_READ]
    strange = any(unicodedata.category(c)[0] not in "LM" and c not in IN_NAMES for c in read)
    if strange or INVISIBLE.search(read) or not any(c.isalpha() for c in read):
        raise ValidationError(
            "Un nom s'écrit avec des lettres, des espaces, des traits d'union et des apostrophes.", code="name"
        )
    _refuse_link(read)


def validate_plain_line(value):
    """One line of visible text: no control character, none that turns the reading direction, no link.

    For what people type and mails repeat; what public files say is taken as it is.
    """
    read = value[:LONGEST_READ]
    hidden = any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in read) or INVISIBLE.search(read)
    if hidden or not any(unicodedata.category(c)[0] in "LNPS" for c in read):
        raise ValidationError("Ce texte contient un caractère invisible : retapez-le.", code="line")
    _refuse_link(read)


def validate_no_link(value):
    """Text of any length for people to read, with no link to open; an e-mail address is none."""
    _refuse_link(re.sub(r"\S+@\S+", "", value[:LONGEST_TEXT]))


def validate_french_postcode(postcode, country):
    """A postcode of France is five digits; other countries have their own ways."""
    if postcode and folded(country) in ("", "france") and not re.fullmatch(r"\d{5}", postcode, re.ASCII):
        raise ValidationError("En France, un code postal compte 5 chiffres : 35000, par exemple.", code="postcode")


def newly_typed(validate, current):
    """`validate`, of anything but `current`: what a public file wrote there may be left as it is."""

    def validate_unless_current(value):
        if value != current:
            validate(value)

    return validate_unless_current


def _refuse_link(text):
    if LINK.search(unicodedata.normalize("NFKC", text).translate(DOTS)):
        raise ValidationError(
            "Ce texte ressemble à une adresse de site. Ajoutez une espace après le point, ou retirez l'adresse.",
            code="link",
        )
