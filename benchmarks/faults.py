"""`python -m benchmarks.faults`: the outbox and the pages while servers refuse, dawdle, hang, are killed and restarted.

Real PostgreSQL, Redis, workers and gunicorn, and a mail server that notes each mail it takes. Time-outs, leases and
pauses are those of `faults_settings.py`: seconds for minutes. Each scene says how many mails were decided, lost and
doubled; `allowed` is how many may be doubled: a sender killed between the server's answer and its own note cannot
know, so one for each kill. Exits with 1 when a mail is lost, too many are doubled, or somebody waits too long.
"""

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path

import psycopg2
from aiosmtpd.controller import Controller

from benchmarks.pages import SIRET, Client, wait_for
from chorus.demo.redis import find_server
from tests.servers import DURABLE, UNPRIVILEGED, Sink, answers, free_port, running_postgres

ROOT = Path(__file__).resolve().parent.parent
MAILS = 300
KILLS = 10
RATES = ("LOGIN_RATE", "MAIL_REQUEST_RATE", "REGISTRATION_RATE", "PREFILL_RATE", "CAPTCHA_IMAGE_RATE")
PASSWORD = "Correct-cheval-7-agrafe"
WRITE = """
import sys, django; django.setup()
from django.db import transaction
from accounts.models import User
from notifications.actions import notify
user = User.objects.first()
context = {"user": user, "forgotten_link": "https://portail.example/"}
for number in range(int(sys.argv[2])):
    with transaction.atomic():
        notify("password_changed", to=f"{sys.argv[1]}-{number}@faults.example", purpose="Essai", context=context)
"""
PEOPLE = f"""
import django; django.setup()
from accounts.models import User
for number in range(20):
    User.objects.create_user(f"person{{number}}@faults.example", {PASSWORD!r}, first_name="Anne", last_name="Un",
                             state=User.State.ACTIVE)
"""


