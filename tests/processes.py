"""Portal processes of our own, on the test's database, Redis and mail sink."""

import os
import time

from django.conf import settings
from django.db import connection


def portal_environment(**more):
    """The environment of a process that must see what the test sees."""
    database = connection.settings_dict
    return os.environ | {
        "DATABASE_URL": f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}",
        "EMAIL_URL": f"smtp://{settings.EMAIL_HOST}:{settings.EMAIL_PORT}",
        **more,
    }


def wait_until(condition, seconds=30):
    """Wait for `condition()`; fails when it does not come true in time."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.05)
