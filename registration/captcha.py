"""The captcha: rules of use, over the table of django-simple-captcha.

The key on the page is a capability: its end and a nonce, signed; the characters are derived from it with the
secret key. So a page shown costs no row. A row is written at the first answer, to keep the key burnt.

One wrong answer burns a key, so a picture cannot be guessed at; a right one keeps it until
the form it came with goes through, so nobody has to read a second one because of a typing error
elsewhere.
"""

import base64
import secrets
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from captcha.models import CaptchaStore
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from registration import pictures

# No character that looks, bent and struck through, or in French sounds, like another one.
ALPHABET = "235679AFHJKLRXY"
LENGTH = 5
SPEECH_SECONDS = 10
# How much longer a burnt key is remembered than signed: the purge may run on a machine whose clock is ahead.
CLOCK_SKEW = timedelta(minutes=10)
WRONG = "Ce n'est pas ce que montrait l'image. En voici une autre : recommencez."
EMPTY = "Recopiez d'abord les caractères de l'image, ou écoutez-les."

# A key is 40 characters, all that the table's column takes: end (8), nonce (12), signature (20).
_SIGNED, _SIGNATURE = 20, 20
# The response of a key that was wrongly answered or consumed: nobody's answer.
_BURNT = ""


_speaking = Lock()


class Busy(Exception):
    """No clip can be made right now."""


def challenge(key):
    """The (shown, expected) pair of a key."""
    number = int.from_bytes(_derived("characters", key))
    text = ""
    for _ in range(LENGTH):
        number, rank = divmod(number, len(ALPHABET))
        text += ALPHABET[rank]
    return text, text.lower()


@dataclass(frozen=True)
class Shown:
    """The captcha as the page shows it: which picture, what was typed, whether it is validated."""

    key: str
    answer: str = ""
    confirmed: bool = False
    error: str = ""


def fresh(error=""):
    """A new picture, with what was wrong about the one before. Writes nothing."""
    end = timezone.now() + timedelta(minutes=settings.CAPTCHA_TIMEOUT)
    signed = f"{int(end.timestamp()):08x}{secrets.token_urlsafe(9)}"
    return Shown(signed + _signature(signed), error=error)


def is_live(key):
    """Whether the picture can still be answered."""
    return _end(key) is not None and not CaptchaStore.objects.filter(hashkey=key, response=_BURNT).exists()


@transaction.atomic
def is_right(captcha_key, captcha_answer):
    """Whether the answer is what the picture shows. A wrong answer burns the key.

    Answers to one key are judged one after the other, on its locked row. Inside a transaction that rolls back,
    the key would not stay burnt.
    """
    end = _end(captcha_key)
    if end is None:
        return False
    shown, expected = challenge(captcha_key)
    row = CaptchaStore(hashkey=captcha_key, challenge=shown, response=expected, expiration=end + CLOCK_SKEW)
    CaptchaStore.objects.bulk_create([row], ignore_conflicts=True)
    row = CaptchaStore.objects.select_for_update().get(hashkey=captcha_key)
    if row.response == _BURNT:
        return False
    right = secrets.compare_digest(row.response.encode(), captcha_answer.strip().lower().encode())
    if not right:
        _burn(captcha_key)
    return right


def use_up(key):
    """Consume a rightly answered picture, once; False when it was not answered, or somebody else just did."""
    return _end(key) is not None and _burn(key) == 1


def drawn(key):
    """The picture as PNG bytes, always the same for a key; None when it can no longer be answered."""
    if not is_live(key):
        return None
    return pictures.draw(challenge(key)[0], seed=_derived("picture", key))


def spoken(key):
    """The picture read aloud in French, as WAV bytes, always the same for a key; None when no longer answered.

    Raises Busy when another clip is being made in this process: one takes a second of a core.
    """
    if not is_live(key):
        return None
    if not _speaking.acquire(blocking=False):
        raise Busy
    # Another process: the speech library keeps global state and is not made for threads.
    command = [sys.executable, "-m", "registration.speech", challenge(key)[0], _derived("sound", key).hex()]
    try:
        return subprocess.run(command, check=True, capture_output=True, timeout=SPEECH_SECONDS).stdout
    except subprocess.SubprocessError as error:
        raise Busy from error
    finally:
        _speaking.release()


def _burn(key):
    """How many live rows of the key were marked: 1 or 0. The row stays until nobody takes the key any more."""
    return CaptchaStore.objects.filter(hashkey=key).exclude(response=_BURNT).update(response=_BURNT)


def _end(key):
    """When the key we signed ends; None for one we did not sign, or that has ended."""
    signed, signature = key[:_SIGNED], key[_SIGNED:]
    if not secrets.compare_digest(signature.encode(), _signature(signed).encode()):
        return None
    end = datetime.fromtimestamp(int(signed[:8], 16), UTC)
    return end if timezone.now() < end else None


def _signature(signed):
    return base64.urlsafe_b64encode(_derived("key", signed)).decode()[:_SIGNATURE]


def _derived(purpose, value):
    return salted_hmac(f"registration.captcha.{purpose}", value, algorithm="sha256").digest()
