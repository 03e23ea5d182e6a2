"""Django says when a session begins and ends: whose it is is written down, for them to see and end it."""

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from accounts import actions, events
from accounts.browsers import in_words
from plumbing.facts import Fact


@receiver(user_logged_in)
def remember_session(sender, request, user, **kwargs):
    if request.session.session_key is None:
        # Emptied because somebody else was logged in: it has no row yet.
        request.session.cycle_key()
    browser = in_words(request.META.get("HTTP_USER_AGENT", ""))
    actions.open_session(user, session_key=request.session.session_key, browser=browser)


@receiver(user_logged_out)
def forget_session(sender, request, user, **kwargs):
    if request.session.session_key is not None:
        actions.close_session(request.session.session_key)


@receiver(events.account_deactivating)
def of_deactivating_account(sender, user, **kwargs):
    """A login address asked for and not confirmed yet."""
    return [Fact("address_change_lost", 1 if user.requested_email else 0, (user.requested_email,))]
