"""Work that a request writes down and a worker does later: a durable queue in the database.

A request that must not tell by its time what it found writes one row, whatever that is, and wakes a
worker. The row is deleted in the transaction that carries it out: work is neither lost nor done twice
when a process dies, and any number of workers may run at once.
"""

import logging
from datetime import timedelta

from django.db import connection, models, transaction
from django.utils import timezone

logger = logging.getLogger(__name__)

# After a failure: 1, 2, 4… minutes, at most an hour.
LONGEST_PAUSE = timedelta(hours=1)


class DeferredWorkQuerySet(models.QuerySet):
    def due(self):
        return self.filter(next_try_at__lte=timezone.now()).order_by("next_try_at", "id")

    def failing(self):
        """Tried, in vain until now."""
        return self.filter(attempts__gt=0)


class DeferredWork(models.Model):
    """One piece of work, until it is carried out. A subclass holds what the work needs to know."""

    created_at = models.DateTimeField("demandé le", auto_now_add=True)
    next_try_at = models.DateTimeField("prochain essai", default=timezone.now)
    attempts = models.PositiveSmallIntegerField("échecs", default=0)
    error = models.CharField("dernière erreur", max_length=500, blank=True)

    objects = DeferredWorkQuerySet.as_manager()

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["next_try_at", "id"], name="%(class)s_due")]


def work_off(model, carry_out):
    """Carry out what is due of `model` (a DeferredWork), oldest first, each row in a transaction of its own.

    `carry_out` takes a row. One on which it fails unexpectedly is postponed, longer each time, and does
    not hold up its neighbours. Idempotent: a second worker skips the rows locked by the first.
    """
    while _carry_out_next(model, carry_out):
        pass


def _carry_out_next(model, carry_out):
    """Whether there was a row to carry out or to postpone."""
    row = None
    try:
        with transaction.atomic():
            row = _lock_next(model)
            if row is None:
                return False
            carry_out(row)
            row.delete()
    except Exception as error:
        if row is None:
            raise
        _postpone(row, error)
    return True


def _lock_next(model):
    rows = model.objects.due()
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    return rows.first()


def _postpone(row, error):
    logger.exception("%s %s could not be carried out", row._meta.label, row.pk)
    pause = min(timedelta(minutes=2 ** min(row.attempts, 10)), LONGEST_PAUSE)
    # Not if another worker was faster meanwhile.
    type(row).objects.filter(pk=row.pk, attempts=row.attempts).update(
        attempts=row.attempts + 1, next_try_at=timezone.now() + pause, error=repr(error)[:500]
    )
