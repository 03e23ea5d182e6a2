import io
import random
import re
import subprocess
import sys
import time
import wave
from array import array
from datetime import timedelta
from pathlib import Path
from threading import Event

import espeakng_loader
import pytest
from captcha.models import CaptchaStore
from django.utils import timezone
from PIL import Image

from accounts.tasks import forget_expired
from registration import captcha, pictures, speech
from tests.at_once import at_once
from tests.factories import StructureFactory

pytestmark = pytest.mark.django_db
ROUNDS = 3


@pytest.fixture
def key():
    return captcha.fresh().key


def answer_of(key):
    return captcha.challenge(key)[1]


def send(client, key, answer, button="check_captcha", path="/inscription/captcha/"):
    return client.post(path, {"captcha_key": key, "captcha_answer": answer, button: "1"})


def test_showing_the_page_its_picture_and_its_sound_writes_nothing(client):
    page = client.get("/inscription/").text
    assert not CaptchaStore.objects.exists()
    for what in ("image", "audio"):
        path = re.search(rf"/inscription/captcha/[\w-]+/{what}/", page)[0]
        assert client.get(path).status_code == 200
    assert not CaptchaStore.objects.exists()


@pytest.mark.parametrize("path", ["/inscription/captcha/", "/inscription/"])
def test_a_right_answer_is_validated_and_kept(client, key, path):
    assert "Captcha validé" in send(client, key, answer_of(key).upper(), path=path).text
    assert captcha.is_right(key, answer_of(key))
    assert CaptchaStore.objects.count() == 1


@pytest.mark.parametrize("path", ["/inscription/captcha/", "/inscription/"])
def test_a_wrong_answer_burns_the_picture_and_shows_another(client, key, path):
    page = send(client, key, "faux", path=path).text
    assert "En voici une autre" in page
    assert key not in page
    assert not captcha.is_right(key, answer_of(key))


def test_an_empty_answer_costs_nothing(client, key):
    page = send(client, key, "").text
    assert "Recopiez d'abord" in page
    assert key in page


def test_another_picture_can_be_asked_for(client, key):
    page = send(client, key, "", button="new_captcha").text
    assert key not in page
    assert "captcha_key" in page


def test_an_old_picture_is_worth_nothing(client, key, time_machine):
    time_machine.move_to(timezone.now() + timedelta(minutes=31))
    assert not captcha.is_live(key)
    assert not captcha.is_right(key, answer_of(key))
    assert not CaptchaStore.objects.exists()


def test_a_picture_answered_in_time_and_sent_too_late_is_worth_nothing(key, time_machine):
    assert captcha.is_right(key, answer_of(key))
    time_machine.move_to(timezone.now() + timedelta(minutes=31))
    assert not captcha.use_up(key)


def test_a_picture_makes_one_account(client, key):
    structure = StructureFactory()
    data = {
        "email": "a@exemple.example",
        "email_again": "a@exemple.example",
        "first_name": "Anne",
        "last_name": "Un",
        "terms": "on",
        "identifier_type": "siret",
        "identifier": structure.identifier,
        "captcha_key": key,
        "captcha_answer": answer_of(key),
    }
    assert client.post("/inscription/", data).status_code == 302
    again = client.post("/inscription/", data | {"email": "b@exemple.example", "email_again": "b@exemple.example"})
    assert "En voici une autre" in again.text


