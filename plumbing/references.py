"""The « Dossier n° » people read to support on the telephone: nine digits, said in threes."""

import secrets

from django.urls import register_converter
from django.urls.converters import StringConverter
from stdnum import luhn

LENGTH = 9


class ReferenceConverter(StringConverter):
    """In an address, the number of a dossier: <reference:reference>."""

    regex = f"[0-9]{{{LENGTH}}}"


register_converter(ReferenceConverter, "reference")


def new_reference():
    """Nine digits drawn at random, the last one a Luhn check digit that catches a slip.

    Unique only as far as the column's constraint says: `draw_reference` looks first.
    """
    digits = str(secrets.randbelow(9 * 10 ** (LENGTH - 2)) + 10 ** (LENGTH - 2))
    return digits + luhn.calc_check_digit(digits)


def draw_reference(model):
    """A reference that no row of `model` bears yet."""
    while model.objects.filter(reference=(reference := new_reference())).exists():
        pass
    return reference


def spaced(reference):
    """`482719305` as people read it: `482 719 305`."""
    return " ".join(reference[i : i + 3] for i in range(0, len(reference), 3))
