import io
import wave
from datetime import timedelta

import pytest
from captcha.models import CaptchaStore
from django.utils import timezone

from registration import captcha
from tests.factories import StructureFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def picture():
    return CaptchaStore.objects.get(hashkey=captcha.fresh().key)


def send(client, picture, answer, button="check_captcha", path="/inscription/captcha/"):
    return client.post(path, {"captcha_key": picture.hashkey, "captcha_answer": answer, button: "1"})


@pytest.mark.parametrize("path", ["/inscription/captcha/", "/inscription/"])
def test_a_right_answer_is_validated_and_kept(client, picture, path):
    assert "Captcha validé" in send(client, picture, picture.response.upper(), path=path).text
    assert captcha.is_right(picture.hashkey, picture.response)


@pytest.mark.parametrize("path", ["/inscription/captcha/", "/inscription/"])
def test_a_wrong_answer_burns_the_picture_and_shows_another(client, picture, path):
    page = send(client, picture, "faux", path=path).text
    assert "En voici une autre" in page
    assert picture.hashkey not in page
    assert not captcha.is_right(picture.hashkey, picture.response)


def test_an_empty_answer_costs_nothing(client, picture):
    page = send(client, picture, "").text
    assert "Recopiez d&#x27;abord" in page
    assert picture.hashkey in page


def test_another_picture_can_be_asked_for(client, picture):
    page = send(client, picture, "", button="new_captcha").text
    assert picture.hashkey not in page
    assert "captcha_key" in page


def test_an_old_picture_is_worth_nothing(client, picture, time_machine):
    time_machine.move_to(timezone.now() + timedelta(minutes=31))
    assert not captcha.is_right(picture.hashkey, picture.response)


def test_a_picture_makes_one_account(client, picture):
    structure = StructureFactory()
    data = {
        "email": "a@exemple.example",
        "email_again": "a@exemple.example",
        "first_name": "Anne",
        "last_name": "Un",
        "terms": "on",
        "identifier_type": "siret",
        "identifier": structure.identifier,
        "captcha_key": picture.hashkey,
        "captcha_answer": picture.response,
    }
    assert client.post("/inscription/", data).status_code == 302
    again = client.post("/inscription/", data | {"email": "b@exemple.example", "email_again": "b@exemple.example"})
    assert "En voici une autre" in again.text


def test_the_picture_is_drawn_and_read_aloud(client, picture):
    image = client.get(f"/inscription/captcha/{picture.hashkey}/image/")
    assert image["Content-Type"] == "image/png"
    sound = client.get(f"/inscription/captcha/{picture.hashkey}/audio/")
    assert sound["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(sound.content)) as wav:
        assert wav.getnframes() / wav.getframerate() > 2
        assert len(set(wav.readframes(wav.getnframes()))) > 100


def test_a_burnt_picture_is_gone(client, picture):
    send(client, picture, "faux")
    for what in ("image", "audio"):
        assert client.get(f"/inscription/captcha/{picture.hashkey}/{what}/").status_code == 410


def test_listening_is_rate_limited(client, picture, settings):
    settings.CAPTCHA_AUDIO_RATE = "1/m"
    path = f"/inscription/captcha/{picture.hashkey}/audio/"
    assert [client.get(path).status_code for _ in range(2)] == [200, 429]


def test_challenges_hold_no_look_alike():
    drawn = {character for _ in range(200) for character in captcha.challenge()[0]}
    assert not drawn & set("O0I1BDPTVGEUQSMN8")
    assert len(drawn) > 12
