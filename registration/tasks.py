from celery import shared_task

from plumbing.deferred import work_off
from registration import actions
from registration.models import AddressCorrection, Submission


@shared_task
def carry_out_submissions():
    """Carry out what visitors corrected, then the registrations they submitted: a mistyped address gets no mail."""
    work_off(AddressCorrection, actions.carry_out_correction)
    work_off(Submission, actions.carry_out_submission)


@shared_task
def forget_receipts():
    """Delete what nobody can send a second time any more."""
    actions.forget_receipts()
