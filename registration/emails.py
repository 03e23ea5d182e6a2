"""Mails of the front door."""

from accounts.models import User
from notifications.actions import notify
from plumbing.addresses import absolute_url


def send_address_used(user, *, reference):
    """To the owner of an address somebody tried to register again: what to do instead."""
    doors = {User.State.ACTIVATING: "accounts:resend_activation", User.State.DISABLED: "accounts:ask_reactivation"}
    notify(
        "address_used",
        to=user.email,
        user=user,
        purpose="Vous avez déjà un compte",
        reference=reference,
        context={
            "situation": "reactivable" if user.may_reactivate else user.state,
            "link": absolute_url(doors.get(user.state, "accounts:login")),
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )


def send_not_registered(email, *, identifier, reference):
    """To somebody whose registration came to nothing, the structure having closed meanwhile: what to do.

    Nobody has confirmed the address: of what the registrant typed, only the identifier is repeated.
    """
    notify(
        "not_registered",
        to=email,
        purpose="Votre inscription n'a pas abouti",
        reference=reference,
        context={"identifier": identifier, "register_link": absolute_url("registration:register")},
    )
