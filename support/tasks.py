from celery import shared_task

from support import actions


@shared_task
def finish_unfinished():
    """Delete the files of tickets that a dead process, or a store that did not answer, left behind."""
    actions.finish_unfinished()
