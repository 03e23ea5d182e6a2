"""The captcha: pictures and store from django-simple-captcha, rules of use from here.

One wrong answer uses a picture up, so a picture cannot be guessed at; a right one keeps it until
the form it came with goes through, so nobody has to read a second one because of a typing error
elsewhere.
"""

import secrets
import subprocess
import sys

from captcha.models import CaptchaStore
from django.db import transaction
from django.utils import timezone

# No letter or digit that looks, or in French sounds, like another one.
ALPHABET = "2345679AFHJKLRXYZ"
LENGTH = 5
SPEECH_SECONDS = 10


def challenge():
    """The (shown, expected) pair of a new picture, for CAPTCHA_CHALLENGE_FUNCT."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return text, text.lower()


def new_key():
    return CaptchaStore.generate_key()


def is_live(key):
    """Whether the picture can still be answered."""
    return CaptchaStore.objects.filter(hashkey=key, expiration__gt=timezone.now()).exists()


@transaction.atomic
def is_right(key, answer):
    """Whether `answer` is what picture `key` shows. A wrong answer uses the picture up."""
    picture = CaptchaStore.objects.select_for_update().filter(hashkey=key, expiration__gt=timezone.now()).first()
    if picture is None:
        return False
    right = secrets.compare_digest(picture.response.encode(), answer.strip().lower().encode())
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