class House:
    """The running servers, and what is done to them."""

    def __init__(self, database, redis, folder):
        self.database, self.sink, self.mail_port = database, Sink(), free_port()
        self.redis_port = int(redis.rpartition(":")[2].partition("/")[0])
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.faults_settings",
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mail_port}",
            "CHORUS_VAR_DIR": folder,
            "OUTBOX_SWEEP_SECONDS": "2",
            "LOG_LEVEL": "CRITICAL",
            "C_FORCE_ROOT": "1",
            "PYTHONWARNINGS": "ignore",
            **dict.fromkeys(RATES, "100000/s"),
        }
        self.workers = []

    def run(self, *words):
        subprocess.run([sys.executable, *words], env=self.environment, cwd=ROOT, check=True)

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, "-m", *words], env=self.environment, cwd=ROOT, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def start_worker(self):
        self.workers.append(self.start("celery", "--quiet", "--app", "chorus", "worker", "--concurrency", "2"))

    def kill_worker(self):
        """SIGKILL to the oldest worker and its children; another takes its place."""
        kill(self.workers.pop(0))
        self.start_worker()

    def open_mail_server(self):
        self.controller = Controller(self.sink, hostname="127.0.0.1", port=self.mail_port)
        self.controller.start()

    @contextmanager
    def mail_server_away(self, *, hangs):
        """Nobody listens on its port, or somebody who never says a word, until the block ends."""
        self.controller.stop()
        with socket.create_server(("127.0.0.1", self.mail_port), backlog=100) if hangs else nullcontext():
            yield
        self.open_mail_server()

    def restart_postgres(self):
        with psycopg2.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW data_directory")
            data = Path(cursor.fetchone()[0])
        pid = (data / "postmaster.pid").read_text().split()[0]
        command = [Path(f"/proc/{pid}/exe").resolve().parent / "pg_ctl", "restart", "-w", "-m", "fast", "-D", data]
        as_user = ["runuser", "-u", UNPRIVILEGED, "--"] if os.geteuid() == 0 else []
        subprocess.run([*as_user, *command, "-l", data.parent / "log"], check=True, stdout=subprocess.DEVNULL, cwd=data)

    def stop_all(self):
        for worker in self.workers:
            kill(worker)
        self.controller.stop()

    def states(self):
        with psycopg2.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT state, count(*) FROM notifications_outgoingmail GROUP BY state")
            return dict(cursor.fetchall())

    def hurry(self):
        """The pauses between tries, shortened: what was postponed is due. Leases are left to run out."""
        with psycopg2.connect(self.database) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE notifications_outgoingmail SET next_try_at = now() WHERE state = 'waiting'")

    def start_redis(self):
        port = str(self.redis_port)
        self.redis = subprocess.Popen(
            [find_server(), "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        while not answers(self.redis_port):
            time.sleep(0.05)

    def stop_redis(self):
        self.redis.kill()
        self.redis.wait()

    def start_web(self):
        """As in production: chorus/gunicorn.py, two processes of four threads."""
        self.web_port = free_port()
        self.environment["WEB_BIND"] = f"127.0.0.1:{self.web_port}"
        self.web = self.start("gunicorn", "-c", "chorus/gunicorn.py", "chorus.wsgi")


def kill(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def stopped(pid):
    """A process that holds its sockets and does nothing, until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Report:
    """Counts, scene by scene, what became of the mails."""

    def __init__(self, house):
        self.house, self.failed = house, False
        print("| scene | mails | lost | doubled | allowed | seconds |\n| --- | ---: | ---: | ---: | ---: | ---: |")

    @contextmanager
    def scene(self, name, count, allowed=0):
        """Decides `count` mails, lets the block do its harm, then waits until nothing waits any more."""
        begun, slug = time.monotonic(), "".join(letter for letter in name.lower() if letter.isalnum())[:30]
        yield lambda: self.house.run("-c", WRITE, slug, str(count))
        limit = time.monotonic() + 120
        while (self.house.states().get("waiting") or 0) and time.monotonic() < limit:
            self.house.hurry()
            time.sleep(1)
        taken = Counter(mail["To"] for mail in self.house.sink.messages if mail["To"].startswith(f"{slug}-"))
        lost, doubled = count - len(taken), sum(taken.values()) - len(taken)
        self.failed |= lost > 0 or doubled > allowed
        print(f"| {name} | {count} | {lost} | {doubled} | {allowed} | {time.monotonic() - begun:.0f} |", flush=True)


def kill_senders(house, report):
    with report.scene(f"{KILLS} senders killed", MAILS, allowed=KILLS) as write:
        house.sink.delay = 0.15
        write()
        for _ in range(KILLS):
            time.sleep(2.5)
            house.kill_worker()
        house.sink.delay = 0


def refuse_and_hang_up(house, report):
    """Every tenth mail meets a fault at its first try, each in its turn."""
    faults, met = ["hangs up at RCPT", "421 at RCPT", "hangs up in DATA", "421 in DATA", "451 at RCPT"], {}

    def fault_of(address):
        number = int(address.partition("@")[0].rpartition("-")[2])
        if number % 10 == 3 and address not in met:
            met[address] = faults[number // 10 % len(faults)]
            return met[address]
        return None

    async def handle_rcpt(server, session, envelope, address, options):
        fault = fault_of(address)
        if fault == "hangs up at RCPT":
            server.transport.abort()
        if fault in ("421 at RCPT", "451 at RCPT"):
            return f"{fault[:3]} not now"
        envelope.rcpt_tos.append(address)
        session.fault = fault
        return "250 OK"

    async def handle_data(server, session, envelope):
        if session.fault == "hangs up in DATA":
            server.transport.abort()
            return "250 OK"
        if session.fault == "421 in DATA":
            return "421 closing"
        return await take(server, session, envelope)

    take = house.sink.handle_DATA
    with report.scene("hangs up, 421, 451 on one of ten", 100) as write:
        house.sink.handle_RCPT, house.sink.handle_DATA = handle_rcpt, handle_data
        write()
        time.sleep(5)
    del house.sink.handle_RCPT, house.sink.handle_DATA


def slow_answer(house, report):
    """The server has taken the mail long before it says so."""
    take = house.sink.handle_DATA

    async def handle_data(*args):
        answer = await take(*args)
        await asyncio.sleep(6)
        return answer

    with report.scene("takes a mail, says so after 6 s (commands wait 4, the message 8)", 4) as write:
        house.sink.handle_DATA = handle_data
        write()
        time.sleep(20)
    del house.sink.handle_DATA


def mail_server_away(house, report):
    for scene, hangs in (("mail server refuses connections", False), ("mail server never greets", True)):
        with report.scene(f"{scene} for 10 s", 50) as write, house.mail_server_away(hangs=hangs):
            write()
            time.sleep(10)


def redis_away(house, report):
    with report.scene("Redis hangs (SIGSTOP) for 10 s", 50) as write, stopped(house.redis.pid):
        write()
        time.sleep(10)
    with report.scene("Redis killed and started empty 5 s later", 50) as write:
        house.stop_redis()
        write()
        time.sleep(5)
        house.start_redis()


def restart_postgres(house, report):
    with report.scene("PostgreSQL restarted twice", 100) as write:
        house.sink.delay = 0.1
        write()
        for _ in range(2):
            time.sleep(2)
            house.restart_postgres()
        house.sink.delay = 0


def visitor(house, path):
    client = Client(house.web_port)
    client.ask("GET", path)
    # A kept connection would be closed on whoever waits for their turn.
    client.connection.close()
    return client


def log_in(house, number):
    client = visitor(house, "/connexion/")
    form = {"username": f"person{number}@faults.example", "password": PASSWORD}
    return lambda: client.ask("POST", "/connexion/", form)


def ask_reset(house, number):
    client = visitor(house, "/mot-de-passe/")
    return lambda: client.ask("POST", "/mot-de-passe/", {"email": f"person{number}@faults.example"})


def register(house, number):
    client = visitor(house, "/connexion/")
    from registration import captcha

    key = captcha.fresh().key
    answer, email = captcha.challenge(key)[1], f"new{time.monotonic_ns()}@faults.example"
    form = {
        "email": email, "email_again": email, "first_name": "Anne", "last_name": "Un", "terms": "on",
        "identifier_type": "siret", "identifier": SIRET, "captcha_key": key, "captcha_answer": answer,
    }  # fmt: skip
    return lambda: client.ask("POST", "/inscription/", form)


PAGES = [("login", log_in, 302), ("reset", ask_reset, 200), ("registration", register, 302)]


def pages(house, longest):
    """Worst seconds of each page with Redis up and hung, one request at a time and eight at once."""
    print("\n| page | Redis up: alone | eight at once | Redis hung: alone | eight at once |\n|" + " --- |" * 5)
    too_long = False
    for name, prepare, status in PAGES:
        times = []
        for hung in (False, True):
            for at_once in (1, 8):
                times.append(worst(house, prepare, status, at_once, hung))
        print(f"| {name} | {' | '.join(f'{seconds:.2f} s' for seconds in times)} |", flush=True)
        too_long |= times[2] - times[0] > longest or times[3] - times[1] > longest
    return too_long


def worst(house, prepare, status, at_once, hung):
    """Seconds of the longest of eight answers, once eight others have taught each web process that Redis answers."""
    time.sleep(4)
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda ask: ask(), [prepare(house, number + 8) for number in range(8)]))
    asks = [prepare(house, number) for number in range(8)]
    with ThreadPoolExecutor(at_once) as people, stopped(house.redis.pid) if hung else nullcontext():
        answers = list(people.map(lambda ask: ask(), asks))
    if {answer for answer, _ in answers} != {status}:
        raise SystemExit(f"{prepare.__name__}: answered {answers}")
    return max(seconds for _, seconds in answers)


SCENES = [kill_senders, refuse_and_hang_up, slow_answer, mail_server_away, redis_away, restart_postgres]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=["mails", "pages", *(scene.__name__ for scene in SCENES)])
    options = options.parse_args()
    # However it ends, the servers end too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as servers:
        folder = servers.enter_context(tempfile.TemporaryDirectory())
        database = servers.enter_context(running_postgres(DURABLE))
        port = free_port()
        house = House(database, f"redis://127.0.0.1:{port}/0", folder)
        servers.callback(house.stop_redis)
        house.start_redis()
        house.run("manage.py", "migrate", "--verbosity", "0")
        house.run("-m", "benchmarks.data", "1")
        house.run("-c", PEOPLE)
        failed = False
        if options.only != "pages":
            house.open_mail_server()
            servers.callback(house.stop_all)
            beat = house.start("celery", "--quiet", "--app", "chorus", "beat", "-s", f"{folder}/beat")
            servers.callback(kill, beat)
            for _ in range(2):
                house.start_worker()
            report = Report(house)
            for scene in SCENES:
                if options.only in (None, "mails", scene.__name__):
                    scene(house, report)
            failed = report.failed
        if options.only in (None, "pages"):
            house.start_web()
            os.environ |= house.environment
            import django

            django.setup()
            servers.callback(kill, house.web)
            wait_for(house.web_port)
            failed |= pages(house, longest=1)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
