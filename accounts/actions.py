"""What happens to an account: registered, approved, activated, its password replaced, closed."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from accounts import emails, events
from accounts.links import Purpose, Standing, read_link
from accounts.models import ANSWER_LOCKED, LinkRequest, User, normalised_email
from history.actions import record
from history.data import change_data
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from plumbing.facts import gather, sentence
from plumbing.references import draw_reference
from plumbing.text import folded
from plumbing.workers import wake

ANSWER_TRIES = 5
ANSWER_PAUSE = timedelta(hours=1)
WRONG_ANSWER = "Ce n'est pas la réponse enregistrée."

STALE_LINKS = {
    Standing.USED: "Ce lien a déjà servi.",
    Standing.EXPIRED: "Ce lien a expiré.",
    Standing.UNREADABLE: "Ce lien n'est pas lisible.",
}


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
    user = User.objects.select_for_update(of=("self",)).get(pk=user_id)
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
    user = _lock(user_id)
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
    user = User.objects.select_for_update(of=("self",)).get(pk=user_id)
    if user.state != User.State.ACTIVATING:
        raise ActionError("not_activating", f"Le compte de {user} n'est pas en cours d'activation.")
    record(Event.ACTIVATION_RESENT, actor=actor, subject=user, reference=user.reference)
    emails.send_activation(user, reference=user.reference)


def request_link(email, purpose):
    """A visitor asks for a link (a LinkRequest.Purpose): written down, whoever the address belongs to.

    The request does the same work for any address, so that its time tells nobody who has an account.
    """
    LinkRequest.objects.create(email=normalised_email(email), purpose=purpose)
    wake("accounts.tasks.answer_link_requests")


@transaction.atomic
def answer_link_request(asked):
    """Mail the link a visitor asked for, if the address has a use for it and not too many of them already.

    Who forgot the password of an account that was never activated gets the activation link.
    """
    user = User.objects.select_for_update(of=("self",)).with_email(asked.email).first()
    if user is None:
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
    user = _user_of(token, Purpose.ACTIVATION)
    user.set_password(password)
    user.secret_question, user.secret_answer = secret_question, hashed_answer(secret_answer)
    # A reactivated account was active before.
    user.state, user.activated_at = User.State.ACTIVE, user.activated_at or timezone.now()
    user.save()
    record(Event.ACCOUNT_ACTIVATED, actor=user, subject=user, reference=user.reference)
    events.account_activated.send(sender=None, user=user, actor=user)
    _ask_contact(user)
    return user


@transaction.atomic
def confirm_contact(token):
    """Use the link mailed to a contact address: mails about the person's work go there from now on.

    Raises ActionError on a stale link.
    """
    user = _user_of(token, Purpose.CONTACT)
    user.contact_confirmed = True
    user.save(update_fields=["contact_confirmed"])
    record(Event.CONTACT_CONFIRMED, actor=user, subject=user, reference=user.reference)
    return user


def _ask_contact(user):
    """Mail the link that confirms the contact address of an active account, unless that was done."""
    asks = user.state == User.State.ACTIVE and user.contact_email and not user.contact_confirmed
    if asks and within_mail_rate("contact_confirmation", user.contact_email, settings.MAIL_TO_ONE_RATE):
        emails.send_contact_confirmation(user)


def reset_password(token, *, password, secret_answer=""):
    """Use a reset link: replace the password, which ends the account's open sessions.

    An account with a secret question asks for its answer; five wrong ones pause it for an hour. Raises
    ActionError on a stale link, a wrong answer or during the pause.
    """
    with transaction.atomic():
        user = _user_of(token, Purpose.RESET)
        refusal = _judge_answer(user, secret_answer) if user.secret_question else None
        if refusal is None:
            user.set_password(password)
            user.save(update_fields=["password"])
            record(Event.PASSWORD_RESET, actor=user, subject=user, reference=user.reference)
            emails.send_password_changed(user)
    # Outside: the count of a wrong answer must not be rolled back with what it refuses.
    if refusal is not None:
        raise refusal
    return user


def _judge_answer(user, answer):
    """Count the answer to the secret question of a locked account: the ActionError it deserves, None if right."""
    if user.answer_is_locked:
        return ActionError("answer_locked", ANSWER_LOCKED)
    right = check_password(folded(answer), user.secret_answer)
    user.answer_failures = 0 if right else user.answer_failures + 1
    user.answer_locked_until = None
    if user.answer_failures >= ANSWER_TRIES:
        user.answer_failures, user.answer_locked_until = 0, timezone.now() + ANSWER_PAUSE
    user.save(update_fields=["answer_failures", "answer_locked_until"])
    return None if right else ActionError("wrong_answer", WRONG_ANSWER, field="secret_answer")


@transaction.atomic
def close_never_active(user_id, *, actor, reason="", cause=""):
    """Close the account of a registrant nobody let in, or who never came: its address can register again.

    `reason` is what a manager wrote, `cause` why the portal did it. Raises ActionError once it was active.
    """
    user = _lock(user_id)
    if user.was_ever_active or user.state == User.State.CLOSED:
        raise ActionError("was_active", f"Le compte de {user} a déjà servi, ou est déjà clos.")
    user.state, user.closed_at = User.State.CLOSED, timezone.now()
    user.save(update_fields=["state", "closed_at"])
    record(Event.ACCOUNT_CLOSED, actor=actor, subject=user, reference=user.reference, reason=reason, cause=cause)
    events.account_closed.send(sender=None, user=user, actor=actor)


@transaction.atomic
def deactivate_account(user_id, *, actor):
    """« Désactiver »: the account can do nothing until it is reactivated; the Facts of what was lost.

    Raises ActionError unless it is « Actif », and when something stands in the way (domain: a principal
    manager designates a successor first).
    """
    events.account_locking.send(sender=None, user_id=user_id)
    user = _lock(user_id)
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
    user = _lock(user_id)
    if not user.was_ever_active or user.state not in (User.State.DISABLED, User.State.CLOSED):
        raise ActionError("not_deactivated", f"Le compte de {user} n'est ni désactivé ni clos après avoir servi.")
    user.state, user.deactivated_at, user.closed_at = User.State.ACTIVATING, None, None
    user.link_version += 1
    user.save(update_fields=["state", "deactivated_at", "closed_at", "link_version"])
    record(Event.ACCOUNT_REACTIVATED, actor=actor, subject=user, reference=user.reference)
    events.account_reactivated.send(sender=None, user=user, actor=actor)
    emails.send_activation(user, reference=user.reference)


@transaction.atomic
def change_account(user_id, *, actor, values):
    """Give an account these `values` (by field name), at support's request: the Changes made."""
    user = _lock(user_id)
    if "contact_email" in values:
        values = values | {"contact_email": normalised_email(values["contact_email"])}
    made = write_changes(user, values)
    if any(change.name == "contact_email" for change in made):
        user.contact_confirmed = False
        user.save(update_fields=["contact_confirmed"])
        _ask_contact(user)
    if made:
        record(Event.ACCOUNT_CHANGED, actor=actor, subject=user, reference=user.reference, **change_data(user, made))
    return made


@transaction.atomic
def change_rights(user_id, *, actor, rights):
    """Let somebody into the support team or the technical administration, or out of it: the Changes made.

    `rights` are those that change (is_staff, is_superuser), by name: another one, given at the same moment by a
    colleague, stays (lost update). Raises ActionError for one's own rights.
    """
    user = _lock(user_id)
    if user == actor:
        raise ActionError("own_rights", "Nul ne change ses propres droits.")
    made = write_changes(user, rights)
    if made:
        record(Event.RIGHTS_CHANGED, actor=actor, subject=user, reference=user.reference, **change_data(user, made))
    return made


def hashed_answer(answer):
    """A secret answer as stored: hashed, whatever its accents, case and spaces."""
    return make_password(folded(answer))


def _lock(user_id):
    return User.objects.select_for_update(of=("self",)).get(pk=user_id)


def _user_of(token, purpose):
    link = read_link(token, purpose, lock=True)
    if not link.is_valid:
        raise ActionError("stale_link", STALE_LINKS[link.standing])
    return link.user
