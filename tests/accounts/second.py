"""Somebody with a second factor, and what they do with it."""

import re
from datetime import timedelta

from django.test import Client
from django.utils import timezone
from django_otp.oath import totp

from accounts import actions
from accounts.models import User, Way
from notifications.models import OutgoingMail
from plumbing.sealed import seal
from tests.factories import UserFactory

PASSWORD = "un long mot de passe"
KEY = bytes(range(20))
PAGE, STEP = "/mon-compte/double-authentification/", "/connexion/code/"


def somebody(**fields):
    user = UserFactory(**fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def now_code(ago=0):
    """What the application shows, or showed `ago` periods ago."""
    return f"{totp(KEY, t0=30 * ago):06}"


def with_totp(user):
    """Their application is enrolled, some time ago; the recovery codes."""
    codes = actions.add_totp(User.objects.get(pk=user.pk), sealed_key=seal(KEY.hex()), code=now_code())
    user.refresh_from_db()
    type(user.totpdevice).objects.update(last_t=-1)
    return codes


def with_email(user):
    codes = actions.turn_on_email_code(User.objects.get(pk=user.pk))
    user.refresh_from_db()
    return codes


def at_the_door(user, path="/connexion/", client=None):
    """A browser where the password was given."""
    client = client or Client()
    client.answer = client.post(path, {"username": user.email, "password": PASSWORD})
    return client


def is_in(client):
    return client.get("/mon-compte/").status_code == 200


def send(client, code, way=Way.TOTP, query=""):
    return client.post(f"{STEP}{query}", {"way": way, "code": code})


def mailed_code(client=None):
    """The code last mailed; asked for first by `client`."""
    if client is not None:
        client.post(f"{STEP}courriel/")
    mail = OutgoingMail.objects.filter(slug="login_code").order_by("pk").last()
    return re.search(r"connexion\s:\s(\d{6})", mail.parts()[0])[1]


def rested(user):
    """The wait after a wrong code is over."""
    for device in ("totpdevice", "emaildevice", "recoverydevice"):
        if hasattr(user, device):
            table = type(getattr(user, device))
            table.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(hours=1))
