from celery import shared_task

from notifications.actions import deliver_due, empty_refused


# Acknowledged at once: the outbox is the queue, and a broker that delivers a long task again would only
# have a second worker wait for the same mail server.
@shared_task(acks_late=False)
def deliver():
    """Send what is waiting, right after a commit that wrote to the outbox."""
    deliver_due()


@shared_task(acks_late=False)
def sweep_outbox():
    """Send what nobody was woken for: broker down, worker killed, mail server back."""
    deliver_due()


@shared_task
def forget_refused():
    """Empty the mails refused too long ago to be sent again."""
    empty_refused()
