"""A circuit breaker: a server that fails or dawdles is left alone for a while, and nobody waits for it.

Our own forty lines: the kept libraries open their circuit on errors only, not on slowness, and all know
more states than we use. Each process counts for itself, so that nothing has to be asked of anybody.
"""

import logging
from threading import Lock
from time import monotonic

from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# What redis-py and Celery raise when the server is away, hangs, refuses us or cannot serve.
FAILURES = (RedisError, OperationalError, OSError)


class Breaker:
    """Stands before the calls to one server; any number of threads may share it.

    Closed, every call goes through. One that fails, or takes longer than REDIS_PATIENCE seconds, opens it
    for REDIS_REST seconds: calls are then not made. After that (half-open) one call tries, while the others
    are still spared; its success closes the breaker.
    """

    def __init__(self, server):
        self.server = server
        self._lock = Lock()
        self._open_until = None

    def call(self, function, *args, otherwise=None, **kwargs):
        """What `function` answers, or `otherwise` when the server fails or rests. Never raises the server's errors."""
        if not self._lets_through():
            return otherwise
        begun = monotonic()
        try:
            answer = function(*args, **kwargs)
        except FAILURES as error:
            self._open(error)
            return otherwise
        taken = monotonic() - begun
        if taken > settings.REDIS_PATIENCE:
            self._open(f"answered after {taken:.2f} s")
        else:
            self.close()
        return answer

    def close(self):
        """Let calls through again."""
        with self._lock:
            was_open, self._open_until = self._open_until is not None, None
        if was_open:
            logger.warning("%s answers again", self.server)

    def _lets_through(self):
        with self._lock:
            if self._open_until is None:
                return True
            if monotonic() < self._open_until:
                return False
            # This call is the one that tries.
            self._open_until = monotonic() + settings.REDIS_REST
            return True

    def _open(self, reason):
        with self._lock:
            self._open_until = monotonic() + settings.REDIS_REST
        logger.warning("%s is left alone for %s s: %s", self.server, settings.REDIS_REST, reason)


# Rate limits and wake-ups share it: who has waited for one does not wait for the other.
redis_breaker = Breaker("Redis")
