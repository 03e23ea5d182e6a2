"""Several people at the same instant, on real database connections."""

from threading import Barrier, Thread

from django.db import connection


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

    threads = [Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
