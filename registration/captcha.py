"""The captcha: pictures and store from django-simple-captcha, rules of use from here.

One wrong answer uses a picture up, so a picture cannot be guessed at; a right one keeps it until
the form it came with goes through, so nobody has to read a second one because of a typing error
elsewhere.
"""

import secrets
import subprocess
import sys
from dataclasses import dataclass

from captcha.models import CaptchaStore
from django.db import transaction
from django.utils import timezone

# No letter or digit that looks, or in French sounds, like another one.
ALPHABET = "2345679AFHJKLRXYZ"
LENGTH = 5
SPEECH_SECONDS = 10
WRONG = "Ce n'est pas ce que montrait l'image. En voici une autre : recommencez."
EMPTY = "Recopiez d'abord les caractères de l'image, ou écoutez-les."


def challenge():
    """The (shown, expected) pair of a new picture, for CAPTCHA_CHALLENGE_FUNCT."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return text, text.lower()


@dataclass(frozen=True)
class Shown:
    """The captcha as the page shows it: which picture, what was typed, whether it is validated."""

    key: str
    answer: str = ""
    confirmed: bool = False
    error: str = ""


def fresh(error=""):
    """A new picture, with what was wrong about the one before."""
    return Shown(CaptchaStore.generate_key(), error=error)


def is_live(key):
    """Whether the picture can still be answered."""
    return CaptchaStore.objects.filter(hashkey=key, expiration__gt=timezone.now()).exists()


@transaction.atomic
def is_right(captcha_key, captcha_answer):
    """Whether the answer is what the picture shows. A wrong answer uses the picture up."""
    live = CaptchaStore.objects.filter(expiration__gt=timezone.now())
    picture = live.select_for_update().filter(hashkey=captcha_key).first()
    if picture is None:
        return False
    right = secrets.compare_digest(picture.response.encode(), captcha_answer.strip().lower().encode())
    if not right:
        picture.delete()
    return right


def use_up(key):
    """Consume a rightly answered picture; False when somebody else just did."""
    return CaptchaStore.objects.filter(hashkey=key).delete()[0] == 1


def spoken(key):
    """The picture read aloud in French, as WAV bytes; None when it can no longer be answered."""
    picture = CaptchaStore.objects.filter(hashkey=key, expiration__gt=timezone.now()).first()
    if picture is None:
        return None
    # Another process: the speech library keeps global state and is not made for threads.
    return subprocess.run(
        [sys.executable, "-m", "registration.speech", ". ".join(picture.challenge)],
        check=True,
        capture_output=True,
        timeout=SPEECH_SECONDS,
    ).stdout
