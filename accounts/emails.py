"""Mails about the account itself. They go to the login address, but for the one that asks about another."""

from django.conf import settings
from django.utils import timezone

from accounts.links import Purpose, make_token
from notifications.actions import notify
from plumbing.addresses import absolute_url

# What may happen to a second factor.
CHANGES = {
    "added": "Un moyen de double authentification est ajouté : {name}. Il sera demandé après le mot de passe.",
    "removed": "Un moyen de double authentification est retiré : {name}.",
    "turned_off": "La double authentification est désactivée. Le mot de passe suffit pour se connecter.",
    "removed_by_support": "L'assistance a retiré la double authentification. Le mot de passe suffit pour se connecter.",
    "codes_drawn": "De nouveaux codes de secours sont tirés. Les précédents ne valent plus rien.",
    "code_used": "Un code de secours a servi à se connecter. Codes restants : {count}.",
}


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


def send_login_code(user, *, code, valid_until):
    """To whoever gave the right password and asked for a code to log in with."""
    notify(
        "login_code",
        to=user.email,
        user=user,
        purpose="Votre code de connexion",
        reference=user.reference,
        context={
            "user": user,
            "code": code,
            "valid_until": valid_until,
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )


def send_second_factor_changed(user, *, change, name="", count=None):
    """To the owner of an account of which a second factor was added, removed or used up (`change`)."""
    notify(
        "second_factor_changed",
        to=user.email,
        user=user,
        purpose="Double authentification de votre compte",
        reference=user.reference,
        context={
            "user": user,
            "said": CHANGES[change].format(name=name, count=count),
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )


def send_wrong_codes(user):
    """To the owner of an account where somebody gave the right password, then wrong codes."""
    notify(
        "wrong_codes",
        to=user.email,
        user=user,
        purpose="Codes de connexion refusés",
        reference=user.reference,
        context={"user": user, "forgotten_link": absolute_url("accounts:forgotten_password")},
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