def test_the_picture_is_drawn_and_read_aloud(client, key):
    image = client.get(f"/inscription/captcha/{key}/image/")
    assert image["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(image.content)).size == (pictures.WIDTH, pictures.HEIGHT)
    sound = client.get(f"/inscription/captcha/{key}/audio/")
    assert sound["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(sound.content)) as wav:
        assert wav.getnframes() / wav.getframerate() > 5
        assert len(set(wav.readframes(wav.getnframes()))) > 100


def test_one_key_has_one_picture_and_one_sound(key):
    assert captcha.drawn(key) == captcha.drawn(key)
    assert captcha.spoken(key) == captcha.spoken(key)


def test_a_picture_cannot_be_drawn_anew_from_what_the_page_tells(key):
    assert captcha.drawn(key) not in [pictures.draw(captcha.challenge(key)[0], seed=seed) for seed in (key, key[:20])]


def test_a_burnt_picture_is_gone(client, key):
    send(client, key, "faux")
    for what in ("image", "audio"):
        assert client.get(f"/inscription/captcha/{key}/{what}/").status_code == 410


@pytest.mark.parametrize("minutes", [1, 29, 31, 45, 24 * 60])
def test_a_burnt_key_stays_burnt_through_purges(client, key, time_machine, minutes):
    start = timezone.now()
    time_machine.move_to(start + timedelta(seconds=30))
    captcha.is_right(key, "faux")
    time_machine.move_to(start + timedelta(minutes=minutes))
    forget_expired()
    client.get(f"/inscription/captcha/{key}/image/")
    assert not captcha.is_live(key)
    assert not captcha.is_right(key, answer_of(key))
    assert not captcha.use_up(key)


def test_the_purge_by_a_clock_ahead_revives_nothing(key, time_machine):
    captcha.is_right(key, "faux")
    now = timezone.now()
    time_machine.move_to(now + timedelta(minutes=35))
    forget_expired()
    time_machine.move_to(now + timedelta(minutes=29))
    assert not captcha.is_right(key, answer_of(key))


def test_rows_go_once_nobody_takes_their_key(key, time_machine):
    captcha.is_right(key, "faux")
    time_machine.move_to(timezone.now() + timedelta(hours=1))
    forget_expired()
    assert not CaptchaStore.objects.exists()


def test_a_burnt_key_is_not_answered_by_nothing(key):
    captcha.is_right(key, "faux")
    assert not captcha.is_right(key, "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_wrong_answers_given_at_once_one_burns_the_key_and_the_rest_tell_nothing(key, _round):
    answers = at_once(*[lambda: captcha.is_right(key, "faux")] * 3, lambda: captcha.is_right(key, answer_of(key)))
    assert [type(answer) for answer in answers] == [bool] * 4, answers
    assert not any(answers[:3])
    assert not captcha.is_live(key)
    assert not captcha.is_right(key, answer_of(key))
    assert CaptchaStore.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answered_before", [False, True])
def test_an_answer_waits_for_the_one_before_it(key, answered_before, monkeypatch):
    """Or as many guesses as fit before the first wrong one is burnt would each be judged."""
    if answered_before:
        captcha.is_right(key, answer_of(key))
    judged, burn = Event(), captcha._burn

    def burn_late(key):
        judged.set()
        time.sleep(0.5)
        return burn(key)

    def right():
        judged.wait()
        return captcha.is_right(key, answer_of(key))

    monkeypatch.setattr(captcha, "_burn", burn_late)
    assert at_once(lambda: captcha.is_right(key, "faux"), right) == [False, False]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(ROUNDS))
def test_a_right_answer_is_consumed_once_even_at_once(key, _round):
    assert captcha.is_right(key, answer_of(key))
    assert sorted(at_once(*[lambda: captcha.use_up(key)] * 3)) == [False, False, True]


def test_what_nobody_answered_is_not_consumed(key):
    assert not captcha.use_up(key)


def test_listening_is_rate_limited(client, key, settings):
    settings.CAPTCHA_AUDIO_RATE = "1/m"
    path = f"/inscription/captcha/{key}/audio/"
    assert [client.get(path).status_code for _ in range(2)] == [200, 429]


def test_challenges_hold_no_look_alike():
    shown = {character for _ in range(200) for character in captcha.challenge(captcha.fresh().key)[0]}
    assert not shown & set("O0I1BDPTVGEUQSMN8Z4")
    assert len(shown) > 12


def test_a_right_answer_survives_errors_elsewhere_until_the_form_goes_through(client, key):
    structure = StructureFactory()
    wrong = {"captcha_key": key, "captcha_answer": answer_of(key), "identifier": structure.identifier}
    for _ in range(3):
        page = client.post("/inscription/", wrong).text
        assert "Captcha validé" in page
        assert f'value="{key}"' in page
    assert captcha.is_live(key)


def test_a_wrong_answer_burns_the_picture_on_the_whole_form_too(client, key):
    data = {"captcha_key": key, "captcha_answer": "faux", "identifier": StructureFactory().identifier}
    page = client.post("/inscription/", data).text
    assert "En voici une autre" in page
    assert client.post("/inscription/", data | {"captcha_answer": answer_of(key)}).status_code == 200
    assert not captcha.is_live(key)


def test_the_answer_to_one_picture_does_not_serve_for_another(key):
    other = captcha.fresh().key
    while answer_of(other) == answer_of(key):
        other = captcha.fresh().key
    assert not captcha.is_right(key, answer_of(other))
    assert captcha.is_right(other, answer_of(other))


@pytest.mark.parametrize("place", [0, 7, 8, 19, 20, 39])
def test_an_altered_key_is_worth_nothing(client, key, place):
    altered = key[:place] + ("a" if key[place] != "a" else "b") + key[place + 1 :]
    assert not captcha.is_right(altered, answer_of(altered))
    assert not captcha.is_live(altered)
    assert client.get(f"/inscription/captcha/{altered}/image/").status_code == 410
    assert not CaptchaStore.objects.exists()


@pytest.mark.parametrize("invented", ["0" * 40, "", "é" * 40, "0", "-" * 60])
def test_an_invented_picture_is_worth_nothing(invented):
    assert not captcha.is_right(invented, "")
    assert not captcha.use_up(invented)
    assert not captcha.is_live(invented)
    assert not CaptchaStore.objects.exists()


def test_the_page_never_holds_the_answer(client):
    page = client.get("/inscription/").text
    key = re.search(r'name="captcha_key" value="([^"]+)"', page)[1]
    assert answer_of(key) not in page.lower().replace(key.lower(), "")


def test_letters_stand_out_from_their_ground():
    """WCAG AA for text, 4.5:1, between the lightest ink and the darkest ground the drawing may choose."""

    def luminance(level):
        share = level / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    assert (luminance(pictures.LIGHT[0]) + 0.05) / (luminance(pictures.DARK[1]) + 0.05) >= 4.5


def test_no_letter_is_cut_out_between_two_empty_columns():
    """Curves of the letters' own ink run through them, from edge to edge."""
    picture = Image.open(io.BytesIO(pictures.draw("AF9XY", seed=b"un"))).convert("L")
    columns = (picture.crop((x, 0, x + 1, picture.height)).getextrema() for x in range(picture.width))
    assert max(darkest for darkest, _ in columns) < 128


def spoken_by(text, seed):
    command = [sys.executable, "-m", "registration.speech", text, seed]
    return subprocess.run(command, capture_output=True, check=True).stdout


def test_two_clips_of_one_text_are_unlike():
    first, second = spoken_by("AF9XY", "un"), spoken_by("AF9XY", "deux")
    assert abs(len(first) - len(second)) > 1000


def test_no_voice_pace_or_pitch_serves_a_whole_clip():
    for seed in range(20):
        said = speech.utterances("AF9XY", random.Random(seed))
        for varied in ("variant", "pace", "pitch", "speed", "tone", "pause"):
            assert len({getattr(utterance, varied) for utterance in said}) > 1


def test_every_character_has_its_spelling_and_every_voice_is_there():
    voices = Path(espeakng_loader.get_data_path()) / "voices" / "!v"
    assert all((voices / variant).is_file() for variant in speech.VARIANTS)
    for character in captcha.ALPHABET:
        for seed in range(20):
            spelling = speech.spelled(character, random.Random(seed))
            if character.isdigit():
                assert [digit for digit in spelling if digit.isdigit()] == [character]
            else:
                name, word = spelling.split(", comme ")
                assert name == speech.NAMES.get(character, character)
                assert word[0].upper() == character


def test_speech_stands_above_its_background():
    with wave.open(io.BytesIO(spoken_by("AF9XY", "un"))) as wav:
        rate = wav.getframerate()
        samples = array("h", wav.readframes(wav.getnframes()))
    # The clip opens with a pause of at least 0.35 s: background alone.
    opening = samples[: int(0.35 * rate)]
    ground, whole = (sum(sample * sample for sample in part) / len(part) for part in (opening, samples))
    assert ground > 0
    assert whole > 4 * ground


def test_characters_are_read_in_french():
    code = (
        "import ctypes\n"
        "from registration.speech import Synthesiser, utterances\n"
        "import random\n"
        "class Voice(ctypes.Structure): _fields_ = [(n, ctypes.c_char_p) for n in ('name', 'languages')]\n"
        "synthesiser = Synthesiser()\n"
        "synthesiser.say(utterances('A', random.Random(1))[0])\n"
        "library = synthesiser._library\n"
        "library.espeak_GetCurrentVoice.restype = ctypes.POINTER(Voice)\n"
        "print(library.espeak_GetCurrentVoice().contents.languages[1:].decode())\n"
    )
    spoken = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert spoken.stdout.startswith("fr")


def test_one_clip_is_made_at_a_time_and_a_failing_one_is_no_error(client, key, monkeypatch):
    path = f"/inscription/captcha/{key}/audio/"
    with captcha._speaking:
        assert client.get(path).status_code == 503

    def late(*args, **options):
        raise subprocess.TimeoutExpired("speech", 10)

    monkeypatch.setattr(subprocess, "run", late)
    assert client.get(path)["Retry-After"] == "3"


def test_pictures_are_rate_limited(client, key, settings):
    settings.CAPTCHA_IMAGE_RATE = "1/m"
    path = f"/inscription/captcha/{key}/image/"
    assert [client.get(path).status_code for _ in range(2)] == [200, 429]
