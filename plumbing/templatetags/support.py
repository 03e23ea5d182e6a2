"""What support's tables and forms need beyond Django's own tags."""

import re

from django import template
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.text import capfirst

from plumbing.typography import NO_BREAK_SPACE, french_text

register = template.Library()

# How Django draws a yes or a no: a picture described in English.
_DRAWN = re.compile(r'<img src="[^"]*" alt="(True|False|None)">')
_HOUR = re.compile(r"(\d{4}) 0?(\d{1,2}):(\d\d)\b")
_REFERENCE = re.compile(r"\b(\d{3}) (\d{3}) (\d{3})\b")
_AT = re.compile(r"@(?=[^<>]*<)")
_WORDS = {"True": "Oui", "False": "Non", "None": ""}


@register.filter
def in_words(html):
    """A cell or a fact with « Oui » or « Non » in the place of Django's picture, « 9 h 12 » in that of « 09:12 »;
    no number is cut in two."""
    html = _DRAWN.sub(lambda drawn: _WORDS[drawn[1]], str(html))
    html = _REFERENCE.sub(NO_BREAK_SPACE.join((r"\1", r"\2", r"\3")), html)
    return mark_safe(_HOUR.sub(r"\1, \2 h \3", html))


@register.filter
def cells(row, headers):
    """The cells of a list's `row`, each with its column's name, which a phone shows beside it."""
    for cell, header in zip(row, headers, strict=True):
        start = cell[:3]
        label = format_html(' data-label="{}"', french_text(capfirst(header["text"]))) if start == "<td" else ""
        if "action-checkbox" in cell[:40]:
            label = ""
        # An address too long for its column goes to the next line before its « @ ».
        yield in_words(_AT.sub("<wbr>@", f"{start}{label}{cell[3:]}"))


@register.filter
def chosen(choices):
    """What a filter is set to, empty when it lets everything through (its first choice)."""
    for number, choice in enumerate(choices):
        if choice["selected"]:
            return choice["display"] if number else ""
    return ""


@register.filter
def facts(adminform):
    """(label, value) of what a page shows and nobody types over; empty values are left out."""
    for fieldset in adminform:
        for line in fieldset:
            for field in line:
                if field.is_readonly and (value := in_words(field.contents())):
                    yield field.field["label"], value


@register.filter
def typed(adminform):
    """The fields of a page that can be typed over."""
    return [field.field for fieldset in adminform for line in fieldset for field in line if not field.is_readonly]


@register.filter
def titled(page, row):
    """What the page of `row` is called on the admin's `page` of its table."""
    return page.row_title(row)
