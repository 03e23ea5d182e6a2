"""The end of an account that served, and its return: by its owner, or by support."""

from django.db import transaction
from django.utils import timezone

from accounts import emails, events
from accounts.actions.credentials import give_password, give_question
from accounts.actions.rows import lock_proven, lock_user, refuse_anonymised, refuse_pigp, user_of_link
from accounts.actions.sessions import end_sessions
from accounts.links import Purpose, read_link
from accounts.models import User
from history.actions import record
from history.models import Event
from plumbing.errors import ActionError
from plumbing.facts import gather, sentence
from plumbing.text import of


@transaction.atomic
def deactivate_own_account(me):
    """« Désactiver mon compte », by `me`, who just gave the password.

    Raises ActionError as `deactivate_account`, and when the password was replaced meanwhile or is the PIGP's.
    """
    events.account_locking.send(sender=None, user_id=me.pk)
    user = lock_proven(me)
    refuse_pigp(user)
    _deactivate(user, actor=user)
    return user


@transaction.atomic
def deactivate_account(user_id, *, actor):
    """Support's « Désactiver »: the account can do nothing until it is reactivated; the Facts of what was lost.

    Raises ActionError unless it is « Actif », and when something stands in the way (domain: a principal
    manager designates a successor first).
    """
    events.account_locking.send(sender=None, user_id=user_id)
    user = lock_user(user_id)
    if user.state != User.State.ACTIVE:
        raise ActionError("not_active", f"Le compte {of(user)} n'est pas actif.")
    return _deactivate(user, actor=actor)


def _deactivate(user, *, actor):
    facts = gather(events.account_deactivating, user=user)
    for fact in facts:
        if fact.blocks:
            raise ActionError(fact.kind, sentence(fact))
    user.state, user.deactivated_at = User.State.DISABLED, timezone.now()
    # What was asked for and not done yet lapses, and with it the links sent.
    user.requested_email = ""
    user.link_version += 1
    user.save(update_fields=["state", "deactivated_at", "requested_email", "link_version"])
    end_sessions(user)
    record(Event.ACCOUNT_DEACTIVATED, actor=actor, subject=user, reference=user.reference)
    events.account_deactivated.send(sender=None, user=user, actor=actor)
    emails.send_account_deactivated(user)
    return facts


@transaction.atomic
def reactivate_own_account(token, *, password, secret_question, secret_answer):
    """Use a reactivation link: « Actif » at once, attachments as they were. Raises ActionError on a stale link."""
    owner = read_link(token, Purpose.REACTIVATION).user
    if owner is not None:
        events.account_locking.send(sender=None, user_id=owner.pk)
    user = user_of_link(token, Purpose.REACTIVATION)
    refuse_pigp(user)
    give_password(user, password)
    give_question(user, secret_question, secret_answer)
    user.state, user.deactivated_at = User.State.ACTIVE, None
    user.link_version += 1
    user.save()
    record(Event.ACCOUNT_REACTIVATED, actor=user, subject=user, reference=user.reference)
    events.account_reactivated.send(sender=None, user=user, actor=user)
    emails.send_account_reactivated(user)
    return user


@transaction.atomic
def reactivate_account(user_id, *, actor):
    """Support gives a deactivated account, or one closed after it served, a new start: the activation mail.

    Its link sets a new password, secret question and answer. Raises ActionError for any other account.
    """
    events.account_locking.send(sender=None, user_id=user_id)
    user = lock_user(user_id)
    refuse_anonymised(user)
    if not user.was_ever_active or user.state not in (User.State.DISABLED, User.State.CLOSED):
        raise ActionError("not_deactivated", f"Le compte {of(user)} n'est ni désactivé ni clos après avoir servi.")
    user.state, user.deactivated_at, user.closed_at = User.State.ACTIVATING, None, None
    user.activation_sent_at = timezone.now()
    user.link_version += 1
    user.save(update_fields=["state", "deactivated_at", "closed_at", "activation_sent_at", "link_version"])
    record(Event.ACCOUNT_REACTIVATED, actor=actor, subject=user, reference=user.reference)
    events.account_reactivated.send(sender=None, user=user, actor=actor)
    emails.send_activation(user, reference=user.reference)
