"""Several people at the same instant, on real database connections."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

from django.db import connection, transaction

from tests.processes import wait_until

# Whoever has not answered after so many seconds waits for ever.
PATIENCE = 60


def at_once(*acts):
    """Run each act in its own thread and connection, started together; results or exceptions, in order."""
    start, answers = Barrier(len(acts)), [None] * len(acts)

    def run(position, act):
        start.wait()
        try:
            answers[position] = act()
        except Exception as error:
            answers[position] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=pair, daemon=True) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "somebody waits for ever"
    return answers


def meanwhile(change, act):
    """What `act` answers or raises, begun elsewhere once `change` is written and not committed before it must wait.

    An act that reads the row without locking it judges what is about to be no longer so. PostgreSQL only.
    """
    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        change()
        with connection.cursor() as cursor:
            answer = elsewhere.submit(lambda: at_once(act)[0])
            wait_until(lambda: answer.done() or _somebody_waits_for_us(cursor))
    return answer.result()


def _somebody_waits_for_us(cursor):
    cursor.execute("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
    return cursor.fetchone()[0]
