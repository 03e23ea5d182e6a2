from datetime import timedelta

from captcha.models import CaptchaStore
from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.actions import answer_link_request
from accounts.models import LinkRequest
from plumbing.deferred import work_off


@shared_task
def answer_link_requests():
    """Mail the links visitors asked for."""
    work_off(LinkRequest, answer_link_request)


@shared_task
def forget_expired():
    """Delete the sessions and captchas nobody can use any more."""
    # Not at once: they tell whose a form was that is sent after its session ended (accounts/kept.py).
    Session.objects.filter(expire_date__lt=timezone.now() - timedelta(days=1)).delete()
    CaptchaStore.remove_expired()
