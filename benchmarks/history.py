"""`python -m benchmarks.history --entries 1000000`: `verify_history` beside one plain read of the table.

PostgreSQL is set as it is installed. Entries are recorded in bulk by the portal's own action, then sealed; the plain
read takes all columns through psycopg2 and a cursor of the server, before and after. `verify_history` runs in a process
of its own: its peak memory is what Linux says of it. Then one line is changed by hand, and has to be named.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from tests.servers import DURABLE, running_postgres

ROOT = Path(__file__).resolve().parent.parent
# What its owner types who wants to change a line, and is refused until the trigger is off.
BY_HAND = (
    "UPDATE history_historyentry SET data = jsonb_set(data, '{values,role}', '\"principal\"') WHERE id = %s",
    "ALTER TABLE history_historyentry DISABLE TRIGGER append_only",
)


def fill(count):
    """In the process that sees the database: see `main`."""
    from accounts.models import User
    from history.actions import record_all, seal_entries
    from history.models import Event
    from structures.models import Structure

    numbers = range(1000)
    structures = Structure.objects.bulk_create(
        Structure(identifier=f"{n:014d}", nature="public", legal_name=f"Structure {n}") for n in numbers
    )
    users = User.objects.bulk_create(
        User(email=f"u{n}@exemple.example", first_name="Anne", last_name=f"Nom {n}", password="!", reference=f"{n:09d}")
        for n in numbers
    )
    values = {"role": "simple", "whole_structure": False, "starts_on": "2026-09-01", "ends_on": None}
    begun = time.perf_counter()
    for first in range(0, count, 5000):
        lot = (
            {
                "subject": users[n % 1000],
                "structure": structures[n // 7 % 1000],
                "reference": f"{n:09d}",
                "model": "attachments.Attachment",
                "values": values,
                "services": [f"Service {n % 30} (SERVICE_{n % 30})"],
            }
            for n in range(first, min(first + 5000, count))
        )
        record_all(Event.REQUEST_APPROVED, lot, actor=users[first // 5000 % 1000])
    recorded = time.perf_counter()
    seal_entries(everything=True)
    print(f"{recorded - begun:.1f} {time.perf_counter() - recorded:.1f}")


def run(*words):
    """(exit code, seconds, peak MB, what it said) of a process of the portal."""
    begun, peak = time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    while process.poll() is None:
        marks = Path(f"/proc/{process.pid}/status").read_text()
        peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", marks)[1]) // 1024) if "VmHWM" in marks else peak
        time.sleep(0.2)
    return process.returncode, time.perf_counter() - begun, peak, process.stdout.read().decode()


def plain_read(database):
    """Seconds to read every column of every line."""
    with psycopg2.connect(database) as connection, connection.cursor("plain") as cursor:
        begun = time.perf_counter()
        cursor.itersize = 2000
        cursor.execute("SELECT * FROM history_historyentry ORDER BY id")
        for _ in cursor:
            pass
        return time.perf_counter() - begun


def alter(database, statement, *values):
    connection = psycopg2.connect(database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=1_000_000)
    count = options.parse_args().entries
    with tempfile.TemporaryDirectory() as folder, running_postgres(DURABLE) as database:
        os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "CRITICAL", "CHORUS_VAR_DIR": folder}
        code, _, _, said = run("-m", "benchmarks.history", "fill", str(count))
        if code:
            raise SystemExit(said)
        print(f"{count:,} entries: seconds to record and to seal: {said.strip()}", flush=True)
        alter(database, "VACUUM ANALYZE")
        first = plain_read(database)
        code, taken, peak, said = run("manage.py", "verify_history")
        reads = sorted([first, plain_read(database)])
        print(f"plain read {reads[0]:.1f} to {reads[1]:.1f} s; verify_history {taken:.1f} s", flush=True)
        print(f"= {taken / (sum(reads) / 2):.1f} × the plain read; peak {peak} MB; exit code {code}", flush=True)
        try:
            alter(database, BY_HAND[0], count // 2)
        except psycopg2.errors.RestrictViolation as refusal:
            print(f"by hand: {str(refusal).splitlines()[0]}", flush=True)
        alter(database, BY_HAND[1])
        alter(database, BY_HAND[0], count // 2)
        code, taken, peak, said = run("manage.py", "verify_history")
        print(f"changed by hand, trigger off: exit code {code}, {taken:.1f} s, {peak} MB\n{said}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        import django

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chorus.settings")
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        fill(int(sys.argv[2]))
    else:
        main()
