"""Loaded by pytest before Django (`-p tests.plugin`): starts the servers and says where they are."""

import atexit
import os
import tempfile
from contextlib import ExitStack

import pytest

WORKER = "PYTEST_XDIST_WORKER"
_servers = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests():
    if WORKER not in os.environ:
        atexit.register(_servers.close)
        folder = _servers.enter_context(tempfile.TemporaryDirectory(prefix="portail-tests-"))
        os.environ |= start_servers(folder)
    # One Redis database each, so that a flush in one worker does not empty another's.
    number = int(os.environ.get(WORKER, "gw0")[2:]) + 1
    os.environ["REDIS_URL"] = f"{os.environ['TEST_REDIS']}/{number}"
    return (yield)


def start_servers(folder):
    # Imported late: an xdist worker needs none of it.
    from tests.servers import running_postgres, running_redis

    if os.environ.get("TEST_DATABASE") == "sqlite":
        database = f"sqlite:///{folder}/tests.sqlite3"
    else:
        database = _servers.enter_context(running_postgres())
    return {
        "CHORUS_ENV": "demo",
        "CHORUS_VAR_DIR": folder,
        "DATABASE_URL": database,
        "TEST_REDIS": _servers.enter_context(running_redis()).removesuffix("/0"),
        "LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "chorus.settings",
        # Playwright's loop runs in the tests' thread, where Django would refuse its own ORM.
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
