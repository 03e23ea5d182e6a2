"""IBAN and BIC: the rules they keep, and what is known of the bank behind them.

No sentence here repeats an IBAN: errors are shown, and may be logged.
"""

import re
from typing import NamedTuple

from django.core.exceptions import ValidationError
from schwifty import BIC, IBAN, registry
from schwifty.exceptions import InvalidCountryCode, InvalidLength, SchwiftyException

# Their accounts bear the IBANs of the first country, their banks' BICs their own letters.
_TERRITORIES = {
    "FR": {"BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"},
    "GB": {"GG", "IM", "JE"},
    "FI": {"AX"},
}


class Bank(NamedTuple):
    """What the IBAN's own bank code says; both empty when it is not known."""

    bic: str
    name: str


def clean_iban(typed):
    """The IBAN as stored: no spaces, dots or dashes, upper case. Raises ValidationError with a French sentence."""
    value = compact(re.sub(r"^\s*IBAN\b\s*:?", "", typed, flags=re.IGNORECASE))
    if not re.fullmatch(r"[A-Z0-9]+", value):
        raise ValidationError("Un IBAN ne contient que des chiffres et des lettres sans accent.", code="invalid")
    if not re.match(r"[A-Z]{2}\d\d", value):
        raise ValidationError(
            "Un IBAN commence par les deux lettres du pays, puis deux chiffres : FR76 par exemple.", code="invalid"
        )
    country = value[:2]
    try:
        length = registry.get_iban_spec(country).iban_length
        if len(value) != length:
            raise ValidationError(
                f"Un IBAN qui commence par {country} compte {length} caractères ; celui-ci en compte {len(value)}.",
                code="invalid",
            )
        return str(IBAN(value))
    except InvalidCountryCode as error:
        raise ValidationError(
            f"Aucun pays n'a d'IBAN qui commence par {country} : vérifiez les deux premières lettres.", code="invalid"
        ) from error
    except SchwiftyException as error:
        raise ValidationError(
            "Cet IBAN n'existe pas : un de ses caractères est sans doute mal recopié, ou deux sont inversés. "
            "Reprenez-le sur le relevé d'identité bancaire.",
            code="invalid",
        ) from error


def clean_bic(typed, iban):
    """The BIC as stored, of the same country as `iban` (clean). Raises ValidationError with a French sentence."""
    value = compact(typed)
    try:
        bic = BIC(value if value.isascii() else "?" * 8)
    except InvalidLength as error:
        raise ValidationError(
            f"Un BIC compte 8 ou 11 caractères ; celui-ci en compte {len(value)}.", code="invalid"
        ) from error
    except InvalidCountryCode as error:
        raise ValidationError(
            f"Ce BIC n'existe pas : « {value[4:6]} », ses 5e et 6e caractères, ne désigne aucun pays.", code="invalid"
        ) from error
    except SchwiftyException as error:
        raise ValidationError(
            "Un BIC compte quatre caractères pour la banque, deux lettres pour le pays, puis deux ou cinq "
            "lettres ou chiffres.",
            code="invalid",
        ) from error
    country = iban[:2]
    # Some banks are known to hold accounts in one country under the BIC of another.
    known = find_bank(iban).bic[:8] == bic[:8]
    if bic.country_code not in {country, *_TERRITORIES.get(country, ())} and not known:
        raise ValidationError(
            f"Ce BIC est celui d'une banque d'un autre pays ({bic.country_code}) que l'IBAN ({country}).",
            code="invalid",
        )
    return str(bic)


def find_bank(iban):
    """The Bank of a clean IBAN, as far as the public registers know it."""
    known = IBAN(iban)
    return Bank(str(known.bic or ""), known.bank_name or "")


def bank_name(iban, bic):
    """The name of the bank behind both (clean), empty when it is not known."""
    return find_bank(iban).name or next(iter(BIC(bic).bank_names), "")


def compact(typed):
    """`typed` without spaces, dots, hyphens nor invisible signs, in upper case when it is plain ASCII."""
    # Before upper(), which would make two ASCII letters of a « ß ».
    value = re.sub(r"[\s.\-\u200b\u2060\ufeff]", "", typed)
    return value.upper() if value.isascii() else value
