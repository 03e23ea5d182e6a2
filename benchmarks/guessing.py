"""`python -m benchmarks.guessing`: can the time of one answer tell whether an address has an account?

One gunicorn and one Celery worker on PostgreSQL, Redis and a mail sink, all on loopback. At each door an
address with an account and one without are asked in pairs, in random order, one request every `--pause`
seconds so that the worker is at rest again before the next. « guessed » is how many of the answers the best
single threshold puts on the right side: 50 % is chance, and 200 pairs of pure chance reach about 55 %.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pages import SIRET, visitor, wait_for
from tests.servers import free_port, running_postgres, running_redis

# Only the rate limits stand between this script and two thousand requests from one address.
RATES = dict.fromkeys(
    (
        "PREFILL_RATE",
        "REGISTRATION_RATE",
        "MAIL_REQUEST_RATE",
        "LOGIN_RATE",
        "DECIDER_MAIL_RATE",
        "CAPTCHA_IMAGE_RATE",
    ),
    "1000000/s",
)


def ask_for_link(path):
    def ask(client, email):
        return client.ask("POST", path, {"email": email})

    return ask


def log_in(client, email):
    return client.ask("POST", "/connexion/", {"username": email, "password": "ce n'est pas le bon"})


def register(client, email):
    from registration import captcha

    key = captcha.fresh().key
    form = {
        "email": email,
        "email_again": email,
        "first_name": "Anne",
        "last_name": "Martin",
        "terms": "on",
        "identifier_type": "siret",
        "identifier": SIRET,
        "captcha_key": key,
        "captcha_answer": captcha.challenge(key)[1],
    }
    return client.ask("POST", "/inscription/", form)


# door: (page to start from, the account's status, what to ask, the answer's status)
DOORS = {
    "reset": ("/mot-de-passe/", "active", ask_for_link("/mot-de-passe/"), 200),
    "activation": ("/activation/", "activating", ask_for_link("/activation/"), 200),
    "registration": ("/inscription/", "active", register, 302),
    "login": ("/connexion/", "active", log_in, 200),
}


def add_people(pairs):
    """For each door as many accounts as `pairs`; {door: their addresses}."""
    from django.contrib.auth.hashers import make_password

    from accounts.models import User
    from plumbing.references import draw_reference

    password = make_password("un long mot de passe")
    for door, (_, state, _, _) in DOORS.items():
        for number in range(pairs):
            User.objects.create(
                email=f"{door}-{number}@connu.example",
                first_name="Anne",
                last_name=f"Nom {number}",
                state=state,
                password=password if state == "active" else "!",
                reference=draw_reference(User),
            )


def measure(port, pairs, pause):
    """{door: (seconds with an account, seconds without)}"""
    seconds = {door: ([], []) for door in DOORS}
    for number in range(-5, pairs):
        for door, (page, _, ask, expected) in DOORS.items():
            known, unknown = f"{door}-{number}@connu.example", f"{door}-{number}@libre.example"
            for column, email in random.sample([(0, known), (1, unknown)], 2):
                client = visitor(port)
                client.ask("GET", page)
                time.sleep(pause)
                status, taken = ask(client, email)
                client.connection.close()
                if status != expected:
                    raise SystemExit(f"{door}: answered {status}")
                if number >= 0:  # the first ones warm up
                    seconds[door][column].append(taken)
                time.sleep(pause)
    return seconds


def guessed(known, unknown):
    """The share of answers that the best threshold puts on the right side."""
    best = 0
    for threshold in (*known, *unknown):
        slower = sum(taken >= threshold for taken in known) + sum(taken < threshold for taken in unknown)
        best = max(best, slower, len(known) + len(unknown) - slower)
    return best / (len(known) + len(unknown))


def report(seconds):
    print("\n| door | with an account, median ms | without, median ms | guessed |\n| --- | ---: | ---: | ---: |")
    for door, (known, unknown) in seconds.items():
        medians = " | ".join(f"{statistics.median(column) * 1000:.2f}" for column in (known, unknown))
        print(f"| {door} | {medians} | {guessed(known, unknown):.0%} |")


@contextmanager
def running(command, environment):
    process = subprocess.Popen([sys.executable, *command], env=environment, cwd=Path(__file__).resolve().parent.parent)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pairs", type=int, default=200)
    options.add_argument("--pause", type=float, default=0.08)
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_postgres() as database, running_redis() as redis:
        port, sink = free_port(), free_port()
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "chorus.settings",
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "EMAIL_URL": f"smtp://127.0.0.1:{sink}",
            "CHORUS_VAR_DIR": folder,
            "LOG_LEVEL": "ERROR",
            "C_FORCE_ROOT": "1",
            "PYTHONWARNINGS": "ignore",
            **RATES,
        }
        gunicorn = ["-m", "gunicorn", "chorus.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--worker-class",
                    "gthread", "--threads", "1", "--log-level", "error", "--no-control-socket"]  # fmt: skip
        worker = ["-m", "celery", "--quiet", "--app", "chorus", "worker", "--concurrency", "1", "--loglevel", "ERROR"]
        mail = ["-m", "aiosmtpd", "--nosetuid", "--listen", f"127.0.0.1:{sink}", "--class", "aiosmtpd.handlers.Sink"]
        root = Path(__file__).resolve().parent.parent
        for prepare in (["manage.py", "migrate", "--verbosity", "0"], ["-m", "benchmarks.data", "1"]):
            subprocess.run([sys.executable, *prepare], cwd=root, check=True)
        import django

        django.setup()
        add_people(options.pairs)
        with running(gunicorn, os.environ), running(worker, os.environ), running(mail, os.environ):
            wait_for(port)
            time.sleep(5)
            report(measure(port, options.pairs, options.pause))


if __name__ == "__main__":
    main()
