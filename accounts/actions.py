"""What happens to an account: registered, approved, activated, its password replaced, closed."""

import logging
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from accounts import emails
from accounts.links import Purpose, Standing, read_link
from accounts.models import LinkRequest, User, normalised_email
from history.actions import record
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.errors import ActionError
from plumbing.references import draw_reference
from plumbing.text import folded

logger = logging.getLogger(__name__)

ANSWER_TRIES = 5
ANSWER_PAUSE = timedelta(hours=1)
ANSWER_LOCKED = "Trop de mauvaises réponses : réessayez dans une heure, ou contactez l'assistance."
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
    user.first_name, user.last_name, user.phone, user.contact_email = first_name, last_name, phone, contact_email
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
    emails.send_activation(user, reference=reference)
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
    transaction.on_commit(_wake_worker, robust=True)


def _wake_worker():
    """Ask a worker to answer now; when the broker is down the sweep does it a little later."""
    try:
        current_app.send_task("accounts.tasks.answer_link_requests", retry=False, ignore_result=True)
    except Exception as error:
        logger.warning("Broker unreachable, link requests wait for the next sweep: %s", error)


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
    user = _user_of(token, Purpose.ACTIVATION)
    user.set_password(password)
    user.secret_question, user.secret_answer = secret_question, hashed_answer(secret_answer)
    user.state, user.activated_at = User.State.ACTIVE, timezone.now()
    user.save()
    record(Event.ACCOUNT_ACTIVATED, actor=user, subject=user, reference=user.reference)
    return user


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
def close_never_active(user_id, *, actor, reason):
    """Close the account of a registrant nobody let in. Raises ActionError once it was let in."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user_id)
    if user.state != User.State.PENDING:
        raise ActionError("not_pending", f"Le compte de {user} n'attend pas d'approbation.")
    user.state, user.closed_at = User.State.CLOSED, timezone.now()
    user.save(update_fields=["state", "closed_at"])
    record(Event.ACCOUNT_CLOSED, actor=actor, subject=user, reference=user.reference, comment=reason)


def hashed_answer(answer):
    """A secret answer as stored: hashed, whatever its accents, case and spaces."""
    return make_password(folded(answer))


def _user_of(token, purpose):
    link = read_link(token, purpose, lock=True)
    if not link.is_valid:
        raise ActionError("stale_link", STALE_LINKS[link.standing])
    return link.user
