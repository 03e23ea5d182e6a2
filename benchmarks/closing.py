"""`python -m benchmarks.closing --accounts 100000 1000000`: the night's closing and anonymising beside one bare UPDATE.

One account in `--share` (20) is due to be closed (a mail each), the others to be anonymised; a fourth of all hold a
place, asked for another, have a document and were written to once. The deed runs in a process of its own, killed half
way and begun again; its peak memory is what Linux says of it. PostgreSQL is set as it is installed.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from tests.servers import DURABLE, running_postgres

ROOT = Path(__file__).resolve().parent.parent
# What the deed changes of an account, in one statement of PostgreSQL's own; and how many it has done.
DEEDS = {
    "close_overdue": (
        "UPDATE accounts_user SET state = 'closed', closed_at = now(), link_version = link_version + 1"
        " WHERE state = 'disabled'",
        "SELECT count(*) FROM accounts_user WHERE closed_at > now() - interval '1 day'",
    ),
    "anonymise_closed": (
        "UPDATE accounts_user SET email = 'clos-' || reference || '@invalide.invalid', first_name = '', last_name = '',"
        " phone = '', anonymised_at = now(), link_version = link_version + 1"
        " WHERE state = 'closed' AND closed_at < now() - interval '1 day'",
        "SELECT count(*) FROM accounts_user WHERE anonymised_at IS NOT NULL",
    ),
}
TWICE = "SELECT count(*) - count(DISTINCT user_id) FROM notifications_outgoingmail WHERE slug = 'account_closed'"


def fill(count, share):
    """In the process that sees the database: see `main`."""
    from datetime import timedelta

    from django.utils import timezone

    from accounts.models import User
    from attachments.models import Attachment, AttachmentRequest
    from documents.models import SupportingDocument, new_key
    from notifications.models import OutgoingMail
    from structures.models import Structure

    now = timezone.now()
    structures = [Structure(identifier=f"{n:014d}", nature="public", legal_name=f"Structure {n}") for n in range(1000)]
    Structure.objects.bulk_create(structures)
    for first in range(0, count, 5000):
        numbers = range(first, min(first + 5000, count))
        users = User.objects.bulk_create(
            _account(User, number, number % share == 0, now, timedelta) for number in numbers
        )
        some = users[::4]
        Attachment.objects.bulk_create(
            Attachment(user=user, structure=structures[user.pk % 1000], ended_at=user.closed_at) for user in some
        )
        AttachmentRequest.objects.bulk_create(
            AttachmentRequest(
                user=user,
                structure=structures[user.pk % 999],
                reference=user.reference,
                comment="Bonjour",
                status="withdrawn" if user.closed_at else "pending",
            )
            for user in some
        )
        SupportingDocument.objects.bulk_create(
            SupportingDocument(owner=user, designation="Arrêté", type="other", file=new_key(), original_name="a.pdf",
                               size=1, content_type="application/pdf", sha256="", state="ready")
            for user in some
        )  # fmt: skip
        OutgoingMail.objects.bulk_create(
            OutgoingMail(slug="activation", to=user.email, user=user, subject="Activez", state="sent") for user in some
        )


def _account(model, number, closing, now, timedelta):
    return model(
        email=f"personne{number}@exemple.example",
        first_name="Anne",
        last_name="Nom",
        phone="+33299000001",
        reference=f"{number:09d}",
        password="!",
        activated_at=now,
        state="disabled" if closing else "closed",
        deactivated_at=now - timedelta(days=70),
        closed_at=None if closing else now - timedelta(days=400),
    )


def do(deed):
    """Run the deed; prints how many statements its batches took."""
    from django.db import connection

    from accounts.actions import endings

    counts, act = [], getattr(endings, "_close" if deed == "close_overdue" else "_anonymise")

    def count(execute, *arguments):
        counts[-1] += 1
        return execute(*arguments)

    def counted(ids, due):
        counts.append(0)
        with connection.execute_wrapper(count):
            act(ids, due)

    counted.__name__ = act.__name__
    setattr(endings, act.__name__, counted)
    getattr(endings, deed)()
    print(json.dumps(counts))


def run(*words, database="", half=None):
    """(seconds, peak MB, what it printed) of a process, killed once `half` (a statement, a number) is done."""
    begun, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.closing", *words], cwd=ROOT, stdout=subprocess.PIPE)
    while process.poll() is None:
        marks = Path(f"/proc/{process.pid}/status").read_text()
        peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", marks)[1]) // 1024) if "VmHWM" in marks else peak
        if half and ask(database, half[0]) >= half[1]:
            os.kill(process.pid, signal.SIGKILL)
        time.sleep(0.5)
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"{words}: {process.returncode}")
    return time.perf_counter() - begun, peak, process.stdout.read()


def ask(database, statement):
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def bare(database, statement):
    """Seconds of the statement, which leaves nothing behind."""
    connection = psycopg2.connect(database)
    with connection.cursor() as cursor:
        begun = time.perf_counter()
        cursor.execute(statement)
        taken, rows = time.perf_counter() - begun, cursor.rowcount
    connection.rollback()
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE accounts_user")
    connection.close()
    return taken, rows


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, nargs="+", default=[100_000, 1_000_000])
    options.add_argument("--share", type=int, default=20)
    options = options.parse_args()
    print("| accounts | what | done | s | ms each | bare UPDATE, s | × | peak MB | statements a batch |", flush=True)
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |", flush=True)
    for count in options.accounts:
        with tempfile.TemporaryDirectory() as folder, running_postgres(DURABLE) as database:
            os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "ERROR", "CHORUS_VAR_DIR": folder}
            run("fill", str(count), str(options.share))
            for deed, (update, done) in DEEDS.items():
                floor, rows = bare(database, update)
                killed, first_peak, _ = run("do", deed, database=database, half=(done, rows // 2))
                kept = ask(database, done)
                rest, second_peak, printed = run("do", deed)
                left = rows - ask(database, done)
                counts = json.loads(printed)
                taken = killed + rest
                print(
                    f"| {count:,} | {deed}, killed at {kept:,} | {rows - left:,} of {rows:,} | {taken:.0f}"
                    f" | {taken / rows * 1000:.2f} | {floor:.1f} | {taken / floor:.0f}"
                    f" | {max(first_peak, second_peak)} | {min(counts, default=0)}–{max(counts, default=0)} |",
                    flush=True,
                )
            print(f"mails written twice: {ask(database, TWICE)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] in (["fill"], ["do"]):
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chorus.settings")
        django.setup()
        if sys.argv[1] == "fill":
            from django.core.management import call_command

            call_command("migrate", verbosity=0)
            fill(*map(int, sys.argv[2:4]))
        else:
            do(sys.argv[2])
    else:
        main()
