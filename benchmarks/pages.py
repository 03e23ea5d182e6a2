"""`make bench`: each page's speed as a ratio to two floors measured in the same run.

One gunicorn, one worker, one thread, PostgreSQL and Redis as in the tests; one client on a kept
connection. Pages are asked in turns, so that a busy moment of the machine falls on all of them.
Later issues add their pages to `PAGES`.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import free_port, running_postgres, running_redis

SIRET = "20003035100015"
ROWS = 50


class Client:
    """A person's browser, reduced to a kept connection and a cookie jar."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.cookies = {}

    def ask(self, method, path, form=None):
        """(status, seconds) of one request; cookies are kept, redirects are not followed."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form | {"csrfmiddlewaretoken": self.cookies["csrf"]})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        start = time.perf_counter()
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        response.read()
        seconds = time.perf_counter() - start
        for header in response.headers.get_all("Set-Cookie") or []:
            name, _, value = header.partition(";")[0].partition("=")
            self.cookies[name] = value
        return response.status, seconds


def visitor(port):
    client = Client(port)
    client.ask("GET", "/inscription/")
    return client


def manager(port):
    client = Client(port)
    client.ask("GET", "/connexion/")
    status, _ = client.ask("POST", "/connexion/", {"username": "manager@bench.example", "password": "bench"})
    if status != 302:
        raise SystemExit(f"the manager could not log in: {status}")
    return client


# name, who asks, method, path, form
PAGES = [
    ("bare (floor)", visitor, "GET", "/floor/bare/", None),
    ("session (floor)", manager, "GET", "/floor/session/", None),
    ("login page", visitor, "GET", "/connexion/", None),
    ("registration prefill", visitor, "POST", "/inscription/structure/",
     {"identifier_type": "siret", "identifier": SIRET}),
    (f"pending list, {ROWS} rows", manager, "GET", "/demandes/", None),
]  # fmt: skip


def measure(port, rounds, per_round):
    """Seconds of every request, by page name."""
    clients = {who: who(port) for who in {page[1] for page in PAGES}}
    seconds = {name: [] for name, *_ in PAGES}
    for turn in range(rounds + 1):
        for name, who, method, path, form in PAGES:
            for _ in range(per_round):
                status, taken = clients[who].ask(method, path, form)
                if status != 200:
                    raise SystemExit(f"{name}: answered {status}")
                if turn:  # the first round warms up
                    seconds[name].append(taken)
    return seconds


def report(seconds):
    bare = statistics.median(seconds["bare (floor)"])
    session = statistics.median(seconds["session (floor)"])
    print("\n| page | median ms | requests/s | × bare | × session |\n| --- | ---: | ---: | ---: | ---: |")
    for name, values in seconds.items():
        median = statistics.median(values)
        rate = len(values) / sum(values)
        print(f"| {name} | {median * 1000:.2f} | {rate:.0f} | {median / bare:.1f} | {median / session:.1f} |")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--per-round", type=int, default=50)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_postgres() as database, running_redis() as redis:
        port = free_port()
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "CHORUS_VAR_DIR": folder,
            "LOG_LEVEL": "ERROR",
            "PREFILL_RATE": "1000000/s",
        }
        root = Path(__file__).resolve().parent.parent
        run = lambda *words: subprocess.run([sys.executable, *words], env=environment, cwd=root, check=True)  # noqa: E731
        run("manage.py", "migrate", "--verbosity", "0")
        run("-m", "benchmarks.data", str(ROWS))
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "chorus.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1",
             "--worker-class", "gthread", "--threads", "1", "--keep-alive", "60", "--log-level", "error",
             "--no-control-socket"],
            env=environment, cwd=root,
        )  # fmt: skip
        try:
            wait_for(port)
            report(measure(port, options.rounds, options.per_round))
        finally:
            server.terminate()
            server.wait()


def wait_for(port):
    for _ in range(100):
        try:
            if Client(port).ask("GET", "/sante/")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("gunicorn does not answer")


if __name__ == "__main__":
    main()
