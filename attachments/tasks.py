from celery import shared_task

from attachments import actions


@shared_task
def lapse_unactivated():
    """Take the role from principal managers who did not activate their account in time."""
    actions.lapse_unactivated_principals()


@shared_task
def end_run_out():
    """Journal and tell what ended by its dates."""
    actions.end_what_ran_out()


@shared_task
def carry_out_handovers():
    """Carry out the hand-overs planned for today."""
    actions.carry_out_due()


@shared_task
def warn_of_endings():
    """Tell of the attachments that end soon."""
    actions.warn_of_endings()


@shared_task
def leave_to_support():
    """See to requests that nobody of their structure can decide any more."""
    actions.leave_to_support()


@shared_task
def check_invariants():
    """Look whether all that must always hold does, and tell support when it does not."""
    actions.report_broken()
