import io
import subprocess
import sys
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


def test_a_right_answer_survives_errors_elsewhere_until_the_form_goes_through(client, picture):
    structure = StructureFactory()
    wrong = {"captcha_key": picture.hashkey, "captcha_answer": picture.response, "identifier": structure.identifier}
    for _ in range(3):
        page = client.post("/inscription/", wrong).text
        assert "Captcha validé" in page
        assert f'value="{picture.hashkey}"' in page
    assert CaptchaStore.objects.filter(pk=picture.pk).exists()


def test_a_wrong_answer_burns_the_picture_on_the_whole_form_too(client, picture):
    data = {"captcha_key": picture.hashkey, "captcha_answer": "faux", "identifier": StructureFactory().identifier}
    page = client.post("/inscription/", data).text
    assert "En voici une autre" in page
    assert client.post("/inscription/", data | {"captcha_answer": picture.response}).status_code == 200
    assert not CaptchaStore.objects.filter(pk=picture.pk).exists()


def test_the_answer_to_one_picture_does_not_serve_for_another(client, picture):
    other = CaptchaStore.objects.get(hashkey=captcha.fresh().key)
    while other.response == picture.response:
        other = CaptchaStore.objects.get(hashkey=captcha.fresh().key)
    assert not captcha.is_right(picture.hashkey, other.response)
    assert captcha.is_right(other.hashkey, other.response)


def test_an_invented_picture_is_worth_nothing(client):
    assert not captcha.is_right("0" * 40, "")
    assert not captcha.is_right("", "")
    assert not captcha.use_up("0" * 40)


def test_the_page_never_holds_the_answer(client):
    page = client.get("/inscription/").text
    picture = CaptchaStore.objects.get()
    assert picture.hashkey in page
    assert picture.response not in page.lower().replace(picture.hashkey, "")


def test_characters_are_read_in_french():
    code = (
        "import ctypes, espeakng_loader; from registration.speech import speak; speak('A')\n"
        "class Voice(ctypes.Structure): _fields_ = [(n, ctypes.c_char_p) for n in ('name', 'languages')]\n"
        "library = ctypes.cdll.LoadLibrary(espeakng_loader.get_library_path())\n"
        "library.espeak_GetCurrentVoice.restype = ctypes.POINTER(Voice)\n"
        "print(library.espeak_GetCurrentVoice().contents.languages[1:].decode())\n"
    )
    spoken = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert spoken.stdout.startswith("fr")
