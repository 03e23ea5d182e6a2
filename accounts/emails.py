"""Mails about the account itself. They go to the login address, but for the one that asks about another."""

from django.conf import settings
from django.utils import timezone

from accounts.links import Purpose, make_token
from notifications.actions import notify
from plumbing.addresses import absolute_url


def send_activation(user, *, reference):
    """To a person whose account was approved: the link that activates it."""
    notify(
        "activation",
        to=user.email,
        user=user,
        purpose="Activez votre compte",
        reference=reference,
        context={
            "user": user,
            "link": absolute_url("accounts:activate", make_token(user, Purpose.ACTIVATION)),
            "expires_at": timezone.now() + Purpose.ACTIVATION.lifetime,
            "resend_link": absolute_url("accounts:resend_activation"),
        },
    )


def send_reset(user):
    """To whoever says they forgot the password of an active account."""
    notify(
        "password_reset",
        to=user.email,
        user=user,
        purpose="Choisissez un nouveau mot de passe",
        reference=user.reference,
        context={
            "user": user,
            "link": absolute_url("accounts:reset", make_token(user, Purpose.RESET)),
            "expires_at": timezone.now() + Purpose.RESET.lifetime,
        },
    )


def send_password_changed(user):
    """To the owner of an account whose password was just replaced."""
    notify(
        "password_changed",
        to=user.email,
        user=user,
        purpose="Votre mot de passe a été modifié",
        reference=user.reference,
        context={"user": user, "forgotten_link": absolute_url("accounts:forgotten_password")},
    )


def send_contact_confirmation(user):
    """To a contact address somebody gave: nothing of theirs in it, only the link that confirms it."""
    notify(
        "contact_confirmation",
        to=user.contact_email,
        user=user,
        purpose="Confirmez votre adresse de contact",
        reference=user.reference,
        context={
            "link": absolute_url("accounts:confirm_contact", make_token(user, Purpose.CONTACT)),
            "expires_at": timezone.now() + Purpose.CONTACT.lifetime,
        },
    )


def send_password_expires(user):
    """To the owner of a password that must soon be replaced."""
    notify(
        "password_expires",
        to=user.email,
        user=user,
        purpose="Votre mot de passe expire bientôt",
        reference=user.reference,
        context={
            "user": user,
            "link": absolute_url("accounts:change_password"),
            "expires_at": user.password_expires_at,
        },
    )


def send_address_requested(user):
    """To the login address of an account for which another one is asked: nothing has changed yet."""
    notify(
        "address_requested",
        to=user.email,
        user=user,
        purpose="Une autre adresse de connexion est demandée",
        reference=user.reference,
        context={"user": user, "forgotten_link": absolute_url("accounts:forgotten_password")},
    )


def send_address_link(user):
    """To the login address somebody wants: nothing of theirs in it, only the link that gives it to them."""
    notify(
        "address_confirmation",
        to=user.requested_email,
        user=user,
        purpose="Confirmez votre nouvelle adresse de connexion",
        reference=user.reference,
        context={
            "link": absolute_url("accounts:confirm_address", make_token(user, Purpose.ADDRESS)),
            "expires_at": timezone.now() + Purpose.ADDRESS.lifetime,
        },
    )


def send_address_taken(owner):
    """To the owner of an address that somebody else wanted as their login address."""
    notify(
        "address_taken",
        to=owner.email,
        user=owner,
        purpose="Votre adresse a déjà un compte",
        reference=owner.reference,
        context={
            "link": absolute_url("accounts:login"),
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )


def send_address_changed(user):
    """To the login address that was just replaced: the link that takes it back."""
    notify(
        "address_changed",
        to=user.previous_email,
        user=user,
        purpose="Votre adresse de connexion a été remplacée",
        reference=user.reference,
        context={
            "user": user,
            "link": absolute_url("accounts:restore_address", make_token(user, Purpose.UNDO_ADDRESS)),
            "undo_until": user.address_undo_until,
        },
    )


def send_identity_linked(user):
    """To the owner of an account that can from now on be entered by way of the OpenID provider."""
    _send_about_identity(user, "identity_linked", f"Votre compte est relié à {settings.OIDC_LABEL}")


def send_identity_unlinked(user):
    """To the owner of an account that can no longer be entered by way of the OpenID provider."""
    _send_about_identity(user, "identity_unlinked", f"Votre compte n'est plus relié à {settings.OIDC_LABEL}")


def _send_about_identity(user, slug, purpose):
    notify(
        slug,
        to=user.email,
        user=user,
        purpose=purpose,
        reference=user.reference,
        context={
            "user": user,
            "label": settings.OIDC_LABEL,
            "link": absolute_url("account"),
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )
