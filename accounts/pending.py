"""Between the password and the second factor: who is at the door is kept in the session, and not logged in."""

import time

from django.conf import settings
from django.utils.crypto import constant_time_compare

from accounts.models import User
from accounts.passkeys import draw_challenge

KEY = "second_step"
LIFETIME_SECONDS = 600
# Where whoever must set up a factor first was going.
AFTERWARDS = "after_second_factor"


def must_have(user):
    """Whether a setting makes a second factor the price of what `user` may do here."""
    roles = settings.SECOND_FACTOR_REQUIRED
    return ("support" in roles and user.is_staff) or (
        "managers" in roles and user.has_perm("attachments.manage_somewhere")
    )


def is_asked(user):
    """Whether the password is not enough. Who must have a factor and has none yet gets codes by e-mail."""
    return user.second_factor_since is not None or must_have(user)


def begin(request, user, typed):
    """Remember for ten minutes that `user` gave the password, and what they had `typed` before."""
    request.session.cycle_key()
    request.session[KEY] = {
        "user": user.pk,
        "backend": user.backend,
        "proof": user.get_session_auth_hash(),
        "since": time.time(),
        "typed": typed,
        "challenge": "",
    }


def person(request):
    """Who gave the password here lately; None when nobody did, or it was replaced or the account closed since."""
    held = request.session.get(KEY)
    if held is None or time.time() - held["since"] >= LIFETIME_SECONDS:
        return None
    user = User.objects.filter(pk=held["user"], state=User.State.ACTIVE).first()
    return user if user and constant_time_compare(held["proof"], user.get_session_auth_hash()) else None


def end(request):
    """Forget it: (what the person had typed, the backend that knew them)."""
    held = request.session.pop(KEY)
    return held["typed"], held["backend"]


def challenge(request):
    """What a passkey is asked to sign here; the same until it answers."""
    held = request.session[KEY]
    if not held["challenge"]:
        held["challenge"] = draw_challenge()
        request.session.modified = True
    return held["challenge"]


def take_challenge(request):
    """The same, for the last time."""
    held = request.session[KEY]
    taken, held["challenge"] = held["challenge"], ""
    request.session.modified = True
    return taken
