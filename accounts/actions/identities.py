"""Identities at the OpenID provider: linked to an account and taken off it again."""

from django.db import IntegrityError, transaction

from accounts import emails
from accounts.actions.rows import lock_proven, lock_user
from accounts.models import ExternalIdentity, normalised_email
from history.actions import record
from history.models import Event
from plumbing.errors import ActionError, AlreadyDone


@transaction.atomic
def link_identity(user_id, *, issuer, sub, email):
    """Link the account, whose owner just gave its password, to who `issuer` says has this address.

    Raises ActionError when it is another account's address, or one of the two is linked already.
    """
    user = lock_user(user_id)
    if not user.is_active:
        raise ActionError("not_active", "Ce compte n'est pas actif : rien n'est relié.")
    if user.email != normalised_email(email):
        raise ActionError(
            "other_account",
            f"Rien n'est relié : l'adresse transmise ({email}) n'est pas l'adresse de connexion de ce compte.",
        )
    mine = ExternalIdentity.objects.filter(user=user, issuer=issuer).first()
    if mine is not None and mine.sub == sub:
        raise AlreadyDone("already_linked", "Votre compte était déjà relié.")
    if mine is not None:
        raise ActionError(
            "linked_elsewhere", "Rien n'est relié : votre compte l'est déjà à une autre identité. Déliez-la d'abord."
        )
    try:
        with transaction.atomic():
            ExternalIdentity.objects.create(user=user, issuer=issuer, sub=sub)
    except IntegrityError as error:
        raise ActionError("taken", "Rien n'est relié : cette identité l'est déjà à un autre compte.") from error
    record(Event.IDENTITY_LINKED, actor=user, subject=user, reference=user.reference)
    emails.send_identity_linked(user)


@transaction.atomic
def unlink_identity(me, *, issuer):
    """Take the identity off the account of `me`, who just gave the password.

    Raises ActionError when there is none any more, or the password was replaced meanwhile.
    """
    user = lock_proven(me)
    if not drop_identities(user, issuer=issuer):
        raise AlreadyDone("not_linked", "Votre compte n'était plus relié.")
    emails.send_identity_unlinked(user)


def drop_identities(user, **which):
    """Take identities off a locked account: how many."""
    dropped, _ = user.identities.filter(**which).delete()
    if dropped:
        record(Event.IDENTITY_UNLINKED, actor=user, subject=user, reference=user.reference)
    return dropped
