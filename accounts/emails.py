"""Mails about the account itself. They go to the login address, but for the one that asks about another."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import events
from accounts.links import Purpose, expiry, make_token
from notifications.actions import notify, notify_all
from plumbing.addresses import absolute_url
from plumbing.facts import gather, sentence


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


def send_secret_question_changed(user):
    """To the owner of an account whose secret question was just replaced."""
    notify(
        "secret_question_changed",
        to=user.email,
        user=user,
        purpose="Votre question secrète a été modifiée",
        reference=user.reference,
        context={"user": user, "link": absolute_url("accounts:change_password")},
    )


def send_contact_changed(user, *, old):
    """To the login address of an account whose contact address was just replaced, and to that one, `old`, if it had
    been confirmed. Neither is told the new one, which may be anybody's.
    """
    for address in {user.email, old} - {""}:
        notify(
            "contact_changed",
            to=address,
            user=user,
            purpose="Votre adresse de contact a été modifiée",
            reference=user.reference,
            context={
                "user": user,
                "to_old": address == old,
                "link": absolute_url("account"),
            },
        )


def send_kept_by_pigp(user):
    """To whoever forgot a password that is not the portal's to replace: whom to ask."""
    keepers = gather(events.identity_keepers_asked, user=user)
    notify(
        "kept_by_pigp",
        to=user.email,
        user=user,
        purpose="Votre mot de passe est géré par le PIGP",
        reference=user.reference,
        context={"user": user, "keepers": [sentence(fact) for fact in keepers]},
    )


def send_account_deactivated(user):
    """To the owner of an account that was just deactivated: until when they may reactivate it, and how."""
    notify(
        "account_deactivated",
        to=user.email,
        user=user,
        purpose="Votre compte est désactivé",
        reference=user.reference,
        context={"user": user, "link": absolute_url("accounts:ask_reactivation")},
    )


def send_reactivation(user):
    """To whoever wants their deactivated account back: the link that reactivates it."""
    notify(
        "reactivation",
        to=user.email,
        user=user,
        purpose="Réactivez votre compte",
        reference=user.reference,
        context={
            "user": user,
            "link": absolute_url("accounts:reactivate", make_token(user, Purpose.REACTIVATION)),
            "expires_at": expiry(user, Purpose.REACTIVATION, timezone.now()),
            "ask_link": absolute_url("accounts:ask_reactivation"),
        },
    )


def send_reactivation_over(user):
    """To whoever wants their account back too late: only support can reopen it."""
    notify(
        "reactivation_over",
        to=user.email,
        user=user,
        purpose="L'assistance seule peut rouvrir votre compte",
        reference=user.reference,
        context={"user": user, "days": settings.REACTIVATION_DAYS},
    )


def send_account_reactivated(user):
    """To the owner of an account that was just reactivated."""
    notify(
        "account_reactivated",
        to=user.email,
        user=user,
        purpose="Votre compte est réactivé",
        reference=user.reference,
        context={
            "user": user,
            "link": absolute_url("accounts:login"),
            "forgotten_link": absolute_url("accounts:forgotten_password"),
        },
    )


def send_accounts_closing(users):
    """To the owners of deactivated accounts, a few days before these are closed."""
    link = absolute_url("accounts:ask_reactivation")
    _to_each("account_closing", users, "Votre compte sera bientôt clos", lambda user: {"link": link})


def send_accounts_closed(users):
    """To the owners of accounts that were just closed: only support reopens them, until they are anonymised."""
    days = settings.ANONYMISE_AFTER_DAYS
    erased_on = timezone.localdate() + timedelta(days=days) if days else None
    _to_each("account_closed", users, "Votre compte est clos", lambda user: {"erased_on": erased_on})


def _to_each(slug, users, purpose, context_of):
    notify_all(
        slug,
        (
            {
                "to": user.email,
                "user": user,
                "purpose": purpose,
                "reference": user.reference,
                "context": {"user": user, **context_of(user)},
            }
            for user in users
        ),
    )
