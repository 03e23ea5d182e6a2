"""Fixtures that stand for the world outside: mail server, browser, worker, accessibility checker."""

import gc
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from importlib import import_module

import hypothesis
import kombu.pools
import pytest
from axe_playwright_python.sync_playwright import Axe
from celery import current_app
from django.apps import apps
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connection, transaction
from django.http import HttpResponse
from django.template import engines

from history import append_only
from plumbing.breaker import redis_breaker
from tests.browser import ARGUMENTS, MISSING, find
from tests.processes import portal_environment
from tests.servers import running_sink
from tests.undefined import Undefined

MADE_BY_MIGRATING = {
    "django_content_type",
    "auth_permission",
    "django_migrations",
    "spaces_space",
    "support_readyanswer",
}


def pytest_configure():
    # At Python's own pace the collector takes an eighth of the tests' time.
    gc.set_threshold(50_000)
    # A busy machine is no dead Redis.
    django_settings.REDIS_PATIENCE = 10
    django_settings.CACHES["default"]["OPTIONS"] |= {"SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}
    # Static files are looked for when asked for: each client of a test would list all of them first.
    django_settings.WHITENOISE_AUTOREFRESH = True
    # Argon2 is made to be slow; what it protects is not what these tests look at.
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        # On disk: in memory, all threads would share one connection and hide what locks do.
        database.setdefault("TEST", {})["NAME"] = f"{database['NAME']}-test"
    # A busy machine is no bug.
    hypothesis.settings.register_profile("portal", deadline=None)
    hypothesis.settings.load_profile("portal")
    engines["django"].engine.string_if_invalid = Undefined()
    flush.Command.handle = emptied(flush.Command.handle)
    # What a page says, as one types it: its typography is tested by itself.
    HttpResponse.text = property(lambda response: as_typed(response.content.decode()))


def emptied(handle):
    """Django's `flush`, which all that commits ends with, in a hundredth of the time.

    On PostgreSQL without triggers (the history refuses), and leaving what migrating put there, which Django would write
    anew each time.
    """

    def handled(self, **options):
        if connection.vendor == "postgresql":
            tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
            statements = ["SET LOCAL session_replication_role = replica"]
            statements += [f"ALTER TABLE {table} DISABLE TRIGGER append_only" for table in append_only.TABLES]
            statements += [f'DELETE FROM "{table}"' for table in sorted(tables - MADE_BY_MIGRATING)]
            statements += [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only" for table in append_only.TABLES]
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("; ".join(statements))
        else:
            append_only.remove(connection)
            handle(self, **options)
            append_only.install(connection)
            for catalogue in ("spaces.migrations.0001_initial", "support.migrations.0001_initial"):
                import_module(catalogue).put_in(apps, None)

    return handled


def as_typed(text):
    text = text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("<wbr>", "")
    return re.sub(r"\b1er (?=[a-zûé]{3,9}\b)", "1 ", text)


@pytest.fixture(autouse=True)
def empty_redis():
    """No rate limit or queued task left over from another test, and nobody who avoids Redis."""
    redis_breaker.close()
    cache.clear()


@pytest.fixture
def redis_at(settings, monkeypatch):
    """Points rate limits and wake-ups at another Redis, for which nobody has much patience by default."""

    def move(url, patience=0.25):
        settings.REDIS_PATIENCE = patience
        timeouts = {"SOCKET_TIMEOUT": patience, "SOCKET_CONNECT_TIMEOUT": patience}
        options = settings.CACHES["default"]["OPTIONS"] | timeouts
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": url, "OPTIONS": options}}
        monkeypatch.setattr(current_app.conf, "broker_write_url", url)

    yield move
    kombu.pools.reset()


@pytest.fixture
def hanging_redis(redis_at):
    """A Redis that accepts connections and never answers, as a stopped process does; yields who counts them."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        redis_at(f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        server.setblocking(False)

        def connections():
            number = 0
            with suppress(BlockingIOError):
                while True:
                    server.accept()[0].close()
                    number += 1
            return number

        yield connections


@pytest.fixture
def smtp_sink(settings):
    """A real mail server, and the portal sending to it."""
    with running_sink() as (sink, port):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        yield sink


@pytest.fixture
def celery_worker_process(smtp_sink):
    """Starts real workers: `worker = celery_worker_process()`; `kill(worker)` is SIGKILL to all of it."""
    workers = []

    def start():
        command = [sys.executable, "-m", "celery", "--quiet", "--app", "chorus", "worker", "--concurrency", "1"]
        environment = portal_environment(C_FORCE_ROOT="1", PYTHONWARNINGS="ignore")
        worker = subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        if worker.poll() is None:
            kill(worker)


def kill(worker):
    """SIGKILL a worker and its children, as a machine that dies would."""
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    path = find()
    if path is None:
        pytest.fail(MISSING)
    return browser_type_launch_args | {"executable_path": path, "args": ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return browser_context_args | {"locale": "fr-FR", "timezone_id": "Europe/Paris"}


@pytest.fixture(scope="session")
def twin(browser, browser_context_args):
    """A page with JavaScript, where those without it are shown again: opened once, it keeps what it loaded."""
    with closing(browser.new_context(**browser_context_args)) as context:
        yield context.new_page()


@pytest.fixture(scope="session")
def without_fault():
    """The shapes and the looks of pages of which axe had nothing to say."""
    return set()


@pytest.fixture
def axe(request, without_fault):
    """Fails when axe-core finds anything to say of the page; the same page with other words is looked at once."""
    checker = Axe()

    def check(page, *, javascript=True):
        page.wait_for_load_state()
        html, width = shape_of(page), str(page.viewport_size)
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        # Half of axe's time goes to contrasts, which are a matter of classes, states, the dark and the width alone.
        looks = {(look, dark, width) for look in re.findall(r'(?:class|type|aria-invalid)="[^"]*"|disabled', html)}
        contrasts = {"color-contrast": {"enabled": not looks <= without_fault}}
        if (html, width) not in without_fault:
            how = {"rules": contrasts}
        elif looks <= without_fault:
            return
        else:
            how = {"runOnly": ["color-contrast"]}
        shown = page if javascript else same_page_with_javascript(page)
        found = checker.run(shown, options={"resultTypes": ["violations"], **how})
        assert not found.response["violations"], f"{page.url}\n{found.generate_report()}"
        without_fault.update(looks, {(html, width)})

    def same_page_with_javascript(page):
        """axe cannot run where JavaScript is off: the same HTML, less its scripts, where it is on."""
        twin = request.getfixturevalue("twin")
        twin.unroute_all()
        twin.route(page.url, lambda route: route.fulfill(body=without_scripts(page), content_type="text/html"))
        # From elsewhere, or an address with a fragment would not be loaded again.
        twin.goto("about:blank")
        twin.goto(page.url)
        return twin

    return check


def without_scripts(page):
    return re.sub(r"<script.*?</script>", "", page.content(), flags=re.DOTALL)


def shape_of(page):
    """All that axe judges a page by, less its words and colours: elements and attributes."""
    html = re.sub(r'((?:href|value|action|src|title|alt|placeholder|datetime)=")[^"]+', r"\1x", without_scripts(page))
    return re.sub(r"\d+", "0", re.sub(r">\s*[^<\s][^<]*<", ">x<", html))
