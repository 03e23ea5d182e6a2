"""What may identify a structure, and the rule each type of identifier keeps."""

import re

from django.core.exceptions import ValidationError
from django.db import models
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.fr import siret


class IdentifierType(models.TextChoices):
    SIRET = "siret", "SIRET"
    EU_VAT = "eu_vat", "UE hors France"
    NON_EU = "non_eu", "Hors UE"
    RIDET = "ridet", "RIDET"
    TAHITI = "tahiti", "TAHITI"
    REGISTERING = "registering", "En cours d'immatriculation"
    PERSON = "person", "Particulier"


# (what the identifier must match once cleaned, what to say when it does not)
_RULES = {
    IdentifierType.EU_VAT: (
        r"(?!FR)[A-Z]{2}[A-Z0-9]{2,16}",
        "Saisissez le numéro de TVA : deux lettres pour le pays (autre que FR), puis 16 caractères au plus.",
    ),
    IdentifierType.NON_EU: (r"[A-Z0-9]{2,18}", "Saisissez de 2 à 18 lettres et chiffres."),
    IdentifierType.RIDET: (r"\d{9,10}", "Un RIDET compte 9 ou 10 chiffres."),
    IdentifierType.TAHITI: (r"[A-Z0-9]\d{8}", "Un numéro TAHITI compte une lettre ou un chiffre, puis 8 chiffres."),
    IdentifierType.REGISTERING: (r"[A-Z0-9]{2,50}", "Saisissez de 2 à 50 lettres et chiffres."),
    IdentifierType.PERSON: (r"[A-Z0-9]{2,50}", "Saisissez de 2 à 50 lettres et chiffres."),
}


def clean_identifier(identifier_type, typed):
    """The identifier as stored: no spaces, dots or dashes, upper case.

    Raises ValidationError with a French sentence when it breaks its type's rule
    (domain: SIRET by Luhn, La Poste's establishments by their own sum).
    """
    value = re.sub(r"[\s.\-\u00a0\u202f]", "", typed).upper()
    if identifier_type == IdentifierType.SIRET:
        return _clean_siret(value)
    pattern, sentence = _RULES[IdentifierType(identifier_type)]
    if not re.fullmatch(pattern, value, re.ASCII):
        raise ValidationError(sentence, code="invalid")
    return value


def _clean_siret(value):
    if not re.fullmatch(r"\d{14}", value, re.ASCII):
        digits = sum(c.isdigit() for c in value)
        raise ValidationError(
            f"Un SIRET compte 14 chiffres ; celui-ci en compte {digits}."
            if value.isascii() and value.isdigit()
            else "Un SIRET compte 14 chiffres, sans lettre.",
            code="invalid",
        )
    try:
        return siret.validate(value)
    except StdnumError as error:
        raise ValidationError(
            "Ce SIRET n'existe pas : un de ses chiffres est sans doute mal recopié.", code="invalid"
        ) from error


_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _luhn_part(digits):
    """What the end of a number adds to its Luhn sum: every other digit, from the last but one, doubled."""
    return sum(_DOUBLED[int(d)] if place % 2 else int(d) for place, d in enumerate(reversed(digits)))


# By four digits: a sum then takes four look-ups.
_LUHN = bytes(_luhn_part(str(number)) for number in range(10_000))
_LA_POSTE, _LA_POSTE_HEAD_OFFICE = 356_000_000, 356_000_000_000_48


def is_siret(value):
    """Whether 14 digits are a SIRET, as `clean_identifier` would say, ten times faster: for millions of lines."""
    if not (len(value) == 14 and value.isascii() and value.isdigit()):
        return False
    siret = int(value)
    siren, high = siret // 100_000, siret // 100_000_000
    if (_LUHN[siren % 10_000] + _LUHN[siren // 10_000 % 10_000] + _LUHN[siren // 100_000_000]) % 10:
        return False
    if siren == _LA_POSTE and siret != _LA_POSTE_HEAD_OFFICE:
        return sum(map(int, value)) % 5 == 0
    low = _LUHN[siret % 10_000] + _LUHN[siret // 10_000 % 10_000]
    return (low + _LUHN[high % 10_000] + _LUHN[high // 10_000]) % 10 == 0


def spaced_identifier(identifier_type, value):
    """A SIRET as people read it (`200 030 351 00015`), any other identifier as it is."""
    if identifier_type == IdentifierType.SIRET and len(value) == 14:
        return f"{value[:3]} {value[3:6]} {value[6:9]} {value[9:]}"
    return value


def full_identifier(identifier_type, value):
    """An identifier with its type, as people read it: « SIRET 200 030 351 00015 »."""
    return f"{IdentifierType(identifier_type).label} {spaced_identifier(identifier_type, value)}"


def names_public_body(identifier_type, value):
    """Whether a SIRET belongs to the public sector by its very number.

    INSEE keeps SIREN numbers beginning with 1 or 2 for public bodies.
    """
    return identifier_type == IdentifierType.SIRET and value[:1] in ("1", "2")
