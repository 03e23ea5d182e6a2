"""What happens to an account: registered, approved, activated, closed; and what support changes of it."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import emails, events
from accounts.actions.credentials import give_password, hashed_answer
from accounts.actions.login_address import mail_address_link
from accounts.actions.profile import ask_contact
from accounts.actions.rows import lock_user, refuse_anonymised, user_of_link
from accounts.links import Purpose, read_link
from accounts.models import LinkRequest, User, normalised_email
from history.actions import record
from history.data import change_data
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from plumbing.facts import gather, sentence
from plumbing.references import draw_reference


@transaction.atomic
def register_account(*, email, first_name, last_name, phone, contact_email, survey_consent):
    """Create the account of a newcomer, « En attente d'approbation ».

    An account that was closed before it was ever active (a refusal) starts again under the
    same number. Raises ActionError when the address belongs to any other account.
    """
    now = timezone.now()
    user = User.objects.select_for_update(of=("self",)).with_email(email).first()
    if user is None:
        user = User(email=normalised_email(email), reference=draw_reference(User))
        user.set_unusable_password()
    elif user.was_ever_active or user.state != User.State.CLOSED:
        raise ActionError("address_used", "Cette adresse est déjà utilisée.")
    user.first_name, user.last_name, user.phone = first_name, last_name, phone
    user.contact_email = normalised_email(contact_email)
    user.state, user.closed_at = User.State.PENDING, None
    user.terms_accepted_at, user.survey_consent_at = now, now if survey_consent else None
    user.link_version += 1
    user.save()
    record(Event.ACCOUNT_REGISTERED, actor=user, subject=user, reference=user.reference)
    return user


@transaction.atomic
def approve_account(user_id, *, actor, reference):
    """Let a newcomer in: « En cours d'activation », and the activation mail.

    Does nothing to an account that is already further. `actor` is None when nobody had to
    decide (first person of a private structure).
    """
    user = lock_user(user_id)
    if user.state != User.State.PENDING:
        return user
    user.state = User.State.ACTIVATING
    user.save(update_fields=["state"])
    record(Event.ACCOUNT_APPROVED, actor=actor, subject=user, reference=reference)
    # Anybody can have an address nobody confirmed registered again and again.
    if within_mail_rate("activation", user.email, settings.MAIL_TO_ONE_RATE):
        emails.send_activation(user, reference=reference)
    return user


@transaction.atomic
def correct_address(user_id, *, email):
    """Give an account that was never active the login address its registrant mistyped; links sent before die.

    Raises ActionError when it is further than that, or the address is somebody's.
    """
    user = lock_user(user_id)
    if user.was_ever_active or user.state not in (User.State.PENDING, User.State.ACTIVATING):
        raise ActionError("not_correctable", "L'adresse de ce compte ne peut plus être corrigée ici.")
    if User.objects.with_email(email).exists():
        raise ActionError("address_used", "Cette adresse est déjà utilisée.")
    user.link_version += 1
    made = write_changes(user, {"email": normalised_email(email)})
    record(Event.ACCOUNT_CHANGED, actor=user, subject=user, reference=user.reference, **change_data(user, made))
    return user


@transaction.atomic
def resend_activation(user_id, *, actor):
    """Send the activation mail again; the first link used ends the others.

    Raises ActionError unless the account is « En cours d'activation ».
    """
    user = lock_user(user_id)
    if user.state != User.State.ACTIVATING:
        raise ActionError("not_activating", f"Le compte de {user} n'est pas en cours d'activation.")
    record(Event.ACTIVATION_RESENT, actor=actor, subject=user, reference=user.reference)
    emails.send_activation(user, reference=user.reference)


@transaction.atomic
def answer_link_request(asked):
    """Mail the link a visitor asked for, if the address has a use for it and not too many of them already.

    Who forgot the password of an account that was never activated gets the activation link.
    """
    user = User.objects.select_for_update(of=("self",)).with_email(asked.email).first()
    if user is None:
        return
    if asked.purpose == LinkRequest.Purpose.ADDRESS:
        mail_address_link(user)
        return
    asks_reset = user.state == User.State.ACTIVE and asked.purpose == LinkRequest.Purpose.RESET
    if asks_reset and within_mail_rate("password_reset", user.email, settings.MAIL_TO_ONE_RATE):
        emails.send_reset(user)
    activating = user.state == User.State.ACTIVATING
    if activating and within_mail_rate("activation", user.email, settings.MAIL_TO_ONE_RATE):
        resend_activation(user.pk, actor=user)


@transaction.atomic
def activate_account(token, *, password, secret_question, secret_answer):
    """Use an activation link: the account becomes « Actif ». Raises ActionError on a stale link."""
    owner = read_link(token, Purpose.ACTIVATION).user
    if owner is not None:
        events.account_locking.send(sender=None, user_id=owner.pk)
    user = user_of_link(token, Purpose.ACTIVATION)
    give_password(user, password)
    user.secret_question, user.secret_answer = secret_question, hashed_answer(secret_answer)
    # A reactivated account was active before.
    user.state, user.activated_at = User.State.ACTIVE, user.activated_at or timezone.now()
    user.save()
    record(Event.ACCOUNT_ACTIVATED, actor=user, subject=user, reference=user.reference)
    events.account_activated.send(sender=None, user=user, actor=user)
    ask_contact(user)
    return user


@transaction.atomic
def close_never_active(user_id, *, actor, reason="", cause=""):
    """Close the account of a registrant nobody let in, or who never came: its address can register again.

    `reason` is what a manager wrote, `cause` why the portal did it. Raises ActionError once it was active.
    """
    user = lock_user(user_id)
    if user.was_ever_active or user.state == User.State.CLOSED:
        raise ActionError("was_active", f"Le compte de {user} a déjà servi, ou est déjà clos.")
    user.state, user.closed_at = User.State.CLOSED, timezone.now()
    user.save(update_fields=["state", "closed_at"])
    record(Event.ACCOUNT_CLOSED, actor=actor, subject=user, reference=user.reference, reason=reason, cause=cause)
    events.accounts_closed.send(sender=None, users=[user], actor=actor, cause="account_closed")


@transaction.atomic
def deactivate_account(user_id, *, actor):
    """« Désactiver »: the account can do nothing until it is reactivated; the Facts of what was lost.

    Raises ActionError unless it is « Actif », and when something stands in the way (domain: a principal
    manager designates a successor first).
    """
    events.account_locking.send(sender=None, user_id=user_id)
    user = lock_user(user_id)
    if user.state != User.State.ACTIVE:
        raise ActionError("not_active", f"Le compte de {user} n'est pas actif.")
    facts = gather(events.account_deactivating, user=user)
    for fact in facts:
        if fact.blocks:
            raise ActionError(fact.kind, sentence(fact))
    user.state, user.deactivated_at = User.State.DISABLED, timezone.now()
    user.save(update_fields=["state", "deactivated_at"])
    record(Event.ACCOUNT_DEACTIVATED, actor=actor, subject=user, reference=user.reference)
    events.account_deactivated.send(sender=None, user=user, actor=actor)
    return facts


@transaction.atomic
def reactivate_account(user_id, *, actor):
    """Give a deactivated account, or one closed after it served, a new start: the activation mail.

    Its link sets a new password, secret question and answer. Raises ActionError for any other account.
    """
    events.account_locking.send(sender=None, user_id=user_id)
    user = lock_user(user_id)
    refuse_anonymised(user)
    if not user.was_ever_active or user.state not in (User.State.DISABLED, User.State.CLOSED):
        raise ActionError("not_deactivated", f"Le compte de {user} n'est ni désactivé ni clos après avoir servi.")
    user.state, user.deactivated_at, user.closed_at = User.State.ACTIVATING, None, None
    user.link_version += 1
    user.save(update_fields=["state", "deactivated_at", "closed_at", "link_version"])
    record(Event.ACCOUNT_REACTIVATED, actor=actor, subject=user, reference=user.reference)
    events.account_reactivated.send(sender=None, user=user, actor=actor)
    emails.send_activation(user, reference=user.reference)


@transaction.atomic
def change_rights(user_id, *, actor, rights):
    """Let somebody into the support team or the technical administration, or out of it: the Changes made.

    `rights` are those that change (is_staff, is_superuser), by name: another one, given at the same moment by a
    colleague, stays (lost update). Raises ActionError for one's own rights.
    """
    user = lock_user(user_id)
    refuse_anonymised(user)
    if user == actor:
        raise ActionError("own_rights", "Nul ne change ses propres droits.")
    made = write_changes(user, rights)
    if made:
        record(Event.RIGHTS_CHANGED, actor=actor, subject=user, reference=user.reference, **change_data(user, made))
    return made
