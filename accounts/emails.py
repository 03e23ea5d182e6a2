"""Mails about the account itself. They go to the login address, but for the one that asks about another."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from accounts import events
from accounts.links import Purpose, expiry, make_token
from notifications.actions import notify, notify_all
from plumbing.addresses import absolute_url
from plumbing.facts import gather, sentence


def _write(slug, owner, purpose, *, to="", reference="", **told):
    """A mail about `owner`'s account, to their login address unless said; `told` is what its templates show."""
    reference = reference or owner.reference
    notify(slug, to=to or owner.email, user=owner, purpose=purpose, reference=reference, context=told)


def _link(page, user, purpose):
    """A link made for `purpose`, and until when it works."""
    expires_at = expiry(user, purpose, timezone.now())
    return {"link": absolute_url(f"accounts:{page}", make_token(user, purpose)), "expires_at": expires_at}


def _way_back():
    return {"forgotten_link": absolute_url("accounts:forgotten_password")}


# What may happen to a second factor.
CHANGES = {
    "added": "Un moyen de double authentification est ajouté : {name}. Il sera demandé après le mot de passe.",
    "removed": "Un moyen de double authentification est retiré : {name}.",
    "turned_off": "La double authentification est désactivée. Le mot de passe suffit pour se connecter.",
    "removed_by_support": "L'assistance a retiré la double authentification. Le mot de passe suffit pour se connecter.",
    "codes_drawn": "De nouveaux codes de secours sont tirés. Les précédents ne valent plus rien.",
    "code_used": "Un code de secours a servi à se connecter. Codes restants : {count}.",
}


def send_activation(user, *, reference, invited_by="", facts=()):
    """To a person whose account was approved, or created by a manager (`invited_by`): the link that activates it.

    `facts` are (label, value) of what the account gives them.
    """
    send_activations({user: reference}, invited_by=str(invited_by), facts=facts)


def send_activations(references, *, invited_by="", facts=()):
    """To people whose accounts were approved, each with what it quotes: the link that activates it."""
    resend_link = absolute_url("accounts:resend_activation")
    _to_each(
        "activation",
        references,
        "Activez votre compte",
        lambda user: (
            _link("activate", user, Purpose.ACTIVATION)
            | {"resend_link": resend_link, "invited_by": invited_by, "facts": facts}
        ),
        references=references,
    )


def send_reset(user):
    """To whoever says they forgot the password of an active account."""
    told = _link("reset", user, Purpose.RESET)
    _write("password_reset", user, "Choisissez un nouveau mot de passe", user=user, **told)


def send_password_changed(user):
    """To the owner of an account whose password was just replaced."""
    _write("password_changed", user, "Votre mot de passe a été modifié", user=user, **_way_back())


def send_contact_confirmation(user):
    """To a contact address somebody gave: nothing of theirs in it, only the link that confirms it."""
    told = _link("confirm_contact", user, Purpose.CONTACT)
    _write("contact_confirmation", user, "Confirmez votre adresse de contact", to=user.contact_email, **told)


def send_password_expires(user):
    """To the owner of a password that must soon be replaced."""
    told = {"link": absolute_url("accounts:change_password"), "expires_at": user.password_expires_at}
    _write("password_expires", user, "Votre mot de passe expire bientôt", user=user, **told)


def send_address_requested(user):
    """To the login address of an account for which another one is asked: nothing has changed yet."""
    _write("address_requested", user, "Une autre adresse de connexion est demandée", user=user, **_way_back())


def send_address_link(user):
    """To the login address somebody wants: nothing of theirs in it, only the link that gives it to them."""
    told = _link("confirm_address", user, Purpose.ADDRESS)
    _write(
        "address_confirmation", user, "Confirmez votre nouvelle adresse de connexion", to=user.requested_email, **told
    )


def send_address_taken(owner):
    """To the owner of an address that somebody else wanted as their login address."""
    _write("address_taken", owner, "Votre adresse a déjà un compte", link=absolute_url("accounts:login"), **_way_back())


def send_address_changed(user):
    """To the login address that was just replaced: the link that takes it back."""
    link = absolute_url("accounts:restore_address", make_token(user, Purpose.UNDO_ADDRESS))
    told = {"user": user, "link": link, "undo_until": user.address_undo_until}
    _write("address_changed", user, "Votre adresse de connexion a été remplacée", to=user.previous_email, **told)


def send_login_code(user, *, code, valid_until):
    """To whoever gave the right password and asked for a code to log in with."""
    told = {"code": code, "valid_until": valid_until}
    _write("login_code", user, "Votre code de connexion", user=user, **told, **_way_back())


