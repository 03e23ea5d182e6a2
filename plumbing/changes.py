"""What an edit changes, as data and in words; and the version of what a page shows (optimistic lock)."""

import json
from datetime import date
from typing import Any, NamedTuple

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.text import capfirst


class Change(NamedTuple):
    """One column's value before and after; `before` and `after` say them as people read them."""

    field: Field
    old: Any
    new: Any

    @property
    def name(self):
        return self.field.name

    @property
    def label(self):
        return label_of(self.field)

    @property
    def before(self):
        return in_words(self.field, self.old)

    @property
    def after(self):
        return in_words(self.field, self.new)

    @property
    def overwriting(self):
        """Beside the field, of a value somebody else wrote meanwhile: theirs, and the one typed."""
        return overwriting(self.before, self.after)

    def __str__(self):
        return f"{self.label} : {self.before or 'vide'} → {self.after or 'vide'}"


def overwriting(theirs, typed):
    return f"Valeur actuelle : {theirs or 'vide'}. La vôtre ({typed or 'vide'}) la remplacerait."


def changes(row, values):
    """The Changes that giving `row` these `values` (by field name) would make."""
    return [
        Change(row._meta.get_field(name), getattr(row, name), new)
        for name, new in values.items()
        if getattr(row, name) != new
    ]


def write_changes(row, values):
    """Give `row` these `values` (by field name) and save it when that changes anything: the Changes made."""
    made = changes(row, values)
    if made:
        for change in made:
            setattr(row, change.name, change.new)
        row.save()
    return made


def label_of(field):
    return capfirst(field.verbose_name)


def in_words(field, value):
    """A column's value as people read it."""
    if isinstance(value, bool):
        return "Oui" if value else "Non"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None:
        return dict(field.flatchoices).get(None, "")
    if isinstance(value, date):
        return date_format(value, "j F Y")
    return str(dict(field.flatchoices).get(value, value))


def version_of(values):
    """A short fingerprint of what a page showed, for the optimistic lock: no edit silently undoes another.

    Keyed, so that it gives away none of the values its reader may not see (a whole IBAN).
    """
    text = json.dumps(values, sort_keys=True, cls=DjangoJSONEncoder)
    return salted_hmac("version", text, algorithm="sha256").hexdigest()[:16]
