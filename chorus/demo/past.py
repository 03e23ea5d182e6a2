"""Entries of the history that say they are older than they are: the demo's past is invented.

Apart from what records and signs them: the portal itself has no way to do so.
"""

from contextlib import contextmanager
from unittest.mock import patch

from django.utils import timezone


@contextmanager
def happened(age):
    """What is recorded inside says that it happened `age` ago."""
    with patch("history.actions.now", lambda: timezone.now() - age):
        yield
