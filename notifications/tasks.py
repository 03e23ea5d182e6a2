from celery import shared_task

from notifications.actions import deliver_due


@shared_task
def deliver():
    """Send what is waiting, right after a commit that wrote to the outbox."""
    deliver_due()


@shared_task
def sweep_outbox():
    """Send what nobody was woken for: broker down, worker killed, mail server back."""
    deliver_due()
