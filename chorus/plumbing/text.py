import unicodedata


def folded(text):
    """`text` for comparing what people type: no accents, no case, single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())


# Written in two letters in French addresses, and not taken apart by Unicode.
_LIGATURES = str.maketrans({"Œ": "OE", "œ": "OE", "Æ": "AE", "æ": "AE"})
# What people leave out or replace by a space: « L'Haÿ-les-Roses », « S.A.R.L. ».
_SEPARATORS = str.maketrans(dict.fromkeys("-'’.,", " "))


def search_key(text):
    """`text` for searching and sorting: upper case without accents; hyphens, apostrophes, dots and
    commas count as spaces, and several spaces as one. Every other character is kept."""
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES).translate(_SEPARATORS))
        text = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(text.upper().translate(_SEPARATORS).split())
