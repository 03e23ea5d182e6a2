"""E-mail addresses as people give them: one spelling for one mailbox, and none that breaks what reads them."""

import time

import pytest
from django.core.exceptions import ValidationError

from accounts.models import normalised_email, validate_deliverable


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Claire@Champoulant.EXAMPLE ", "claire@champoulant.example"),
        ("victime@\N{FULLWIDTH LATIN SMALL LETTER E}xample.com", "victime@example.com"),
        ("victime@exam\N{SOFT HYPHEN}ple.com", "victime@example.com"),
        ("victime@exam\N{ZERO WIDTH JOINER}ple.com", "victime@example.com"),
        ("claire@école.example", "claire@xn--cole-9oa.example"),
    ],
)
def test_one_mailbox_has_one_spelling(typed, stored):
    assert normalised_email(typed) == stored
    validate_deliverable(typed.strip())


@pytest.mark.parametrize(
    "typed",
    [
        '"',
        '<"',
        "a@[",
        "a" + "(" * 245 + "@x.fr",
        '"victime"@example.com',
        '"v\\ictime"@example.com',
        '"Votre\\ compte:\\ https://mal.example/login"@x.fr',
        "www.mal.com/x@x.fr",
        "www.mal.com@x.fr",
        "a@" + "b." * 400_000,
        "a@b\udcff.fr",
        "a@" + "é." * 60 + "fr",  # four times as long as it is stored
        "clos-123456782@invalide.\N{FULLWIDTH LATIN SMALL LETTER I}nvalid",
    ],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_an_address_people_do_not_have_is_refused_at_once(typed):
    start = time.perf_counter()
    with pytest.raises(ValidationError):
        validate_deliverable(typed)
    assert time.perf_counter() - start < 0.5
