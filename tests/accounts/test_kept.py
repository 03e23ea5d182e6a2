"""A form sent after the session ended: what was typed comes back after logging in again."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.kept import LIFETIME_SECONDS, LONGEST
from attachments.models import Role
from structures.models import Service
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "un long mot de passe"
TYPED = {"code": "CDI", "label": "Centre de documentation", "starts_on": "2026-01-01"}


@pytest.fixture
def principal():
    return AttachmentFactory(role=Role.PRINCIPAL, user=with_password("claire@exemple.example"))


@pytest.fixture
def path(principal, client):
    """The page where the session of the principal manager ends."""
    client.force_login(principal.user)
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    return f"/structures/{principal.structure_id}/services/nouveau/"


def test_nothing_is_kept_of_a_session_that_is_gone(client, path):
    """It was ended from elsewhere: nobody knows any longer whose it was."""
    Session.objects.all().delete()
    answer = client.post(path, TYPED)
    assert kept_in(answer) == ""
    assert "pas pu être gardé" in answer.text


def test_who_logged_out_in_another_tab_finds_what_they_typed_and_nobody_else_does(client, principal):
    with_password("autre@exemple.example")
    path = f"/structures/{principal.structure_id}/services/nouveau/"
    client.force_login(principal.user)
    client.post("/deconnexion/")
    kept = kept_in(client.post(path, TYPED))
    another = Client()
    log_in(another, kept, path, email="autre@exemple.example")
    assert "kept_form" not in another.session
    log_in(client, kept, path)
    assert "left" not in client.session
    assert "Centre de documentation" in client.get(path).text


REASON = {"reason": "Pas assez précis : dites pour quel service."}
PLACE = {"email": "lou@exemple.example", "role": "simple", "starts_on": "2027-09-01", "ends_on": "2028-08-31"}


@pytest.mark.parametrize(
    ("address", "typed", "shown"),
    [
        ("/structures/{structure}/personnes/nouveau/", PLACE, 'value="2028-08-31"'),
        ("/structures/{structure}/personnes/rattacher/", PLACE, 'value="2028-08-31"'),
        ("/structures/{structure}/personnes/{place}/modifier/", PLACE, 'value="2028-08-31"'),
        ("/structures/{structure}/personnes/{place}/detacher/", REASON, REASON["reason"]),
        ("/structures/{structure}/personnes/prolonger/?rattachement={place}", PLACE, 'value="2028-08-31"'),
        ("/structures/{structure}/suppleance/", PLACE, 'value="2028-08-31"'),
        ("/structures/{structure}/droits/", {"view_history": "on"}, "Voici ce que vous aviez saisi"),
        ("/demandes/{request}/", {"scope": "services"}, "Voici ce que vous aviez saisi"),
        ("/demandes/{request}/refus/", REASON, REASON["reason"]),
        ("/demandes/refus/?demande={request}", REASON, REASON["reason"]),
    ],
)
def test_what_a_manager_typed_is_kept(client, principal, path, address, typed, shown):
    place = AttachmentFactory(structure=principal.structure, ends_on=timezone.localdate() + timedelta(days=9))
    asked = AttachmentRequestFactory(structure=principal.structure)
    address = address.format(structure=principal.structure_id, place=place.pk, request=asked.reference)
    log_in(client, kept_in(client.post(address, typed)), address)
    answer = client.get(address).text
    assert shown in html.unescape(answer).replace("\u00a0", " ").replace("\u202f", " ")
    assert "Voici ce que vous aviez saisi" in answer
    assert principal.structure.attachments.current().count() == 2
    assert asked.structure.attachment_requests.pending().count() == 1


def with_password(email):
    user = UserFactory(email=email)
    user.set_password(PASSWORD)
    user.save()
    return user


def kept_in(answer):
    found = re.search(r'name="kept" value="([^"]*)"', answer.text)
    return found.group(1) if found else ""


def log_in(client, kept, path, email="claire@exemple.example", password=PASSWORD):
    return client.post(f"/connexion/?next={path}", {"username": email, "password": password, "kept": kept})


def test_what_was_typed_is_there_once_after_logging_in(client, path):
    answer = client.post(path, TYPED)
    assert "ce que vous avez saisi est gardé" in answer.text
    assert f"/connexion/?next={path.replace('/', '%2F')}" in answer.text
    assert log_in(client, kept_in(answer), path).url == path
    page = client.get(path).text
    assert 'value="Centre de documentation"' in page
    assert "Voici ce que vous aviez saisi" in page
    assert not Service.objects.exists()
    assert "Centre de documentation" not in client.get(path).text


def test_no_other_page_gets_it(client, path):
    log_in(client, kept_in(client.post(path, TYPED)), path)
    other = AttachmentFactory(role=Role.PRINCIPAL, user_id=client.session["_auth_user_id"]).structure_id
    assert "Centre de documentation" not in client.get(f"/structures/{other}/services/nouveau/").text


def test_a_wrong_password_loses_nothing(client, path):
    answer = log_in(client, kept_in(client.post(path, TYPED)), path, password="faux")
    log_in(client, kept_in(answer), path)
    assert "Centre de documentation" in client.get(path).text


def test_secrets_are_not_carried(client, path):
    secrets = {"password": "Secret1", "secret_answer": "Médor", "captcha_key": "k", "csrfmiddlewaretoken": "t"}
    secrets["Device-Token"] = "jeton"
    log_in(client, kept_in(client.post(path, TYPED | secrets)), path)
    data = client.session["kept_form"]["data"]
    assert "label=Centre" in data
    assert not [word for word in ("Secret1", "dor", "captcha", "csrf", "jeton") if word in data]


@pytest.mark.parametrize("damage", [lambda kept: kept[:-2] + "xx", lambda kept: "", lambda kept: "\x00é"])
def test_what_was_tampered_with_is_nothing(client, path, damage):
    log_in(client, damage(kept_in(client.post(path, TYPED))), path)
    assert "kept_form" not in client.session
    assert "Centre de documentation" not in client.get(path).text


def test_it_is_kept_an_hour(client, path, time_machine):
    time_machine.move_to("2026-11-25T09:00:00Z")
    kept = kept_in(client.post(path, TYPED))
    time_machine.shift(LIFETIME_SECONDS + 60)
    log_in(client, kept, path)
    assert "kept_form" not in client.session


def test_too_much_is_not_kept_and_not_said_to_be(client, path):
    answer = client.post(path, TYPED | {"description": "x" * LONGEST})
    assert "Votre session est terminée" in answer.text
    assert "est gardé" not in answer.text
    assert not kept_in(answer)


def test_nobody_else_gets_what_an_expired_session_typed(client, principal, path, time_machine):
    time_machine.move_to(timezone.now())
    with_password("autre@exemple.example")
    log_in(client, "", path)
    time_machine.shift(31 * 60)
    kept = kept_in(client.post(path, TYPED))
    assert kept
    another = Client()
    log_in(another, kept, path, email="autre@exemple.example")
    assert "kept_form" not in another.session
    log_in(client, kept, path)
    assert "Centre de documentation" in client.get(path).text


def test_a_list_that_sends_elsewhere_is_where_one_comes_back_to(client, principal, path):
    elsewhere = f"/structures/{principal.structure_id}/"
    answer = client.post(path, TYPED, headers={"Referer": f"http://testserver{elsewhere}?page=2"})
    assert not kept_in(answer)
    assert "next=%2Fstructures%2F" in answer.text
    assert "page%3D2" in answer.text
    away = client.post(path, TYPED, headers={"Referer": "https://mal.example/"})
    assert "mal.example" not in away.text


def test_public_pages_and_the_admin_keep_nothing(client):
    assert "kept" not in client.post("/deconnexion/", {"label": "x"}, follow=True).text
    assert not kept_in(client.post("/admin/structures/structure/", {"label": "x"}))


def test_founding_a_structure_keeps_its_description(client, path):
    path, typed = "/structures/nouvelle/", {"identifier_type": "siret", "identifier": "99990011100017", "city": "Brest"}
    log_in(client, kept_in(client.post(path, typed)), path)
    assert 'value="Brest"' in client.get(path).text
    assert not StructureFactory._meta.model.objects.filter(city="Brest").exists()
