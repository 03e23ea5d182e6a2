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


# (what the identifier must match once cleaned, as DuckDB reads it too; what to say when it does not)
RULES = {
    IdentifierType.EU_VAT: (
        r"([A-EG-Z][A-Z]|F[A-QS-Z])[A-Z0-9]{2,16}",
        "Saisissez le numéro de TVA : deux lettres pour le pays (autre que FR), puis 16 caractères au plus.",
    ),
    IdentifierType.NON_EU: (r"[A-Z0-9]{2,18}", "Saisissez de 2 à 18 lettres et chiffres."),
    IdentifierType.RIDET: (r"\d{9,10}", "Un RIDET compte 9 ou 10 chiffres."),
    IdentifierType.TAHITI: (r"[A-Z0-9]\d{8}", "Un numéro TAHITI compte une lettre ou un chiffre, puis 8 chiffres."),
    IdentifierType.REGISTERING: (r"[A-Z0-9]{2,50}", "Saisissez de 2 à 50 lettres et chiffres."),
    IdentifierType.PERSON: (r"[A-Z0-9]{2,50}", "Saisissez de 2 à 50 lettres et chiffres."),
}


def identifier_key(typed):
    """An identifier as it is stored and searched: upper case, without spaces, dots or hyphens."""
    return re.sub(r"[\s.\-\u00a0\u202f]", "", typed).upper()


def clean_identifier(identifier_type, typed):
    """The identifier as stored (`identifier_key`).

    Raises ValidationError with a French sentence when it breaks its type's rule
    (domain: SIRET by Luhn, La Poste's establishments by their own sum).
    """
    value = identifier_key(typed)
    if identifier_type == IdentifierType.SIRET:
        return _clean_siret(value)
    pattern, sentence = RULES[IdentifierType(identifier_type)]
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


def is_siret(value):
    """Whether these 14 digits are a SIRET."""
    return len(value) == 14 and value.isascii() and value.isdigit() and siret.is_valid(value)


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
