"""Secrets kept in the database that a copy of it alone does not give: SECRET_KEY is needed to read or know them."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

SALT = "plumbing.sealed"


def seal(text):
    """`text` encrypted, to be read again."""
    return _key().encrypt(text.encode()).decode()


def unseal(sealed):
    """What was sealed; None when it is not ours, or SECRET_KEY was replaced since."""
    try:
        return _key().decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def digest(text):
    """Enough to know a secret again that was drawn at random: too long a one to be guessed needs no slow hash."""
    return salted_hmac(f"{SALT}.digest", text, algorithm="sha256").hexdigest()


def _key():
    return Fernet(urlsafe_b64encode(salted_hmac(SALT, "", algorithm="sha256").digest()))