def send_second_factor_changed(user, *, change, name="", count=None):
    """To the owner of an account of which a second factor was added, removed or used up (`change`)."""
    said = CHANGES[change].format(name=name, count=count)
    purpose = "Double authentification de votre compte"
    _write("second_factor_changed", user, purpose, user=user, said=said, **_way_back())


def send_wrong_codes(user):
    """To the owner of an account where somebody gave the right password, then wrong codes."""
    _write("wrong_codes", user, "Codes de connexion refusés", user=user, **_way_back())


def send_identity_linked(user):
    """To the owner of an account that can from now on be entered by way of the OpenID provider."""
    _send_about_identity(user, "identity_linked", f"Votre compte est relié à {settings.OIDC_LABEL}")


def send_identity_unlinked(user):
    """To the owner of an account that can no longer be entered by way of the OpenID provider."""
    _send_about_identity(user, "identity_unlinked", f"Votre compte n'est plus relié à {settings.OIDC_LABEL}")


def _send_about_identity(user, slug, purpose):
    told = {"user": user, "label": settings.OIDC_LABEL, "link": absolute_url("account")}
    _write(slug, user, purpose, **told, **_way_back())


def send_secret_question_changed(user):
    """To the owner of an account whose secret question was just replaced."""
    link = absolute_url("accounts:change_password")
    _write("secret_question_changed", user, "Votre question secrète a été modifiée", user=user, link=link)


def send_contact_changed(user, *, old):
    """To the login address of an account whose contact address was just replaced, and to that one, `old`, if it had
    been confirmed. Neither is told the new one, which may be anybody's.
    """
    for address in {user.email, old} - {""}:
        told = {"user": user, "to_old": address == old, "link": absolute_url("account")}
        _write("contact_changed", user, "Votre adresse de contact a été modifiée", to=address, **told)


def send_kept_by_pigp(user):
    """To whoever forgot a password that is not the portal's to replace: whom to ask."""
    keepers = [sentence(fact) for fact in gather(events.identity_keepers_asked, user=user)]
    _write("kept_by_pigp", user, "Votre mot de passe est géré par le PIGP", user=user, keepers=keepers)


def send_account_deactivated(user):
    """To the owner of an account that was just deactivated: until when they may reactivate it, and how."""
    link = absolute_url("accounts:ask_reactivation")
    _write("account_deactivated", user, "Votre compte est désactivé", user=user, link=link)


def send_reactivation(user):
    """To whoever wants their deactivated account back: the link that reactivates it."""
    told = _link("reactivate", user, Purpose.REACTIVATION) | {"ask_link": absolute_url("accounts:ask_reactivation")}
    _write("reactivation", user, "Réactivez votre compte", user=user, **told)


def send_reactivation_over(user):
    """To whoever wants their account back too late: only support can reopen it."""
    days = settings.REACTIVATION_DAYS
    _write(
        "reactivation_over",
        user,
        "L'assistance seule peut rouvrir votre compte",
        user=user,
        days=days,
        link=absolute_url("support:reactivation"),
    )


def send_account_reactivated(user):
    """To the owner of an account that was just reactivated."""
    link = absolute_url("accounts:login")
    _write("account_reactivated", user, "Votre compte est réactivé", user=user, link=link, **_way_back())


def send_accounts_closing(users):
    """To the owners of deactivated accounts, a few days before these are closed."""
    link = absolute_url("accounts:ask_reactivation")
    _to_each("account_closing", users, "Votre compte sera bientôt clos", lambda user: {"link": link})


def send_accounts_closed(users):
    """To the owners of accounts that were just closed: only support reopens them, until they are anonymised."""
    _to_each("account_closed", users, "Votre compte est clos", lambda user: {"erased_on": _erased_on()})


def send_accounts_not_activated(users):
    """To whom an activation link was sent that nobody used: the account was just closed; the way back."""
    told = {"days": settings.NEVER_ACTIVATED_DAYS, "register_link": absolute_url("registration:register")}
    _to_each(
        "account_not_activated",
        users,
        "Votre compte n'a pas été activé",
        lambda user: told | {"erased_on": _erased_on()},
    )


def _erased_on():
    """The day on which accounts closed today are anonymised; None where they never are."""
    days = settings.ANONYMISE_AFTER_DAYS
    return timezone.localdate() + timedelta(days=days) if days else None


def _to_each(slug, users, purpose, context_of, *, references=None):
    """`_write` to each of `users`, in a number of queries that does not grow; `references` by user, where others."""
    notify_all(
        slug,
        (
            {
                "to": user.email,
                "user": user,
                "purpose": purpose,
                "reference": references[user] if references else user.reference,
                "context": {"user": user, **context_of(user)},
            }
            for user in users
        ),
    )
