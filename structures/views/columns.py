"""The columns in which files say what an establishment is, whichever list they come from."""

from django.utils.text import capfirst

from directory.models import Establishment
from plumbing.exports import Column
from structures.models import Structure


def title_of(name, model=Structure):
    return capfirst(model._meta.get_field(name).verbose_name)


def yes_no(value):
    return "Oui" if value else "Non"


def description_columns(establishment_of):
    """What `establishment_of(row)` is, by columns that the portal's own import reads back. The identifier is
    digits: a spreadsheet gets it as text."""

    def column(name, value):
        return Column(title_of(name), lambda row: value(establishment_of(row)))

    def described(name):
        return column(name, lambda establishment: "" if establishment.is_masked else getattr(establishment, name))

    return [
        column("identifier_type", lambda establishment: establishment.get_identifier_type_display()),
        column("identifier", lambda establishment: establishment.identifier),
        column("nature", lambda establishment: establishment.get_nature_display()),
        *map(described, Establishment.DESCRIPTIVE),
        column("undisclosed", lambda establishment: yes_no(establishment.undisclosed)),
    ]
