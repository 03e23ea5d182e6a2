"""How an account begins: registered, approved, activated, or closed unused; and the rights support gives it."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import emails, events
from accounts.actions.credentials import give_password, give_question
from accounts.actions.profile import ask_contact
from accounts.actions.rows import lock_user, refuse_anonymised, user_of_link
from accounts.links import Purpose, read_link
from accounts.models import User, normalised_email
from history.actions import record
from history.data import change_data
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.changes import write_changes
from plumbing.errors import ActionError
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
    user.state, user.activation_sent_at = User.State.ACTIVATING, timezone.now()
    user.save(update_fields=["state", "activation_sent_at"])
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
    user.activation_sent_at = timezone.now()
    user.save(update_fields=["activation_sent_at"])
    record(Event.ACTIVATION_RESENT, actor=actor, subject=user, reference=user.reference)
    emails.send_activation(user, reference=user.reference)


@transaction.atomic
def activate_account(token, *, password, secret_question, secret_answer):
    """Use an activation link: the account becomes « Actif ». Raises ActionError on a stale link."""
    owner = read_link(token, Purpose.ACTIVATION).user
    if owner is not None:
        events.account_locking.send(sender=None, user_id=owner.pk)
    user = user_of_link(token, Purpose.ACTIVATION)
    give_password(user, password)
    give_question(user, secret_question, secret_answer)
    reopened = user.was_ever_active
    user.state, user.activated_at = User.State.ACTIVE, user.activated_at or timezone.now()
    user.save()
    record(Event.ACCOUNT_ACTIVATED, actor=user, subject=user, reference=user.reference)
    events.account_activated.send(sender=None, user=user, actor=user)
    if reopened:
        emails.send_account_reactivated(user)
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
