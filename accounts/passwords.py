import re
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from django.contrib.auth.password_validation import CommonPasswordValidator, UserAttributeSimilarityValidator
from django.core.exceptions import ValidationError

from plumbing.text import folded

# What settings.AUTH_PASSWORD_VALIDATORS holds a password to, as people read it.
PASSWORD_RULES = (
    "12 caractères au moins, et pas seulement des chiffres.",
    "Rien qui ressemble à votre nom ou à votre adresse.",
    "Pas un mot de passe courant, même suivi de chiffres : « azertyuiop123 », « Bonjour2026! ».",
)
# Keys that stand in a row or a column of our keyboards, and what is counted on fingers.
ROWS = (
    "azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890", "1aq2zw3sx4edc5rfv6tgb7yhn8ujk9iol0pm", "1aqw2zsx3edc4rfv5tgb6yhn7uj8ik9ol0pm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
)  # fmt: skip
FEWEST_KEYS = 3
LOOKALIKES = str.maketrans("013457@$", "oleastas")


class UnlikeThePersonValidator(UserAttributeSimilarityValidator):
    """Not like one of the person's attributes, nor like first and last name together."""

    def validate(self, password, user=None):
        super().validate(password, user)
        name = user.get_full_name().lower() if user else ""
        if name and SequenceMatcher(a=password.lower(), b=name).quick_ratio() >= self.max_similarity:
            raise ValidationError("Le mot de passe ressemble trop à votre nom.", code="password_too_similar")


class UncommonValidator(CommonPasswordValidator):
    """None of Django's common passwords, nor one of those or of ours (common_passwords.txt) with something around it.

    Digits and signs at both ends, accents, cases, spaces, look-alikes (« p@ssw0rd ») and repeats make no other
    password of it; nor do runs along the keyboard.
    """

    def validate(self, password, user=None):
        super().validate(password, user)
        plain = folded(password)
        inner = plain.strip("".join(letter for letter in plain if not letter.isalpha()))
        read = {_without_signs(text) for text in (inner, inner.translate(LOOKALIKES), plain.translate(LOOKALIKES))}
        # « soleilsoleil » is « soleil », and « aaaaaaaaaaaa » a single letter.
        words = {re.fullmatch(r"(.+?)\1*", word)[1] for word in read if word}
        known = any(len(word) < 3 or word in self.passwords or word in french_words() for word in words)
        if known or _is_run(_without_signs(plain)):
            raise ValidationError(
                "Ce mot de passe est trop courant : des chiffres ou des signes en plus n'y changent rien.",
                code="password_too_common",
            )


@cache
def french_words():
    return frozenset((Path(__file__).parent / "common_passwords.txt").read_text().split())


def _without_signs(plain):
    return re.sub(r"[\W_]", "", plain)


def _is_run(plain):
    """Whether it is made of nothing but neighbouring keys, some at a time, either way."""
    reached = {0}
    for start in range(len(plain)):
        if start in reached:
            for end in range(start + FEWEST_KEYS, len(plain) + 1):
                if not any(plain[start:end] in row or plain[start:end] in row[::-1] for row in ROWS):
                    break
                reached.add(end)
    return bool(plain) and len(plain) in reached
