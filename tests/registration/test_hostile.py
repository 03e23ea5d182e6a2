"""Arbitrary input on every public form: whatever is posted, an answer and never a crash."""

import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.links import Purpose, make_token
from directory.identifiers import IdentifierType
from registration.captcha import challenge, fresh
from registration.forms import RegistrationForm
from tests.deferred import work_off_everything
from tests.factories import ServiceFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

# With its field's name over DATA_UPLOAD_MAX_MEMORY_SIZE, which is answered 413.
MEGABYTE = 1024 * 1024


class Huge(str):
    """A long text that says so in a line: Hypothesis prints what failed."""

    def __repr__(self):
        return f"'x' * {len(self)}"


MANY = int(os.environ.get("HOSTILE_EXAMPLES", "40"))
ANSWERS = {200, 302, 400, 403, 410, 413, 422, 429}

nasty = st.sampled_from(
    ["", " ", "\x00", "a\x00b", "'", '"; DROP TABLE x;--', "<script>alert(1)</script>", "{{ 7*7 }}",
     "%s%n", "../../etc", "\u202e", "é" * 300, "𝕏" * 50, "\n\r\nBcc: x@y.fr", "-1", "1e308", "9" * 400, "null", "[]",
     "true", "a@b.fr", "A@B.FR\n", Huge("x" * MEGABYTE), "20003035100015", "200 030 351 00015", "٣" * 14, "①" * 14]
)  # fmt: skip
text = st.one_of(nasty, st.text(max_size=60))
many = st.one_of(text, st.lists(text, max_size=4))

fuzz = settings(
    max_examples=MANY,
    # No shrinking: megabytes shrink for ever, and what failed is printed as it was.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def forms_of(*names):
    """Posts with any of these fields, missing, repeated or of the wrong type, and a forged one."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys((*names, "is_staff"), many))


registration = forms_of(*RegistrationForm.base_fields, "find_structure", "check_captcha", "new_captcha")


@pytest.fixture
def structure(settings):
    settings.PREFILL_RATE = settings.REGISTRATION_RATE = settings.MAIL_REQUEST_RATE = "100000/s"
    structure = StructureFactory(identifier="20003035100015")
    ServiceFactory(structure=structure)
    return structure


@given(data=registration)
@fuzz
def test_registration_survives_anything(client, structure, data):
    assert client.post("/inscription/", data).status_code in ANSWERS


@given(data=registration)
@fuzz
def test_the_structure_fragment_survives_anything(client, structure, data):
    assert client.post("/inscription/structure/", data).status_code in ANSWERS


@given(data=forms_of("captcha_key", "captcha_answer", "check_captcha", "new_captcha"))
@fuzz
def test_the_captcha_fragment_survives_anything(client, data):
    assert client.post("/inscription/captcha/", data).status_code in ANSWERS


@given(identifier_type=st.one_of(st.sampled_from(IdentifierType.values), text), identifier=text)
@fuzz
def test_a_look_up_survives_any_identifier(client, structure, identifier_type, identifier):
    data = {"identifier_type": identifier_type, "identifier": identifier}
    assert client.post("/inscription/structure/", data).status_code in ANSWERS


@given(data=forms_of("username", "password"), next_page=text)
@fuzz
def test_login_survives_anything(client, data, next_page):
    answer = client.post("/connexion/", data, query_params={"next": next_page[:2000]})
    assert answer.status_code in ANSWERS


@given(data=forms_of("email"))
@fuzz
@pytest.mark.parametrize("path", ["/activation/", "/mot-de-passe/"])
def test_asking_for_a_link_survives_anything(client, structure, path, data):
    assert client.post(path, data).status_code in ANSWERS


@given(data=forms_of("password", "password_again", "secret_question", "secret_answer"))
@fuzz
def test_activation_survives_anything(client, data):
    token = make_token(UserFactory(activating=True), Purpose.ACTIVATION)
    assert client.post(f"/activation/{token}/", data).status_code in ANSWERS


@given(data=forms_of("password", "password_again", "secret_answer"))
@fuzz
def test_reset_survives_anything(client, data):
    user = UserFactory(secret_question="pet", secret_answer="x")
    token = make_token(user, Purpose.RESET)
    assert client.post(f"/mot-de-passe/{token}/", data).status_code in ANSWERS


@given(token=st.text(alphabet=st.characters(exclude_characters="/?#", exclude_categories=["Cs"]), min_size=1))
@fuzz
@pytest.mark.parametrize("path", ["/activation/{}/", "/mot-de-passe/{}/"])
def test_any_token_is_answered(client, path, token):
    assert client.get(path.format(token)).status_code in ANSWERS | {301, 404}


def test_a_body_over_the_limit_is_refused_in_french(client):
    answer = client.post("/connexion/", {"username": "x" * MEGABYTE})
    assert answer.status_code == 413
    assert "Envoi trop volumineux" in answer.text


def test_too_many_fields_are_refused(client):
    assert client.post("/connexion/", {f"champ{n}": "x" for n in range(1100)}).status_code == 400


@given(first_name=text, last_name=text, legal_name=text, address=text, city=text)
@fuzz
def test_a_registration_right_but_for_strange_words_never_crashes(
    client, structure, first_name, last_name, legal_name, address, city
):
    shown = fresh()
    data = {
        "email": "rachid@exemple.example",
        "email_again": "rachid@exemple.example",
        "first_name": first_name,
        "last_name": last_name,
        "terms": "on",
        "identifier_type": "siret",
        "identifier": "99990011100017",
        "nature": "private",
        "legal_name": legal_name,
        "address": address,
        "postcode": "35400",
        "city": city,
        "country": "France",
        "captcha_key": shown.key,
        "captcha_answer": challenge(shown.key)[1],
    }
    answer = client.post("/inscription/", data)
    assert answer.status_code in {200, 302, 400, 413}
    work_off_everything()
    if answer.status_code == 302:
        assert client.get("/inscription/recapitulatif/").status_code == 200
