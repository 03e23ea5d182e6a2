"""The same form sent twice: a double click, a reload, « page précédente » and again."""

import pytest
from django.test import Client

from registration.captcha import challenge, fresh
from registration.models import Receipt, Submission
from registration.tasks import forget_receipts
from tests.at_once import at_once
from tests.deferred import work_off_everything
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

RECAP = "/inscription/recapitulatif/"


@pytest.fixture
def form():
    """All of a form for a structure nobody knows, its captcha answered."""
    key = fresh().key
    return {
        "email": "gwen@menuiserie.example",
        "email_again": "gwen@menuiserie.example",
        "first_name": "Gwen",
        "last_name": "Kerjean",
        "terms": "on",
        "identifier_type": "siret",
        "identifier": "99990011100017",
        "legal_name": "Menuiserie Kerjean",
        "address": "3 rue du Port",
        "postcode": "35400",
        "city": "Saint-Malo",
        "captcha_key": key,
        "captcha_answer": challenge(key)[0],
    }


def reference(client):
    return client.get(RECAP).context["reference"]


def test_the_second_answer_is_the_same_last_page(client, form, settings):
    settings.REGISTRATION_RATE = "1/h"
    client.post("/inscription/", form)
    first = reference(client)
    # The structure lives here by now: nothing of the page may change for that.
    for _ in range(2):
        work_off_everything()
        assert client.post("/inscription/", form).url == RECAP
    assert reference(client) == first
    assert "vous en devenez" in client.get(RECAP).text
    assert not Submission.objects.exists()


def test_also_in_a_browser_that_never_read_the_first_answer(client, form):
    client.post("/inscription/", form)
    another = Client()
    assert another.post("/inscription/", form).url == RECAP
    assert reference(another) == reference(client)
    assert Submission.objects.count() == 1


@pytest.mark.parametrize("change", [{"last_name": "Kerjan"}, {"email": "g@b.example", "email_again": "g@b.example"}])
def test_anything_else_with_the_same_picture_asks_for_a_new_one(client, form, change):
    client.post("/inscription/", form)
    again = Client().post("/inscription/", form | change)
    assert "En voici une autre" in again.text
    assert "Gwen" in again.text
    assert Submission.objects.count() == 1


def test_a_picture_alone_tells_nobody_what_was_sent_with_it(client, form):
    client.post("/inscription/", form)
    stranger = Client()
    stranger.post("/inscription/", {"captcha_key": form["captcha_key"], "captcha_answer": form["captcha_answer"]})
    stranger.post("/inscription/", {"captcha_key": "\x00"})
    assert stranger.get(RECAP).url == "/inscription/"


def test_what_was_corrected_since_stays_corrected(client, form):
    client.post("/inscription/", form)
    client.post(f"{RECAP}adresse/", {"email": "g@menuiserie.example", "email_again": "g@menuiserie.example"})
    client.post("/inscription/", form)
    assert "g@menuiserie.example" in client.get(RECAP).text


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_get_the_same_last_page(form):
    clients = [Client() for _ in range(4)]
    answers = at_once(*[lambda client=client: client.post("/inscription/", form).url for client in clients])
    assert answers == [RECAP] * 4
    assert len({reference(client) for client in clients}) == 1
    assert Submission.objects.count() == 1


def test_receipts_are_forgotten_after_an_hour(client, form, time_machine):
    time_machine.move_to("2026-11-25T09:00:00Z")
    key = fresh().key
    client.post("/inscription/", form | {"captcha_key": key, "captcha_answer": challenge(key)[0]})
    forget_receipts()
    assert Receipt.objects.count() == 1
    time_machine.shift(3601)
    forget_receipts()
    assert not Receipt.objects.exists()


def test_a_used_address_sent_twice_looks_the_same(client, form):
    UserFactory(email=form["email"])
    client.post("/inscription/", form)
    work_off_everything()
    assert client.post("/inscription/", form).url == RECAP
