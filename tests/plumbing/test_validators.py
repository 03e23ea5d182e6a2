import pytest
from django.core.exceptions import ValidationError

from plumbing.validators import newly_typed, validate_person_name, validate_plain_line, validate_plain_text

LINKS = [
    "https://mal.example",
    "Gagnez hxxp://x",
    "WWW.mal",
    "exemple.com",
    "Voir mal.fr/gain",
    "x.com",
    "t.co/abc",
    "exemple．com",
    "exemple。com",
    "exemple｡com",
    "ｅｘｅｍｐｌｅ.ｃｏｍ",
    "evil.भारत",
    "हिन्दी.com",
    "evil\N{COMBINING ENCLOSING CIRCLE}.com",
]
INVISIBLE = [
    "\u3164",
    "\u115f",
    "\u1160",
    "\uffa0",
    "\u2800",
    "\u034f",
    "A\u3164B",
    "\u200b",
    "A\u202eB",
    "\ufe0f",
    "\U0001d159",
    "A\u2065B",
    "A\U000e0041B",
    "A\ufff3B",
]


@pytest.mark.parametrize("validate", [validate_person_name, validate_plain_line])
@pytest.mark.parametrize("text", LINKS)
def test_what_a_mail_reader_would_make_a_link_is_refused(validate, text):
    with pytest.raises(ValidationError):
        validate(text)


@pytest.mark.parametrize("text", ["exemple.com", "M.Léon"])
def test_the_refusal_says_what_to_write(text):
    for validate in (validate_person_name, validate_plain_line):
        with pytest.raises(ValidationError, match="Ajoutez une espace après le point"):
            validate(text)


@pytest.mark.parametrize("validate", [validate_person_name, validate_plain_line])
@pytest.mark.parametrize("text", INVISIBLE)
def test_what_nobody_can_see_is_refused(validate, text):
    with pytest.raises(ValidationError):
        validate(text)


@pytest.mark.parametrize("name", ["J.P.", "M. Léon", "St. Pierre", "O'Brien", "d’Artagnan", "李", "अनीता", "محمد"])
def test_names_are_taken_as_people_bear_them(name):
    validate_person_name(name)
    validate_plain_line(name)


@pytest.mark.parametrize("line", ["S.A.R.L. Dupont", "A.P.E.L.", "3 rue du Port, bât. B", "N° 1.5", "SAS 3C & Cie"])
def test_lines_are_taken_as_people_write_them(line):
    validate_plain_line(line)


@pytest.mark.parametrize("name", ["-", ". .", "'"])
def test_a_name_has_letters(name):
    with pytest.raises(ValidationError):
        validate_person_name(name)


def test_what_stood_there_already_may_stay():
    validate = newly_typed(validate_plain_line, "CDISCOUNT.COM")
    validate("CDISCOUNT.COM")
    with pytest.raises(ValidationError):
        validate("MAL.COM")


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("Écrivez à claire@champoulant.example, merci.", True),
        ("Voir (claire@champoulant.example)", True),
        ("https://mal.example/login?@portail", False),
        ("mal.example/x@y.example", False),
        ("claire@champoulant.example/login", False),
        ("claire@champoulant.example:443", False),
        ("caché\u202e", False),
        ("sur\ndeux lignes", True),
    ],
)
def test_a_text_may_name_an_address_and_hold_no_link(text, taken):
    if taken:
        validate_plain_text(text)
    else:
        with pytest.raises(ValidationError):
            validate_plain_text(text)
