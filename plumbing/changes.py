"""What an edit changes, in words; and noticing that a page shows what is no longer so."""

import json
from datetime import date
from typing import NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.text import capfirst


class Change(NamedTuple):
    """One field's value before and after, as people read them."""

    name: str
    label: str
    before: str
    after: str

    def __str__(self):
        return f"{self.label} : {self.before or 'vide'} → {self.after or 'vide'}"


def changes(row, values):
    """The Changes that giving `row` these `values` (by field name) would make."""
    found = []
    for name, after in values.items():
        before = getattr(row, name)
        if before != after:
            field = row._meta.get_field(name)
            found.append(Change(name, capfirst(field.verbose_name), _said(field, before), _said(field, after)))
    return found


def _said(field, value):
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if value is None:
        return ""
    if isinstance(value, date):
        return date_format(value, "j F Y")
    return str(dict(field.flatchoices).get(value, value))


def version_of(values):
    """A short fingerprint of what a page showed: no edit silently undoes another.

    Keyed, so that it gives away none of the values its reader may not see (a whole IBAN).
    """
    text = json.dumps(values, sort_keys=True, cls=DjangoJSONEncoder)
    return salted_hmac("version", text, algorithm="sha256").hexdigest()[:16]
