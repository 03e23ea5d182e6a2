import re
import unicodedata


def folded(text):
    """`text` for comparing what people type: no accents, no case, single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())


def alike(one, other):
    """Whether two names may be the same one's: more than half the words of the shorter are in the other."""
    first, second = ({*re.findall(r"\w{2,}", folded(name))} for name in (one, other))
    return 2 * len(first & second) > min(len(first), len(second)) or not (first and second)


# An « h » is silent before these in the first names and the words of structures' names that are met (Hélène, Hugo,
# Hôpital), and keeps its « de » before « a » (Hamid, Hans, Haute-Garonne); a « y » is a vowel before a consonant.
_ELIDING = re.compile(r"(?:[aeiou\u0153\u00e6]|h[eiouy]|y[^aeiou])")


def of(name):
    """« de » before a name, « d' » where French elides it: « d'Émilie », « de Claire »."""
    # Its first two letters decide: no more is folded than they may be written with.
    return f"d'{name}" if _ELIDING.match(folded(str(name)[:4])) else f"de {name}"


def grouped(number):
    """A count as French writes it: « 999 », « 1 520 » with narrow no-break spaces."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def bytes_in_words(count):
    """A file's size as people read it: « 812 octets », « 412 Ko », « 1,2 Mo », « 10 Mo »."""
    if count < 2**10:
        return f"{count} octet{'s' if count > 1 else ''}"
    if count < 2**20:
        return f"{count // 2**10} Ko"
    tenths = count * 10 // 2**20
    return f"{tenths // 10},{tenths % 10} Mo".replace(",0 ", " ")


# Written in two letters in French addresses, and not taken apart by Unicode.
_LIGATURES = {"Œ": "OE", "œ": "OE", "Æ": "AE", "æ": "AE"}
# What people leave out or replace by a space: « L'Haÿ-les-Roses », « S.A.R.L. ».
_SEPARATORS = str.maketrans(dict.fromkeys("-'’.,", " "))


class _Plain(dict):
    """What stands for each character in a search key, worked out the first time it is met."""

    def __missing__(self, code):
        letters = unicodedata.normalize("NFKD", _LIGATURES.get(chr(code), chr(code)).translate(_SEPARATORS))
        # Put together again, for Korean syllables are taken apart too.
        plain = unicodedata.normalize("NFC", "".join(c for c in letters if not unicodedata.combining(c)))
        self[code] = plain.upper().translate(_SEPARATORS)
        return self[code]


_PLAIN = _Plain()


def search_key(text):
    """`text` for searching and sorting: upper case without accents; hyphens, apostrophes, dots and
    commas count as spaces, and several spaces as one. Every other character is kept."""
    return " ".join(text.translate(_PLAIN).split())


def postcode_key(text):
    """A postcode as it is stored and searched: one made of digits without spaces, any other in upper case."""
    compact = "".join(text.split())
    return compact if compact.isdecimal() else " ".join(text.split()).upper()


_ACCENTED = {"a": "àâäáãå", "c": "ç", "e": "éèêë", "i": "îïíì", "n": "ñ", "o": "ôöóòõ", "u": "ùûüú", "y": "ÿý"}
# Each costs another pass over the text where the database reads patterns by trying.
_MOST_STARS = 3


def loose_pattern(word):
    """`word` as a regular expression for databases, wherever it stands: accents and case do not matter, `*` is
    any run of characters."""
    pieces = [piece for piece in folded(word).split("*") if piece]
    return ".*".join("".join(map(_loose, piece)) for piece in pieces[: _MOST_STARS + 1])


def _loose(letter):
    if letter not in _ACCENTED:
        return re.escape(letter)
    letters = letter + _ACCENTED[letter]
    return f"[{letters}{letters.upper()}]"


def is_key(text):
    """Whether `text` may be a row's number: longer ones are nobody's, and Python refuses to read the longest."""
    return text.isascii() and text.isdigit() and len(text) < 19


def either(things):
    """« A, B ou C »."""
    if not things:
        return ""
    *first, last = map(str, things)
    return f"{', '.join(first)} ou {last}" if first else last
