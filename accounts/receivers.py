"""Django says when a session begins and ends: whose it is is written down, for them to see and end it.
What proves who the owner of an account is goes when it is closed."""

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver

from accounts import actions
from accounts.browsers import in_words
from accounts.events import account_closed


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


@receiver(account_closed)
def forget_second_factor(sender, user, **kwargs):
    """Who comes back after that was let in by support, and sets up another one."""
    actions.drop_factors(user)
