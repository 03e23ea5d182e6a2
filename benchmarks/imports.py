"""`python -m benchmarks.imports --lines 100000 1000000`: the directory's import beside PostgreSQL's COPY.

The limit is COPY, in the same run, of the very rows the import leaves into a table like theirs without index.
Each import is the command in a process of its own, whose peak memory is what Linux says of it. PostgreSQL is
set as it is installed; with `--careless`, as for the tests, which spare it waiting for the disk.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg2

from benchmarks.establishments import COLUMNS, rows
from tests.servers import DURABLE, FAST, running_postgres

ROOT = Path(__file__).resolve().parent.parent
CLOSED = COLUMNS.index("closed_on")


def write_csv(path, count, changed=0):
    """`count` open establishments in the portal's format; `changed` of a hundred under another name."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS)
        for number, row in enumerate(rows(count)):
            row = list(row)
            row[CLOSED] = ""
            if number % 100 < changed:
                row[3] += " BIS"
            writer.writerow(row)


def write_rows(database, path):
    """The directory's rows as PostgreSQL writes them out; it is emptied."""
    with psycopg2.connect(database) as connection, connection.cursor() as cursor, open(path, "wb") as file:
        cursor.copy_expert("COPY directory_directoryentry TO STDOUT", file)
        cursor.execute("TRUNCATE directory_directoryentry RESTART IDENTITY")


def limit(database, path):
    """Median seconds of three COPYs of these rows into a table without index."""
    taken = []
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        for _ in range(3):
            cursor.execute("CREATE TABLE limit_ (LIKE directory_directoryentry)")
            with open(path, "rb") as file:
                begun = time.perf_counter()
                cursor.copy_expert("COPY limit_ FROM STDIN", file, 2**20)
                taken.append(time.perf_counter() - begun)
            cursor.execute("DROP TABLE limit_")
    return statistics.median(taken)


def run(*words):
    """(seconds, peak MB) of the command."""
    begun, peak = time.perf_counter(), 0
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen([sys.executable, "manage.py", *words], cwd=ROOT, stdout=nowhere, stderr=nowhere)
    # What the system says once it has ended would count this process too, of which it began as a copy.
    while process.poll() is None:
        marks = Path(f"/proc/{process.pid}/status").read_text()
        peak = int(re.search(r"VmHWM:\s+(\d+)", marks)[1]) // 1024 if "VmHWM" in marks else peak
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{words}: {process.returncode}")
    return time.perf_counter() - begun, peak


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lines", type=int, nargs="+", default=[100_000, 1_000_000])
    options.add_argument("--careless", action="store_true")
    options = options.parse_args()
    settings = FAST if options.careless else DURABLE
    print("| lines | what | seconds | lines/s | ÷ COPY's speed | peak MB |\n| ---: | --- | ---: | ---: | ---: | ---: |")
    for count in options.lines:
        with tempfile.TemporaryDirectory() as folder, running_postgres(settings) as database:
            os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "ERROR", "CHORUS_VAR_DIR": folder}
            run("migrate", "--verbosity", "0")
            same, changed, rows_left = (f"{folder}/{name}" for name in ("same.csv", "changed.csv", "rows"))
            write_csv(same, count)
            write_csv(changed, count, changed=1)
            run("import_directory", same)
            write_rows(database, rows_left)
            report(count, "COPY, no index (limit)", *[limit(database, rows_left)] * 2, "")
            start, _ = run("check")
            for what, path in (("first load", same), ("again, unchanged", same), ("1 % changed", changed)):
                before = limit(database, rows_left)
                seconds, peak = run("import_directory", path)
                # The machine's mood changes within a minute.
                report(count, what, seconds - start, (before + limit(database, rows_left)) / 2, peak)


def report(count, what, seconds, copied, peak):
    speed = f"{count / seconds:,.0f} | 1/{seconds / copied:.1f}"
    print(f"| {count:,} | {what} | {seconds:.1f} | {speed} | {peak} |", flush=True)


if __name__ == "__main__":
    main()
