"""Celery's beat, seen from outside."""

from pathlib import Path

from celery.beat import PersistentScheduler


class Scheduler(PersistentScheduler):
    """Beat's own scheduler, which gives a sign of life at every turn: the health check looks for it.

    The schedule itself is none: depending on how Python was built, it is written at the end alone.
    """

    def tick(self, *args, **kwargs):
        Path(f"{self.schedule_filename}-alive").touch()
        return super().tick(*args, **kwargs)
