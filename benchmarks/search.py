"""`python -m benchmarks.search --rows 1000000 5000000`: pages of the search beside their bare SQL.

Each page is asked of Django in process (all middleware, templates, session in PostgreSQL): its server
time. The bare SQL is what the page's own search sent, replayed through psycopg2 in the same run; "plain"
is the one statement somebody would write at first, left to PostgreSQL's planner. The empty page is the
search form without a search.
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


def milliseconds(call, times=7):
    """(median milliseconds, last answer)"""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        answer = call()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken), answer


def prepare(count, before):
    from django.db import connection

    from directory.models import DirectoryEntry
    from structures.models import Structure

    seconds = fill(DirectoryEntry, count - before, seed=1 + before)
    if not before and connection.vendor == "postgresql":
        names = [f.column for f in Structure._meta.fields if f.name in {g.name for g in DirectoryEntry._meta.fields}]
        columns = ", ".join(name for name in names if name != "id")
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO structures_structure ({columns}, state, issues_invoices, receives_invoices, requirement,"
                f" uses_pigp, created_at) SELECT {columns}, 'active', true, false, 'none', false, now()"
                f" FROM directory_directoryentry ORDER BY random() LIMIT {STRUCTURES}"
            )
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
    head = ["search", "page", "rows", "server ms", "bare SQL ms", "empty page ms", "statements", "÷ (2 × bare + empty)",
            "plain ms"]  # fmt: skip
    print(f"| {' | '.join(head)} |\n| --- |{' ---: |' * 8}", flush=True)
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
        cursor.execute("SELECT identifier FROM directory_directoryentry WHERE NOT undisclosed LIMIT 1 OFFSET 777")
        siret = cursor.fetchone()[0]
    client.logout()
    form = {"identifier_type": "siret", "identifier": siret}
    selects = [
        f"SELECT * FROM {table} WHERE identifier = '{siret}' AND identifier_type = 'siret' LIMIT 1"
        for table in ("structures_structure", "directory_directoryentry")
    ]
    prefill, bare, nothing = in_turns(
        lambda: client.post("/inscription/structure/", form),
        lambda: replayed(selects),
        lambda: client.post("/inscription/structure/", {}),
    )
    print(f"| SIRET prefill | 1 | 1 | {ratios(prefill, bare, nothing, 2)} | |", flush=True)
    client.force_login(user)
    sweep(client)


def in_turns(*calls, times=41):
    """Median milliseconds of each, called in turns: a slow moment of the machine falls on all of them."""
    taken = [[milliseconds(call, 1)[0] for call in calls] for _ in range(times)]
    return [statistics.median(each) for each in zip(*taken, strict=True)]


def ratios(server, bare, empty, statements):
    return f"{server:.1f} | {bare:.1f} | {empty:.1f} | {statements} | {server / (2 * bare + empty):.2f}"


def row(name, number, fields, client, user):
    from django.db import connection

    if (answer := client.get("/structures/", fields)).status_code != 200:
        raise SystemExit(f"{name}: answered {answer.status_code}")
    page, statements = searched(user, fields)
    server, bare, empty = in_turns(
        lambda: client.get("/structures/", fields), lambda: replayed(statements), lambda: client.get("/structures/")
    )
    plain = ""
    if number == 1 and name in PLAIN and connection.vendor == "postgresql":
        sql = f"SELECT * FROM directory_directoryentry WHERE {PLAIN[name]} ORDER BY legal_name_key, id LIMIT 21"
        plain = f"{milliseconds(lambda: replayed([sql]), 1)[0]:.1f}"
    rows = f"{len(page.results)}{', the first found' if page.is_partial else ''}"
    print(f"| {name} | {number} | {rows} | {ratios(server, bare, empty, len(statements))} | {plain} |",
          flush=True)  # fmt: skip


def sweep(client, how_many=600):
    """First pages of three-letter patterns taken at random from the names themselves."""
    from django.db import connection

    some = "TABLESAMPLE system(0.2)" if connection.vendor == "postgresql" else "WHERE id % 100 = 0"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT legal_name_key FROM directory_directoryentry {some}")
        words = {word for (name,) in cursor.fetchall() for word in name.split() if word.isascii() and word.isalnum()}
    fragments = sorted({word[at : at + 3] for word in words for at in range(len(word) - 2)})
    random.Random(1).shuffle(fragments)
    taken, partial = [], []
    for fragment in fragments[:how_many]:
        fields = {"legal_name": f"*{fragment}*"}
        best = min(milliseconds(lambda fields=fields: client.get("/structures/", fields), 1)[0] for _ in range(3))
        taken.append((round(best, 1), fragment))
        if "Voici les premières réponses trouvées" in client.get("/structures/", fields).text:
            partial.append(fragment)
    taken.sort()
    times = [milliseconds for milliseconds, _ in taken]
    print(f"\n{len(times)} patterns of three letters: median {statistics.median(times):.1f} ms, 99th percentile "
          f"{times[len(times) * 99 // 100]:.1f} ms, slowest {taken[-3:]}; the first found of more than can be sorted: "
          f"{len(partial)} ({' '.join(partial)})", flush=True)  # fmt: skip


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
