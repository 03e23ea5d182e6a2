from celery import shared_task

from documents import actions


@shared_task
def finish_unfinished():
    """Delete what a dead process, or a store that did not answer, left behind."""
    actions.finish_unfinished()
