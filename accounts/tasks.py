from captcha.models import CaptchaStore
from celery import shared_task
from django.core.management import call_command


@shared_task
def forget_expired():
    """Delete the sessions and captchas nobody can use any more."""
    call_command("clearsessions")
    CaptchaStore.remove_expired()
