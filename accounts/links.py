"""Links sent by mail: signed, dated, good for one use.

The signature vouches for the account, the purpose, the instant and a fingerprint of what the
link's use changes (status, password, link version): once used, the fingerprint no longer fits.
Nothing is stored.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner, b62_decode
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import UNDO_PERIOD, User

FINGERPRINT_LENGTH = 16


class Purpose(StrEnum):
    ACTIVATION = "activation"
    RESET = "reset"
    REACTIVATION = "reactivation"
    CONTACT = "contact"
    # Sent to a new login address; and to the one it replaced.
    ADDRESS = "address"
    UNDO_ADDRESS = "undo_address"

    @property
    def lifetime(self):
        """How long the link lives (settings ACTIVATION_HOURS and RESET_MINUTES)."""
        if self is Purpose.RESET:
            return timedelta(minutes=settings.RESET_MINUTES)
        if self is Purpose.UNDO_ADDRESS:
            return UNDO_PERIOD
        return timedelta(hours=settings.ACTIVATION_HOURS)

    @property
    def state(self):
        """The account status in which the link means something."""
        states = {Purpose.ACTIVATION: User.State.ACTIVATING, Purpose.REACTIVATION: User.State.DISABLED}
        return states.get(self, User.State.ACTIVE)

    def means_something_to(self, user):
        """Whoever took an account over must not make its owner's way back worthless by deactivating it."""
        disabled = self is Purpose.UNDO_ADDRESS and user.state == User.State.DISABLED
        return user.state == self.state or disabled


class Standing(StrEnum):
    VALID = "valid"
    EXPIRED = "expired"
    USED = "used"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Link:
    """A link as read: `user` and `expires_at` are None when it is unreadable."""

    standing: Standing
    user: User | None = None
    expires_at: datetime | None = None

    @property
    def is_valid(self):
        return self.standing is Standing.VALID


def make_token(user, purpose):
    return _signer(purpose).sign(f"{user.pk}.{_fingerprint(user, purpose)}")


def read_link(token, purpose, *, lock=False):
    """What a token is worth now; with `lock`, the account's row is locked (inside a transaction)."""
    try:
        payload = _signer(purpose).unsign(token)
        pk, fingerprint = payload.split(".")
        signed_at = datetime.fromtimestamp(b62_decode(token.rsplit(".", 2)[1]), tz=UTC)
        users = User.objects.select_for_update(of=("self",)) if lock else User.objects
        user = users.get(pk=int(pk))
    except (BadSignature, ValueError, User.DoesNotExist):
        return Link(Standing.UNREADABLE)
    expires_at = expiry(user, purpose, signed_at)
    if not purpose.means_something_to(user) or not constant_time_compare(fingerprint, _fingerprint(user, purpose)):
        return Link(Standing.USED, user, expires_at)
    if datetime.now(tz=UTC) > expires_at:
        return Link(Standing.EXPIRED, user, expires_at)
    return Link(Standing.VALID, user, expires_at)


def expiry(user, purpose, signed_at):
    """Until when a link signed then is good: none reactivates an account after the last day for it."""
    expires_at = signed_at + purpose.lifetime
    if purpose is Purpose.REACTIVATION and user.reactivation_ends_at:
        return min(expires_at, user.reactivation_ends_at)
    return expires_at


def _signer(purpose):
    return TimestampSigner(sep=".", salt=f"accounts.links.{purpose}")


def _fingerprint(user, purpose):
    if purpose is Purpose.CONTACT:
        changed_by_use = f"{user.pk}|{user.contact_email}|{user.contact_confirmed}"
    elif purpose is Purpose.ADDRESS:
        changed_by_use = f"{user.pk}|{user.email}|{user.requested_email}|{user.password}|{user.link_version}"
    elif purpose is Purpose.UNDO_ADDRESS:
        # No password in it: whoever took the account over may change that one.
        changed_by_use = f"{user.pk}|{user.email}|{user.previous_email}|{user.email_changed_at}"
    else:
        changed_by_use = f"{user.pk}|{user.state}|{user.password}|{user.link_version}"
    return salted_hmac("accounts.links.fingerprint", changed_by_use).hexdigest()[:FINGERPRINT_LENGTH]
