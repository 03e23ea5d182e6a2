from captcha.models import CaptchaStore
from celery import shared_task
from django.core.management import call_command

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
    call_command("clearsessions")
    CaptchaStore.remove_expired()
