import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.fr import siret

from directory.identifiers import IdentifierType, clean_identifier, is_siret, names_public_body, spaced_identifier
from tests.factories import siret_number


@pytest.mark.parametrize(
    ("kind", "typed", "clean"),
    [
        ("siret", "20003035100015", "20003035100015"),
        ("siret", " 200 030 351 00015 ", "20003035100015"),
        ("siret", "200.030.351-00015", "20003035100015"),
        ("siret", "200\u00a0030\u202f351 00015", "20003035100015"),
        ("siret", "35600000000001", "35600000000001"),  # La Poste: digit sum a multiple of 5
        ("siret", "35600000000048", "35600000000048"),  # its head office: plain Luhn
        ("eu_vat", "be 0123.456.789", "BE0123456789"),
        ("non_eu", "ch-123", "CH123"),
        ("ridet", "123456789", "123456789"),
        ("ridet", "1234567890", "1234567890"),
        ("tahiti", "a12345678", "A12345678"),
        ("tahiti", "112345678", "112345678"),
        ("registering", "dossier 12", "DOSSIER12"),
        ("person", "dupont 1", "DUPONT1"),
    ],
)
def test_identifiers_are_cleaned(kind, typed, clean):
    assert clean_identifier(kind, typed) == clean


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("siret", "20003035100016"),
        ("siret", "2000303510001"),
        ("siret", "200030351000155"),
        ("siret", "2000303510001A"),
        ("siret", "35600000000014"),
        ("siret", "2,17003E+13"),
        ("siret", "٢٠٠٠٣٠٣٥١٠٠٠١٥"),
        ("siret", ""),
        ("eu_vat", "123456"),
        ("eu_vat", "BE" + "1" * 17),
        ("non_eu", "A" * 19),
        ("ridet", "12345678"),
        ("ridet", "12345678901"),
        ("tahiti", "A1234567"),
        ("tahiti", "AB2345678"),
        ("person", "é"),
    ],
)
def test_wrong_identifiers_are_refused(kind, typed):
    with pytest.raises(ValidationError):
        clean_identifier(kind, typed)


def test_the_sentence_counts_the_digits():
    with pytest.raises(ValidationError, match="celui-ci en compte 13"):
        clean_identifier("siret", "2000303510001")


@given(kind=st.sampled_from(IdentifierType.values), typed=st.text(max_size=60))
def test_any_text_is_cleaned_or_refused_and_cleaning_twice_changes_nothing(kind, typed):
    try:
        clean = clean_identifier(kind, typed)
    except ValidationError:
        return
    assert clean_identifier(kind, clean) == clean
    assert clean.isascii()
    assert len(clean) <= 50


@given(st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_is_always_caught(position, shift):
    right = "20003035100015"
    wrong = right[:position] + str((int(right[position]) + shift) % 10) + right[position + 1 :]
    with pytest.raises(ValidationError):
        clean_identifier("siret", wrong)


def test_public_bodies_are_known_by_their_number():
    assert names_public_body("siret", "20003035100015")
    assert not names_public_body("siret", "99990011100017")
    assert not names_public_body("ridet", "200030351")


def test_a_siret_is_shown_as_people_read_it():
    assert spaced_identifier("siret", "20003035100015") == "200 030 351 00015"
    assert spaced_identifier("ridet", "123456789") == "123456789"


@pytest.mark.parametrize("length", [16, 17, 18])
def test_a_foreign_number_has_at_most_eighteen_characters(length):
    assert clean_identifier("eu_vat", "BE" + "1" * (length - 2))
    assert clean_identifier("non_eu", "A" * length)
    for kind in ("eu_vat", "non_eu"):
        with pytest.raises(ValidationError):
            clean_identifier(kind, "BE" + "1" * 17)


def test_a_french_vat_number_is_not_one_from_outside_france():
    with pytest.raises(ValidationError):
        clean_identifier("eu_vat", "FR40303265045")


def test_a_siret_whose_siren_is_wrong_is_refused():
    """Luhn holds for the fourteen digits, not for the first nine."""
    assert luhn.is_valid("20003035200005")
    assert not luhn.is_valid("200030352")
    with pytest.raises(ValidationError):
        clean_identifier("siret", "20003035200005")


@pytest.mark.parametrize(("nic", "right"), [("00001", True), ("00014", False), ("00048", True), ("00011", False)])
def test_la_poste_follows_its_own_sum(nic, right):
    try:
        assert clean_identifier("siret", f"356000000{nic}") == f"356000000{nic}"
        accepted = True
    except ValidationError:
        accepted = False
    assert accepted is right


@pytest.mark.parametrize("kind", IdentifierType.values)
def test_every_refusal_is_a_french_sentence(kind):
    with pytest.raises(ValidationError) as refused:
        clean_identifier(kind, "!")
    assert re.match(r"(Un|Saisissez) .* (chiffres|lettres|caractères)", refused.value.messages[0])


@given(st.from_regex(r"(356000000|\d{9})\d{5}", fullmatch=True) | st.integers(0, 79).map(siret_number) | st.text())
@example("35600000000048")
@example("35600000000001")
@example("35600000000014")
def test_the_fast_check_of_a_siret_agrees_with_stdnum(value):
    known = len(value) == 14 and value.isascii() and value.isdigit() and siret.is_valid(value)
    assert is_siret(value) == known
