import unicodedata


def folded(text):
    """`text` for comparing what people type: no accents, no case, single spaces."""
    plain = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).casefold().split())
