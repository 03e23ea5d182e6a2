"""`python -m benchmarks.people`: the manager's pages among 200,000 people and a million places.

One structure has 1,000 people and 500 requests waiting, its neighbour 50 people. Pages are asked of Django in process
(all middleware, session in PostgreSQL) by the principal manager of both. « Bare » is what the page sent to PostgreSQL,
replayed through psycopg2; the page, its bare SQL and the session floor are asked in turns.

Then the 500 requests are approved at once, beside the same rows written by bare SQL (`benchmarks.deciding`); and, in a
database of its own, `verify_history` reads a million entries (`benchmarks.history`).
"""

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack

from benchmarks.deciding import HEADINGS, compare
from benchmarks.directory import start
from benchmarks.search import in_turns, replayed
from tests.servers import running_postgres, running_redis

STRUCTURES = 20_000
LARGE, SMALL, WAITING = 1_000, 50, 500
PAGES = [
    ("« Activités du gestionnaire »", "/activites/"),
    ("requests, 50 of 500", "/demandes/"),
    ("requests, last page", "/demandes/?page=10"),
    ("people, 50 of 50", "/structures/{small}/personnes/"),
    ("people, 50 of 1,000", "/structures/{large}/personnes/"),
    ("people of 1,000, by name", "/structures/{large}/personnes/?q=nom+77"),
    ("people of 1,000, last page", "/structures/{large}/personnes/?page=20"),
    ("one person", "/structures/{large}/personnes/{place}/"),
    ("« Rechercher utilisateur », all mine", "/personnes/"),
    ("« Rechercher utilisateur », a name", "/personnes/?last_name=nom+77"),
    ("history of the structure", "/structures/{large}/historique/"),
    ("home", "/"),
]


def fill(people, places):
    """The principal manager, and the keys of the large and the small structure."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from attachments.actions import approve_requests
    from attachments.models import Attachment, AttachmentRequest
    from plumbing.references import new_reference
    from structures.models import Structure

    Structure.objects.bulk_create(
        (Structure(identifier=f"{n:014d}", nature="public", legal_name=f"Structure {n}") for n in range(STRUCTURES)),
        batch_size=5000,
    )
    User.objects.bulk_create(
        (
            User(email=f"p{n}@exemple.example", first_name="Anne", last_name=f"Nom {n}", password="!", state="active",
                 reference=f"{n:09d}", activated_at=timezone.now())
            for n in range(people)
        ),
        batch_size=5000,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id) FROM accounts_user")
        first_user = cursor.fetchone()[0]
        cursor.execute("SELECT min(id) FROM structures_structure")
        first_structure = cursor.fetchone()[0]
    large, small = first_structure, first_structure + 1
    manager = User.objects.create_user(
        "manager@bench.example",
        "bench",
        first_name="Claire",
        last_name="Un",
        state="active",
        activated_at=timezone.now(),
    )
    Attachment.objects.bulk_create(
        [Attachment(user=manager, structure_id=key, role="principal") for key in (large, small)]
        + [Attachment(user_id=first_user + n, structure_id=large) for n in range(LARGE - 1)]
        + [Attachment(user_id=first_user + LARGE + n, structure_id=small) for n in range(SMALL - 1)]
    )
    # Everybody in as many structures as it takes, never twice in one.
    each = places // people
    Attachment.objects.bulk_create(
        (
            Attachment(
                user_id=first_user + n, structure_id=first_structure + 2 + (n * 7 + turn * 37) % (STRUCTURES - 2)
            )
            for n in range(people)
            for turn in range(each)
        ),
        batch_size=5000,
    )
    AttachmentRequest.objects.bulk_create(
        AttachmentRequest(user_id=first_user + 5_000 + n, structure_id=large, reference=new_reference())
        for n in range(2 * WAITING)
    )
    # Half of them decided, so that the history has something to show.
    decided = AttachmentRequest.objects.order_by("pk").values_list("pk", flat=True)[:WAITING]
    approve_requests(list(decided), actor=manager)
    Attachment.objects.filter(structure=large).exclude(user=manager).filter(user__gte=first_user + 5_000).delete()
    # Half of those who wait are newcomers, whose accounts are let in.
    waiting = range(first_user + 5_000 + WAITING, first_user + 5_000 + 2 * WAITING, 2)
    User.objects.filter(pk__in=waiting).update(state="pending", activated_at=None)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return manager, large, small


def sent_by(client, path):
    """What a page sends to the database, literally."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        answer = client.get(path)
    if answer.status_code != 200:
        raise SystemExit(f"{path}: answered {answer.status_code}")
    return [query["sql"] for query in captured if query["sql"].startswith("SELECT")]


def measure(manager, large, small):
    from django.test import Client

    from attachments.models import Attachment

    client = Client(SERVER_NAME="localhost")
    client.force_login(manager)
    place = Attachment.objects.filter(structure=large).exclude(user=manager).first()
    print("| page | ms | × session | bare SQL ms | page ÷ bare | statements |\n| --- |" + " ---: |" * 5, flush=True)
    for name, pattern in PAGES:
        path = pattern.format(large=large, small=small, place=place.pk)
        client.get(path)
        statements = sent_by(client, path)
        taken = in_turns(
            lambda: client.get(path),  # noqa: B023
            lambda: replayed(statements),  # noqa: B023
            lambda: client.get("/floor/session/"),
        )
        page, bare, session = (clock for clock, _processor in taken)
        print(
            f"| {name} | {page:.1f} | {page / session:.1f} | {bare:.1f} | {page / bare:.1f} | {len(statements)} |",
            flush=True,
        )


def approve_all(database, manager, large, rounds):
    from attachments.models import AttachmentRequest

    waiting = AttachmentRequest.objects.pending().filter(structure=large).order_by("pk")
    print("\n" + HEADINGS, flush=True)
    for count in (5, WAITING):
        print(compare(database, manager, list(waiting.values_list("pk", flat=True)[:count]), rounds), flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=200_000)
    options.add_argument("--places", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=5, help="of the approval")
    options.add_argument("--entries", type=int, default=1_000_000, help="of the history")
    options = options.parse_args()
    outside = os.environ.copy()
    with ExitStack() as servers:
        os.environ["CHORUS_VAR_DIR"] = servers.enter_context(tempfile.TemporaryDirectory())
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        database = servers.enter_context(running_postgres())
        start(database, servers.enter_context(running_redis()))
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        manager, large, small = fill(options.people, options.places)
        measure(manager, large, small)
        approve_all(database, manager, large, options.rounds)
    print(flush=True)
    words = [sys.executable, "-m", "benchmarks.history", "--entries", str(options.entries)]
    subprocess.run(words, env=outside, check=True)


if __name__ == "__main__":
    main()
