"""Mails of the front door."""

from accounts.models import User
from notifications.actions import notify
from plumbing.addresses import absolute_url


def send_address_used(user, *, reference):
    """To the owner of an address somebody tried to register again: what to do instead."""
    next_page = "accounts:resend_activation" if user.state == User.State.ACTIVATING else "accounts:login"
    notify(
        "address_used",
        to=user.email,
        user=user,
        purpose="Vous avez déjà un compte",
        reference=reference,
        context={
            "situation": user.state,
            "link": absolute_url(next_page),
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )
