"""A person's open sessions: known from login to logout, so that they can be ended from elsewhere."""

from django.contrib.sessions.models import Session
from django.db import transaction

from accounts.models import OpenSession
from history.actions import record
from history.models import Event


@transaction.atomic
def open_session(user, *, session_key, browser):
    OpenSession.objects.filter(session_key=session_key).delete()
    OpenSession.objects.create(user=user, session_key=session_key, browser=browser)


def close_session(session_key):
    OpenSession.objects.filter(session_key=session_key).delete()


def renew_session(old_key, new_key):
    """The same session goes on under another key."""
    OpenSession.objects.filter(session_key=old_key).update(session_key=new_key)


@transaction.atomic
def end_own_sessions(user, *, but, only=None):
    """End the person's sessions, or the one whose row is `only`, never the one they are in: how many ended."""
    ended = end_sessions(user, but=but, only=only)
    if ended:
        record(Event.SESSIONS_ENDED, actor=user, subject=user, reference=user.reference, count=ended)
    return ended


def end_sessions(user, *, but="", only=None):
    """End the sessions of a person, but for the one with that key: how many ended."""
    rows = user.open_sessions.exclude(session_key=but)
    if only is not None:
        rows = rows.filter(pk=only)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.filter(session_key__in=keys).delete()
    return len(keys)


def forget_ended_sessions():
    """Delete what is known of sessions that are no more."""
    OpenSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
