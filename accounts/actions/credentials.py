"""What proves who somebody is: password, secret question and answer."""

from datetime import timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from accounts import emails
from accounts.actions.rows import lock_proven, lock_user, refuse_pigp, user_of_link
from accounts.actions.sessions import end_sessions
from accounts.links import Purpose
from accounts.models import ANSWER_LOCKED, User
from history.actions import record
from history.models import Event
from plumbing.errors import ActionError
from plumbing.text import folded

ANSWER_TRIES = 5
ANSWER_PAUSE = timedelta(hours=1)
WRONG_ANSWER = "Ce n'est pas la réponse enregistrée."
# What `give_password` writes.
PASSWORD_FIELDS = ["password", "password_changed_at", "password_warned_at", "requested_email"]
# What `give_question` writes.
QUESTION_FIELDS = [
    "secret_question",
    "secret_answer",
    "secret_question_changed_at",
    "answer_failures",
    "answer_locked_until",
]
WARNED_AT_ONCE = 500


def give_question(user, secret_question, secret_answer):
    """Give a locked account a secret question and its answer, not saved yet; wrong answers are forgotten."""
    user.secret_question, user.secret_answer = secret_question, hashed_answer(secret_answer)
    user.secret_question_changed_at = timezone.now()
    user.answer_failures, user.answer_locked_until = 0, None


def give_password(user, password):
    """Give a locked account a new password, not saved yet. A new login address asked for under the old one lapses."""
    user.set_password(password)
    user.password_changed_at, user.password_warned_at, user.requested_email = timezone.now(), None, ""


@transaction.atomic
def change_password(me, *, password, session_key):
    """Replace the password of `me`, who just gave the current one. Their other sessions end.

    Raises ActionError when it was replaced meanwhile, or is the PIGP's.
    """
    user = lock_proven(me)
    refuse_pigp(user)
    give_password(user, password)
    user.save(update_fields=PASSWORD_FIELDS)
    end_sessions(user, but=session_key)
    record(Event.PASSWORD_CHANGED, actor=user, subject=user, reference=user.reference)
    emails.send_password_changed(user)
    return user


@transaction.atomic
def change_secret_question(me, *, secret_question, secret_answer):
    """Give `me`, who just gave the password, another secret question and answer.

    Raises ActionError when the password was replaced meanwhile.
    """
    user = lock_proven(me)
    give_question(user, secret_question, secret_answer)
    user.save(update_fields=QUESTION_FIELDS)
    record(Event.SECRET_QUESTION_CHANGED, actor=user, subject=user, reference=user.reference)
    emails.send_secret_question_changed(user)


def reset_password(token, *, password, secret_question="", secret_answer=""):
    """Use a reset link: replace the password, which ends the account's open sessions.

    An account with a secret question asks for its answer; five wrong ones pause it for an hour. One whose question
    somebody else had chosen is given `secret_question` and its answer. Raises ActionError on a stale link, a wrong
    answer, during the pause, or when the password is the PIGP's.
    """
    with transaction.atomic():
        user = user_of_link(token, Purpose.RESET)
        refuse_pigp(user)
        refusal = _judge_answer(user, secret_answer) if user.secret_question else None
        if refusal is None:
            give_password(user, password)
            if user.must_choose_question:
                give_question(user, secret_question, secret_answer)
            user.save(update_fields=[*PASSWORD_FIELDS, *QUESTION_FIELDS])
            end_sessions(user)
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


def hashed_answer(answer):
    """A secret answer as stored: hashed, whatever its accents, case and spaces."""
    return make_password(folded(answer))


def warn_of_expiry():
    """Tell those whose password expires soon, each once."""
    last = 0
    while users := list(_to_warn().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:WARNED_AT_ONCE]):
        for user_id in users:
            _warn(user_id)
        last = users[-1]


@transaction.atomic
def _warn(user_id):
    user = lock_user(user_id)
    # Not if they replaced it, or another worker told them, meanwhile.
    if _to_warn().filter(pk=user_id).exists():
        user.password_warned_at = timezone.now()
        user.save(update_fields=["password_warned_at"])
        emails.send_password_expires(user)


def _to_warn():
    return User.objects.to_warn_of_expiry()
