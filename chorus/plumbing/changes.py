"""What an edit changes, in words; and noticing that a page shows what is no longer so."""

import hashlib
import json
from typing import NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
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
    return str(dict(field.flatchoices).get(value, value))


def version_of(values):
    """A short fingerprint of what a page showed: no edit silently undoes another."""
    text = json.dumps(values, sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
