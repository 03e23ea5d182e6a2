import re
import unicodedata

from django.core.exceptions import ValidationError

from plumbing.text import folded

IN_NAMES = " -'’."
# What is longer is refused for its length, by its own field: reading a megabyte letter by letter
# would only cost time.
LONGEST_READ = 300
LONGEST_TEXT = 10_000

# What Unicode counts among letters, marks or symbols, and screens show as nothing (Default_Ignorable_Code_Point and
# blanks): fillers of Hangul, Khmer, Khitan and Braille, joiners, variation selectors, tags, null notes of music.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U00013430-\U00013455\U00016fe4\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Categories of what shows nothing, or nothing that anybody could tell: controls, formats, unassigned, private use.
HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
# Dots that look or serve like one in an address, beside those that NFKC makes one.
DOTS = str.maketrans(dict.fromkeys("\u3002\u0589\u06d4\ua4f8", "."))
# What mail readers make a link of: « S.A.R.L. », « M. Léon » and « J.P. » are none.
LINK = re.compile(r"://|www\.|\w\.[^\W\d_]{2}", re.IGNORECASE)
# An e-mail address by itself, which is no link to a page.
ADDRESS = re.compile(r"(?<![^\s<(«])(?!www\.)[\w.+-]+@[\w-]+(\.[\w-]+)+(?![\w/?#:@])")


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


def validate_visible_line(value):
    """One line of visible text: no control character, none that turns the reading direction."""
    read = value[:LONGEST_READ]
    hidden = any(unicodedata.category(c) in HIDDEN for c in read) or INVISIBLE.search(read)
    if hidden or not any(unicodedata.category(c)[0] in "LNPS" for c in read):
        raise ValidationError("Ce texte contient un caractère invisible : retapez-le.", code="line")


def validate_plain_line(value):
    """One line of visible text with no link: for what people type and mails repeat.

    What public files say is taken as it is.
    """
    validate_visible_line(value)
    _refuse_link(value[:LONGEST_READ])


def validate_no_link(value):
    """Text of any length for people to read, with no link to open; an e-mail address is none."""
    _refuse_link(ADDRESS.sub("", value[:LONGEST_TEXT]))


def validate_plain_text(value):
    """Text of several lines for people to read: no link, no character that hides or turns the reading direction."""
    read = value[:LONGEST_TEXT]
    if INVISIBLE.search(read) or any(unicodedata.category(c) in HIDDEN and c not in "\r\n\t" for c in read):
        raise ValidationError("Ce texte contient un caractère invisible : retapez-le.", code="text")
    validate_no_link(value)


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
    text = unicodedata.normalize("NFKC", text).translate(DOTS)
    # Marks stand between the letters of many scripts (« evil.भारत »), or hide in ours.
    if LINK.search("".join(c for c in text if unicodedata.category(c)[0] != "M")):
        raise ValidationError(
            "Ce texte ressemble à une adresse de site. Ajoutez une espace après le point, ou retirez l'adresse.",
            code="link",
        )
