"""Millions of establishments that look like France's: `rows(count)` makes about 200,000 a second.

Names come from trades, legal forms and surnames, towns follow their size, identifiers are valid
SIRETs, 6 % are public. The same count and seed always give the same rows.
"""

import random
import tomllib
from importlib.resources import files
from itertools import accumulate

COLUMNS = (
    "identifier_type",
    "identifier",
    "nature",
    "legal_name",
    "label",
    "address",
    "complement_1",
    "complement_2",
    "postcode",
    "city",
    "country",
    "undisclosed",
    "closed_on",
)
_WORDS = {
    name: text.replace("\n", "").split("|")
    for name, text in tomllib.loads(files("benchmarks").joinpath("words.toml").read_text()).items()
}


def towns():
    """(postcode, name) of some 400 towns, the largest first."""
    small = [f"SAINT-{saint}-SUR-{river}" for saint in _WORDS["saints"] for river in _WORDS["rivers"]]
    small += [f"LA {place}-{saint}" for place in _WORDS["places"] for saint in _WORDS["saints"]]
    small += [f"{place}-SUR-{river}" for place in ("PONT", "NEUVILLE") for river in _WORDS["rivers"]]
    postcodes = [f"{1 + number % 95:02d}{100 + number * 7 % 900:03d}" for number in range(len(small))]
    return [tuple(town.split(" ", 1)) for town in _WORDS["large_towns"]] + list(zip(postcodes, small, strict=True))


_DOUBLED = [sum(divmod(2 * digit, 10)) for digit in range(10)]


def _sums(doubled):
    """What each group of four digits adds to a Luhn sum, every other one of them doubled."""
    digits = [[int(digit) for digit in f"{number:04d}"] for number in range(10_000)]
    return [sum(_DOUBLED[d] if place % 2 == doubled else d for place, d in enumerate(group)) for group in digits]


_EVEN_DOUBLED, _ODD_DOUBLED = _sums(0), _sums(1)


def siret(body, number):
    """The SIRET of establishment `number` (four digits) of the SIREN that begins with `body` (eight digits)."""
    high, low = divmod(body, 10_000)
    key = -(_ODD_DOUBLED[high] + _ODD_DOUBLED[low]) % 10
    total = _EVEN_DOUBLED[high] + _EVEN_DOUBLED[low] + _DOUBLED[key] + _ODD_DOUBLED[number]
    return f"{body:08d}{key}{number:04d}{-total % 10}"


# Coprime with the numbers of bodies below, so that no identifier comes twice in 14 million public
# and 65 million private ones.
_STEP = 7_368_787


def rows(count, seed=1):
    """`count` tuples of COLUMNS, ready for a CSV; a flag is "" or "1"."""
    pick = random.Random(seed)
    chance, choice = pick.random, pick.choice
    places = towns()
    weights = list(accumulate(1 / (rank + 3) for rank in range(len(places))))
    some_towns = pick.choices(places, cum_weights=weights, k=100_000)
    first_public, first_private = pick.randrange(14_000_000), pick.randrange(65_000_000)
    for n in range(count):
        postcode, town = some_towns[int(chance() * 100_000)]
        kind = chance()
        if kind < 0.06:
            name = choice(_WORDS["public"]).format(choice(_WORDS["great_names"]) if chance() < 0.5 else town.title())
            body = 10_000_000 + (first_public + n * _STEP) % 14_000_000
        else:
            name = _private_name(kind, town, chance, choice)
            body = 30_000_000 + (first_private + n * _STEP) % 65_000_000
        label = f"{choice(_WORDS['trades'])} {choice(_WORDS['surnames'])}" if chance() < 0.2 else ""
        yield (
            "siret",
            siret(body, int(chance() ** 4 * 20) + 1),
            "public" if kind < 0.06 else "private",
            name,
            label,
            f"{int(chance() * 120) + 1} {choice(_WORDS['streets'])} {choice(_WORDS['street_names'])}",
            f"BP {int(chance() * 900)}" if chance() < 0.05 else "",
            "",
            postcode,
            town,
            "France",
            "1" if chance() < 0.04 else "",
            f"20{int(chance() * 26):02d}-06-30" if chance() < 0.03 else "",
        )


def _private_name(kind, town, chance, choice):
    if kind < 0.55:
        return f"{choice(_WORDS['surnames'])} {choice(_WORDS['first_names'])}"
    if kind < 0.62:
        return f"{choice(_WORDS['associations'])} {town}"
    if chance() < 0.5:
        return f"{choice(_WORDS['forms'])} {choice(_WORDS['trades'])} {choice(_WORDS['surnames'])}"
    whose = choice(_WORDS["surnames"]) if chance() < 0.5 else town
    return f"{choice(_WORDS['trades'])} {choice(_WORDS['adjectives'])} {whose}"
