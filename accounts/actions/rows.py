"""The row that decides, locked; and links asked for, written down."""

from django.db.models import CharField, F, Value
from django.db.models.functions import Concat

from accounts.links import Standing, read_link
from accounts.models import NOWHERE, LinkRequest, User, normalised_email
from plumbing.errors import ActionError
from plumbing.workers import wake

STALE_LINKS = {
    Standing.USED: "Ce lien a déjà servi.",
    Standing.EXPIRED: "Ce lien a expiré.",
    Standing.UNREADABLE: "Ce lien n'est pas lisible.",
}

# What an account bears in the place of a login address it no longer has.
GIVEN_UP = Concat(Value("clos-"), F("reference"), Value(f"@invalide{NOWHERE}"), output_field=CharField())


def lock_user(user_id):
    return User.objects.select_for_update(of=("self",)).get(pk=user_id)


def lock_users(user_ids):
    """These accounts, locked in the order of their keys: in others, two people could wait for each other for ever."""
    return list(User.objects.filter(pk__in=list(user_ids)).order_by("pk").select_for_update(of=("self",)))


def lock_proven(me):
    """The row of `me`, whom the view got for the right password. Raises ActionError when that was replaced since, or
    the account deactivated.
    """
    user = lock_user(me.pk)
    if not user.is_active:
        raise ActionError("not_active", "Votre compte n'est plus actif : il vient d'être désactivé.")
    if user.password != me.password:
        raise ActionError("changed_meanwhile", "Votre mot de passe vient d'être remplacé ailleurs. Reconnectez-vous.")
    return user


def refuse_pigp(user):
    """Raises ActionError when name, login address and password of `user` (and so the account) are the PIGP's."""
    if user.identity_from_pigp:
        raise ActionError("identity_from_pigp", "Votre identité vient du PIGP : elle se change dans son annuaire.")


def refuse_anonymised(user):
    """Raises ActionError when nothing tells any more whose account this was."""
    if user.anonymised_at:
        raise ActionError(
            "anonymised", "Ce compte est anonymisé : rien ne dit plus à qui il était. La personne peut s'inscrire."
        )


def user_of_link(token, purpose):
    """The account a link is about, locked. Raises ActionError on a stale one."""
    link = read_link(token, purpose, lock=True)
    if not link.is_valid:
        raise ActionError("stale_link", STALE_LINKS[link.standing])
    return link.user


def request_link(email, purpose):
    """A visitor asks for a link (a LinkRequest.Purpose): written down, whoever the address belongs to.

    The request does the same work for any address, so that its time tells nobody who has an account.
    """
    LinkRequest.objects.create(email=normalised_email(email), purpose=purpose)
    wake("accounts.tasks.answer_link_requests")
