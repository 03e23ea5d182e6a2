from datetime import timedelta

from captcha.models import CaptchaStore
from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts import actions
from accounts.models import LinkRequest
from plumbing.deferred import work_off


@shared_task
def answer_link_requests():
    """Mail the links that were asked for."""
    work_off(LinkRequest, actions.answer_link_request)


@shared_task
def warn_of_expiry():
    """Tell those whose password expires soon."""
    actions.warn_of_expiry()


@shared_task
def end_accounts():
    """Announce, close and anonymise the accounts nobody came back to. Today's first mail is no account's last day."""
    actions.warn_of_closing()
    actions.close_overdue()
    actions.close_never_activated()
    actions.anonymise_closed()


@shared_task
def forget_expired():
    """Delete the sessions and captchas nobody can use any more."""
    # Not at once: they tell whose a form was that is sent after its session ended (accounts/kept.py).
    Session.objects.filter(expire_date__lt=timezone.now() - timedelta(days=1)).delete()
    actions.forget_ended_sessions()
    CaptchaStore.remove_expired()
