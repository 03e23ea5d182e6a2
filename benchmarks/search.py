"""`python -m benchmarks.search --rows 1000000 5000000`: pages of the search beside their bare SQL.

Each page is asked of Django in process (all middleware, templates, session in PostgreSQL): milliseconds on the
clock, and of processor (this process and its PostgreSQL session), which a busy machine changes less. The bare SQL is
what the page's own search sent, replayed through psycopg2 in the same run; "plain" is the one statement somebody would
write at first, left to PostgreSQL's planner. The empty page is the search form without a search.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from benchmarks.directory import fill, start
from tests.servers import running_postgres, running_redis

STRUCTURES = 100_000
TIMES = 21  # each page of the table
CASES = {
    "*menuiserie*": {"legal_name": "*menuiserie*"},
    "menuiserie in Rennes": {"legal_name": "menuiserie", "city": "rennes"},
    "durand in 44": {"legal_name": "durand", "postcode": "44"},
    "sarl (very frequent)": {"legal_name": "sarl"},
    "*qxz* (nothing)": {"legal_name": "*qxz*"},
    "Paris": {"city": "paris"},
    "35000": {"postcode": "35000"},
    "*menuiserie* by city": {"legal_name": "*menuiserie*", "order": "ville"},
    "boulangerie as label, Lyon": {"label": "boulangerie", "city": "lyon"},
}
PLAIN = {
    "*menuiserie*": "legal_name_key LIKE '%MENUISERIE%'",
    "menuiserie in Rennes": "legal_name_key LIKE '%MENUISERIE%' AND city_key LIKE 'RENNES%'",
    "sarl (very frequent)": "legal_name_key LIKE '%SARL%'",
    "*qxz* (nothing)": "legal_name_key LIKE '%QXZ%'",
}


def clocks():
    """Milliseconds so far: on the clock, and of processor."""
    from django.db import connection

    processor = time.process_time() * 1000
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        scheduled = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
        processor += int(scheduled.split()[0]) / 1_000_000
    return time.perf_counter() * 1000, processor


def timed(call):
    """((milliseconds on the clock, of processor), what it answers)"""
    begun = clocks()
    answer = call()
    return [after - before for before, after in zip(begun, clocks(), strict=True)], answer


def in_turns(*calls):
    """Medians (on the clock, of processor) of each, called in turns: a slow moment of the machine falls on all."""
    taken = [[timed(call)[0] for call in calls] for _ in range(TIMES)]
    return [list(map(statistics.median, zip(*each, strict=True))) for each in zip(*taken, strict=True)]


def directory():
    """Its model, whatever app it is in: this file also measures code of before (see README)."""
    from django.apps import apps

    return next(model for model in apps.get_models() if model.__name__ == "DirectoryEntry")


def prepare(count, before):
    from django.db import connection

    from structures.models import Structure

    DirectoryEntry = directory()
    seconds = fill(DirectoryEntry, count - before, seed=1 + before)
    if not before and connection.vendor == "postgresql":
        names = [f.column for f in Structure._meta.fields if f.name in {g.name for g in DirectoryEntry._meta.fields}]
        columns = ", ".join(name for name in names if name != "id")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO structures_structure ({columns}, state, issues_invoices, receives_invoices, requirement,"
                f" uses_pigp, created_at) SELECT {columns}, 'active', true, false, 'none', false, now()"
                f" FROM {DirectoryEntry._meta.db_table} ORDER BY md5(identifier) LIMIT {STRUCTURES}"
            )
            # Of a commit that is not on disk yet, VACUUM marks no row as seen by all: walks would look at each.
            cursor.execute("CHECKPOINT")
            cursor.execute("VACUUM ANALYZE structures_structure")
    print(f"\n## {count:,} establishments ({seconds[0]:.0f} s of rows, {seconds[1]:.0f} s of indexes)\n", flush=True)


def person():
    from django.test import Client

    from accounts.models import User

    user = User.objects.filter(email="searcher@bench.example").first() or User.objects.create_user(
        "searcher@bench.example", "bench", first_name="Anne", last_name="Un", state=User.State.ACTIVE
    )
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return user, client


def replayed(statements):
    """The same statements through psycopg2, without Django."""
    from django.db import connection

    with closing(connection.connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()


def searched(user, fields):
    """What the page's search sends to the database, literally."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from structures.search import Criteria, find

    options = {name: fields[name] for name in ("order", "after") if name in fields}
    asked = {name: value for name, value in fields.items() if name not in options}
    with CaptureQueriesContext(connection) as captured:
        page = find(user, Criteria.typed(**asked), **options)
    kept = [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    return page, kept


def measure():
    from django.db import connection

    user, client = person()
    client.get("/structures/")
    head = ["search", "page", "rows", "ms", "processor ms", "bare SQL ms", "processor ms", "empty page ms",
            "processor ms", "statements", "ms ÷ (2 × bare + empty)", "plain ms"]  # fmt: skip
    print(f"| {' | '.join(head)} |\n| --- |{' ---: |' * (len(head) - 1)}", flush=True)
    for name, fields in CASES.items():
        wanted = dict(fields)
        for number in range(1, 51):
            if number in (1, 50):
                row(name, number, wanted, client, user)
            page, _ = searched(user, wanted)
            if not page.after:
                break
            wanted = fields | {"after": page.after}
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT identifier FROM {directory()._meta.db_table} WHERE NOT undisclosed LIMIT 1 OFFSET 777")
        siret = cursor.fetchone()[0]
    client.logout()
    form = {"identifier_type": "siret", "identifier": siret}
    selects = [
        f"SELECT * FROM {table} WHERE identifier = '{siret}' AND identifier_type = 'siret' LIMIT 1"
        for table in ("structures_structure", directory()._meta.db_table)
    ]
    taken = in_turns(
        lambda: client.post("/inscription/structure/", form),
        lambda: replayed(selects),
        lambda: client.post("/inscription/structure/", {}),
    )
    print(f"| SIRET prefill | 1 | 1 | {compared(*taken, 2)} | |", flush=True)
    client.force_login(user)
    sweep(client)


def compared(page, bare, empty, statements):
    figures = " | ".join(f"{figure:.1f}" for figure in (*page, *bare, *empty))
    return f"{figures} | {statements} | {page[0] / (2 * bare[0] + empty[0]):.2f}"


def row(name, number, fields, client, user):
    from django.db import connection

    if (answer := client.get("/structures/", fields)).status_code != 200:
        raise SystemExit(f"{name}: answered {answer.status_code}")
    page, statements = searched(user, fields)
    taken = in_turns(
        lambda: client.get("/structures/", fields), lambda: replayed(statements), lambda: client.get("/structures/")
    )
    plain = ""
    if number == 1 and name in PLAIN and connection.vendor == "postgresql":
        table = directory()._meta.db_table
        sql = f"SELECT * FROM {table} WHERE {PLAIN[name]} ORDER BY legal_name_key, id LIMIT 21"
        plain = f"{timed(lambda: replayed([sql]))[0][0]:.1f}"
    rows = f"{len(page.results)}{' †' if getattr(page, 'is_partial', False) else ''}"
    print(f"| {name} | {number} | {rows} | {compared(*taken, len(statements))} | {plain} |",
          flush=True)  # fmt: skip


def sweep(client, how_many=600):
    """First pages of three-letter patterns taken at random from the names themselves, each the best of three."""
    from django.db import connection

    some = "TABLESAMPLE system(0.2)" if connection.vendor == "postgresql" else "WHERE id % 100 = 0"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT legal_name_key FROM {directory()._meta.db_table} {some}")
        words = {word for (name,) in cursor.fetchall() for word in name.split() if word.isascii() and word.isalnum()}
    fragments = sorted({word[at : at + 3] for word in words for at in range(len(word) - 2)})
    random.Random(1).shuffle(fragments)
    taken, partial = [], []
    for fragment in fragments[:how_many]:
        fields = {"legal_name": f"*{fragment}*"}
        tries = [timed(lambda fields=fields: client.get("/structures/", fields)) for _ in range(3)]
        taken.append((fragment, *map(min, zip(*(figures for figures, _ in tries), strict=True))))
        if "Voici les premières réponses trouvées" in tries[-1][1].text:
            partial.append(fragment)
    print(
        f"\n| {len(taken)} patterns of three letters | median | 99th percentile | slowest | |\n| --- |{' ---: |' * 4}"
    )
    for column, what in ((1, "ms"), (2, "processor ms")):
        ordered = sorted(taken, key=lambda one: one[column])
        median, late = (ordered[len(ordered) * share // 100][column] for share in (50, 99))
        slowest = ", ".join(f"{one[0]} {one[column]:.0f}" for one in ordered[-3:])
        print(f"| {what} | {median:.1f} | {late:.1f} | {ordered[-1][column]:.1f} | {slowest} |")
    print(f"\nThe first found of more than can be sorted (†): {len(partial)} {' '.join(sorted(partial))}\n", flush=True)


def export(fragment):
    """In a process of its own: first byte, rows, seconds and peak memory of one CSV export."""
    _, client = person()
    client.get("/structures/")
    begun = time.perf_counter()
    chunks = iter(client.get("/structures/export.csv", {"legal_name": fragment}).streaming_content)
    next(chunks)  # the header
    lines = next(chunks).count(b"\r\n")
    first = time.perf_counter() - begun
    lines += sum(chunk.count(b"\r\n") for chunk in chunks)
    # getrusage would count the process this one was forked from.
    peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024
    print(f"export of *{fragment}*: {lines:,} rows, first row after {first * 1000:.0f} ms, "
          f"{time.perf_counter() - begun:.1f} s, peak {peak} MB", flush=True)  # fmt: skip


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    options.add_argument("--sqlite", action="store_true", help="on SQLite: --sqlite --rows 100000")
    options.add_argument("--export", help=argparse.SUPPRESS)
    options.add_argument("--database", help=argparse.SUPPRESS)
    options = options.parse_args()
    if options.export:
        start(options.database)
        export(options.export)
        return
    with ExitStack() as servers:
        folder = servers.enter_context(tempfile.TemporaryDirectory())
        os.environ["CHORUS_VAR_DIR"] = folder
        sqlite = f"sqlite:///{folder}/search.sqlite3"
        database = sqlite if options.sqlite else servers.enter_context(running_postgres())
        start(database, servers.enter_context(running_redis()))
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        before = 0
        for count in options.rows:
            prepare(count, before)
            measure()
            before = count
        for fragment in ("chevalier", "ier"):
            command = [sys.executable, "-m", "benchmarks.search", "--export", fragment, "--database", database]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
