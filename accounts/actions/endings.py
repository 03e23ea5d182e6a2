"""The end of accounts nobody came back to: announced, closed, later anonymised. Every night, by the portal itself.

AT_ONCE accounts a transaction, in statements that each change them all: whatever is killed in between, the next night
carries on, and two workers at once share the work.
"""

import logging

from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts import emails, events
from accounts.actions.rows import GIVEN_UP
from accounts.models import LinkRequest, OpenSession, User
from history.actions import record_all
from history.models import Event
from notifications.actions import forget_mails

AT_ONCE = 1_000
# What anonymising empties beside User.PERSONAL: what they agreed to and when they came, and what they might do.
UNDATED = (
    "terms_accepted_at",
    "survey_consent_at",
    "last_login",
    "email_changed_at",
    "secret_question_changed_at",
    "answer_locked_until",
)
UNTRUE = ("contact_confirmed", "receives_notifications", "identity_from_pigp", "is_staff", "is_superuser")
logger = logging.getLogger(__name__)


def warn_of_closing():
    """Tell the owners of deactivated accounts that will soon be closed, each once."""
    _in_batches(User.objects.to_warn_of_closing, _warn)


def close_overdue():
    """Close the accounts whose owners let the time to reactivate them pass.

    Those with a duty nobody took over stay as they are: support sees them (chorus/errands.py).
    """
    _in_batches(User.objects.past_reactivation, _close)


def close_never_activated():
    """Close the accounts whose activation link nobody used for long: newcomers', and those that support reopened."""
    _in_batches(User.objects.never_activated, _close_unactivated)


def anonymise_closed():
    """Empty the accounts closed long ago of all that says whose they were."""
    _in_batches(User.objects.to_anonymise, _anonymise)


def _in_batches(due, act):
    """Have `act` do what is `due` (a function, giving a query set), AT_ONCE accounts a transaction."""
    last = 0
    while ids := list(due().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        _attempt(ids, due, act)
        last = ids[-1]


def _attempt(ids, due, act):
    """What fails is tried again by halves: one account that cannot be done is left alone, and holds up no other."""
    try:
        with transaction.atomic():
            act(ids, due())
    except OperationalError:
        # The database itself: the next night carries on.
        raise
    except Exception:
        if len(ids) == 1:
            logger.exception("Account %s could not be done with (%s)", ids[0], act.__name__)
            return
        half = len(ids) // 2
        _attempt(ids[:half], due, act)
        _attempt(ids[half:], due, act)


def _lock(ids, due):
    """The accounts of `ids` that are still due and that no other worker holds, locked."""
    users = due.filter(pk__in=ids).order_by("pk")
    if connection.features.has_select_for_update_skip_locked:
        users = users.select_for_update(skip_locked=True, of=("self",))
    return list(users)


def _rows(users):
    return User.objects.filter(pk__in=[user.pk for user in users])


def _warn(ids, due):
    users = _lock(ids, due)
    _rows(users).update(closing_warned_at=timezone.now())
    emails.send_accounts_closing(users)


def _close(ids, due):
    emails.send_accounts_closed(_closed(ids, due, cause="deactivated_too_long"))


def _close_unactivated(ids, due):
    emails.send_accounts_not_activated(_closed(ids, due, cause="activation_too_late"))


def _closed(ids, due, cause):
    """Close what is due but for those somebody must stay for: the accounts closed."""
    answers = events.accounts_closing.send(sender=None, user_ids=ids)
    stay = {user_id for _, kept in answers for user_id in kept or ()}
    users = _lock([user_id for user_id in ids if user_id not in stay], due)
    now = timezone.now()
    closed = {"state": User.State.CLOSED, "closed_at": now}
    _rows(users).update(**closed, link_version=F("link_version") + 1)
    for user in users:
        user.state, user.closed_at = User.State.CLOSED, now
    _journal(Event.ACCOUNT_CLOSED, users, cause=cause)
    events.accounts_closed.send(sender=None, users=users, actor=None, cause="account_closed")
    return users


def _anonymise(ids, due):
    users = _lock(ids, due)
    if not users:
        return
    addresses = _addresses_of(users)
    events.accounts_anonymised.send(sender=None, users=users, addresses=addresses)
    forget_mails(users, addresses)
    LinkRequest.objects.filter(email__in=addresses).delete()
    AccessAttempt.objects.filter(username__in=addresses).delete()
    sessions = OpenSession.objects.filter(user__in=users)
    Session.objects.filter(session_key__in=sessions.values("session_key")).delete()
    sessions.delete()
    emptied = dict.fromkeys(User.PERSONAL, "") | dict.fromkeys(UNDATED) | dict.fromkeys(UNTRUE, False)
    emptied |= {"email": GIVEN_UP, "password": make_password(None), "answer_failures": 0}
    emptied |= {"link_version": F("link_version") + 1, "anonymised_at": timezone.now()}
    _rows(users).update(**emptied)
    _journal(Event.ACCOUNT_ANONYMISED, users)


def _addresses_of(users):
    """The login addresses that were theirs and are nobody else's."""
    theirs = {address for user in users for address in (user.email, user.previous_email) if address}
    taken = User.objects.filter(email__in=theirs).exclude(pk__in=[user.pk for user in users])
    return theirs - set(taken.values_list("email", flat=True))


def _journal(event, users, **data):
    record_all(event, [{"subject": user, "reference": user.reference, **data} for user in users])
