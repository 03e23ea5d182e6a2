from celery import shared_task

from plumbing.deferred import work_off
from registration.actions import carry_out_submission
from registration.models import Submission


@shared_task
def carry_out_submissions():
    """Carry out the registrations visitors submitted."""
    work_off(Submission, carry_out_submission)
