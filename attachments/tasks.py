from celery import shared_task

from attachments.actions import lapse_unactivated_principals


@shared_task
def lapse_unactivated():
    """Take the role from principal managers who did not activate their account in time."""
    lapse_unactivated_principals()
