"""Whom an OpenID provider vouches for, though no account is linked to that identity: for a while, in the session.

The password login that follows links the two (accounts/receivers.py); or the registration starts from it.
"""

import time
from dataclasses import asdict

from django.core.exceptions import ValidationError

from accounts.models import normalised_email, validate_deliverable

KEY = "vouched"
LIFETIME_SECONDS = 15 * 60


def remember(request, identity):
    said = asdict(identity)
    # Not needed: nobody is logged in.
    del said["id_token"]
    request.session[KEY] = said | {"email": normalised_email(identity.email), "at": int(time.time())}


def remembered(request):
    """What the provider said, unless that is too long ago."""
    said = request.session.get(KEY)
    return said if said and time.time() - said["at"] < LIFETIME_SECONDS else None


def forget(request):
    request.session.pop(KEY, None)


def is_address(email):
    """Whether this is an address an account may have."""
    try:
        validate_deliverable(email)
    except ValidationError:
        return False
    return True
