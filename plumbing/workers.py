"""Waking the workers: a hint that something waits in the database, which a sweep would see a little later."""

from functools import partial

from celery import current_app
from django.conf import settings
from django.db import transaction
from kombu.pools import producers

from plumbing.breaker import redis_breaker


def wake(task_name, *args):
    """Have a worker run a task once the current transaction is committed.

    Once a transaction: of several wakes of one task the first counts. It is a hint and may be lost (broker
    down): every task woken this way has a sweep that finds what it was not told of.
    """
    hooks = (hook for _, hook, _ in transaction.get_connection().run_on_commit)
    if not any(getattr(hook, "func", None) is _send and hook.args[0] == task_name for hook in hooks):
        transaction.on_commit(partial(_send, task_name, args), robust=True)


def _send(task_name, args):
    redis_breaker.call(_publish, task_name, args)


def _publish(task_name, args):
    """Over connections of their own, with short time-outs and no retry: workers and beat keep their patient one."""
    impatient = {
        "socket_timeout": settings.REDIS_PATIENCE,
        "socket_connect_timeout": settings.REDIS_PATIENCE,
        "max_retries": 0,
    }
    # Kept in a pool of kombu's: opening one takes ten times longer than a wake.
    with producers[current_app.connection_for_write(transport_options=impatient)].acquire(block=True) as producer:
        current_app.send_task(task_name, list(args), producer=producer, retry=False, ignore_result=True)
