"""French typography of what is shown, so that nobody has to type it (Imprimerie nationale's rules).

A no-break space before « : ; ? ! » and inside guillemets, after « n° », between a number and « % », and in
« 23 h 16 »; a curly
apostrophe between letters; « 1er janvier ». Applied once to a whole page by the tag `french`; text people type in
a field, code and attributes are left alone.
"""

import re

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
# What is not text: comments, tags, and elements whose content must come back as it is.
_MARKUP = re.compile(r"(<!--.*?-->|<(?P<raw>script|style|textarea|pre|code|svg)\b.*?</(?P=raw)>|<[^>]*>)", re.DOTALL)
# White space is met at its beginning only, or a long run of it would be tried from each of its characters.
_BEFORE = re.compile(r"(?<!\s)\s+(?=[:;?!»%](?![\w/]))")
_AFTER = re.compile(r"(?<=[«°])\s+")
_MONTHS = "janv|févr|mars|avr|mai|juin|juil|août|sept|oct|nov|déc"
_FIRST = re.compile(rf"(?<![\d.,])1\s(?=(?:{_MONTHS})\w*\b)")
_HOUR = re.compile(r"(?<=\d) h (?=\d\d\b)")
# Not in an e-mail address, which people copy.
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])(?:'|&#x27;|&#39;)(?=[\w«<]|$)(?![\w.+'&#;-]{0,64}@)")


_CONCERNED = re.compile(r"[:;?!»%«°'&1]| h \d")


def french_mail(text):
    """A text of several lines, each by itself: a line break is never taken for a space."""
    return "\n".join(french_text(line) for line in text.split("\n"))


def french_text(text):
    """Plain text on one line, or a piece of a page, with French spaces and apostrophes."""
    # Most of a page's pieces are white space or a plain word.
    if not _CONCERNED.search(text):
        return text
    text = _BEFORE.sub(NO_BREAK_SPACE, text)
    text = _AFTER.sub(NO_BREAK_SPACE, text)
    text = _FIRST.sub(f"1er{NO_BREAK_SPACE}", text)
    text = _HOUR.sub(f"{NO_BREAK_SPACE}h{NO_BREAK_SPACE}", text)
    return _APOSTROPHE.sub("’", text)


def french_html(html):
    """A page's HTML with the typography of its text; its markup is untouched."""
    # A text, the markup behind it, the name of its element when it is left as it is; and again.
    pieces = _MARKUP.split(html)
    pieces[::3] = map(french_text, pieces[::3])
    del pieces[2::3]
    return "".join(pieces)
