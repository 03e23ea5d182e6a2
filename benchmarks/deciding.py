"""`python -m benchmarks.deciding --requests 500`: that many requests of one structure approved at once.

Beside it the very same rows written by bare SQL, in one transaction with as few statements as there can be: what the
approval wrote is read, taken back, and written again through psycopg2. In turns, `--rounds` (5) times, medians. Half of
the people are newcomers, whose accounts are let in. PostgreSQL is set as it is installed.
"""

import argparse
import os
import tempfile
import time
from statistics import median

import psycopg2
from psycopg2.extras import Json, execute_values

from tests.servers import DURABLE, running_postgres

# What an approval adds to; and what it changes.
ADDED = ("attachments_attachment", "history_historyentry", "notifications_outgoingmail")
PAGE = 10_000


def fill(count):
    """The structure, its manager and the requests; their keys."""
    from django.utils import timezone

    from accounts.models import User
    from attachments.models import Attachment, AttachmentRequest
    from plumbing.references import new_reference
    from structures.models import Structure

    structure = Structure.objects.create(identifier="20003035100015", nature="public", legal_name="Collège")
    people = User.objects.bulk_create(
        User(
            email=f"personne{number}@champoulant.example",
            first_name="Anne",
            last_name="Nom",
            reference=f"{number:09d}",
            password="!",
            state="pending" if number % 2 else "active",
            activated_at=None if number % 2 else timezone.now(),
        )
        for number in range(count + 1)
    )
    manager = people.pop()
    Attachment.objects.create(user=manager, structure=structure, role="principal")
    requests = AttachmentRequest.objects.bulk_create(
        AttachmentRequest(user=person, structure=structure, reference=new_reference()) for person in people
    )
    return manager, [request.pk for request in requests]


def approve(manager, keys):
    """(seconds, statements) of the approval."""
    from django.db import connection

    from attachments.actions import approve_requests

    count = 0

    def counted(execute, *arguments):
        nonlocal count
        count += 1
        return execute(*arguments)

    begun = time.perf_counter()
    with connection.execute_wrapper(counted):
        result = approve_requests(keys, actor=manager)
    taken = time.perf_counter() - begun
    if len(result.done) != len(keys):
        raise SystemExit(result.skipped[:3])
    return taken, count


def marks(cursor):
    """The last key of each of these tables: what is written later lies behind it."""
    last = {}
    for table in ADDED:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
        last[table] = cursor.fetchone()[0]
    return last


def written(cursor, since):
    """The rows the approval added, by table: (columns, rows)."""
    rows = {}
    for table in ADDED:
        cursor.execute(f"SELECT * FROM {table} WHERE id > %s ORDER BY id", [since[table]])
        columns = [column.name for column in cursor.description]
        rows[table] = (
            columns,
            [[Json(value) if isinstance(value, dict) else value for value in row] for row in cursor.fetchall()],
        )
    return rows


def take_back(database, since, keys, newcomers):
    connection = psycopg2.connect(database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        rows = written(cursor, since)
        for table in ADDED:
            cursor.execute(f"DELETE FROM {table} WHERE id > %s", [since[table]])
        cursor.execute(
            "UPDATE attachments_attachmentrequest SET status = 'pending', decided_at = NULL, decided_by_id = NULL"
            " WHERE id = ANY(%s)",
            [keys],
        )
        cursor.execute("UPDATE accounts_user SET state = 'pending' WHERE id = ANY(%s)", [newcomers])
        for table in (*ADDED, "attachments_attachmentrequest", "accounts_user"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    connection.close()
    return rows


def bare(database, rows, manager, keys, newcomers):
    """(seconds, statements) of writing the same rows."""
    connection = psycopg2.connect(database)
    begun = time.perf_counter()
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE attachments_attachmentrequest SET status = 'approved', decided_at = now(), decided_by_id = %s"
            " WHERE id = ANY(%s)",
            [manager.pk, keys],
        )
        cursor.execute("UPDATE accounts_user SET state = 'activating' WHERE id = ANY(%s)", [newcomers])
        for table, (columns, values) in rows.items():
            named = ", ".join(f'"{column}"' for column in columns)
            execute_values(cursor, f"INSERT INTO {table} ({named}) VALUES %s", values, page_size=PAGE)
    taken = time.perf_counter() - begun
    connection.close()
    return taken, 2 + len(rows)


def mails_only(keys, manager):
    """Seconds of making the same mails, and nothing else: what is theirs of the time."""
    from django.db import transaction

    from accounts import emails as account_emails
    from attachments import emails
    from attachments.models import Attachment, AttachmentRequest

    requests = list(AttachmentRequest.objects.filter(pk__in=keys).select_related("user", "structure"))
    people, structure = [request.user_id for request in requests], requests[0].structure
    held = Attachment.objects.filter(structure=structure, user__in=people).prefetch_related("services")
    places = {place.user_id: place for place in held}
    for request in requests:
        request.attachment = places[request.user_id]
    newcomers = {request.user: request.reference for request in requests if not request.user.was_ever_active}
    with transaction.atomic():
        begun = time.perf_counter()
        emails.send_requests_approved(requests)
        account_emails.send_activations(newcomers)
        taken = time.perf_counter() - begun
        transaction.set_rollback(True)
    return taken


HEADINGS = (
    "| requests | statements | approved, s | of which mails | same rows by bare SQL, s | × | without mails × |\n"
    "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def compare(database, manager, keys, rounds):
    """The line of the table: these requests, which wait, approved again and again."""
    from django.db import connection
    from django.test.utils import override_settings

    from accounts.models import User
    from history import append_only

    # What the approval wrote is taken back; none of these triggers stands in the way of writing.
    append_only.remove(connection)
    with connection.cursor() as cursor:
        since = marks(cursor)
    newcomers = list(User.objects.filter(state="pending", attachment_requests__in=keys).values_list("pk", flat=True))
    ours, theirs, mails = [], [], []
    with override_settings(DEBUG=False):
        for _ in range(rounds + 1):
            taken, statements = approve(manager, keys)
            ours.append(taken)
            mails.append(mails_only(keys, manager))
            rows = take_back(database, since, keys, newcomers)
            theirs.append(bare(database, rows, manager, keys, newcomers)[0])
            take_back(database, since, keys, newcomers)
    append_only.install(connection)
    # The first round reads templates and opens the connection.
    all_of_it, of_mails, floor = (median(times[1:]) for times in (ours, mails, theirs))
    outbox = len(rows["notifications_outgoingmail"][1])
    return (
        f"| {len(keys)} | {statements} | {all_of_it:.2f} | {of_mails:.2f} ({outbox} mails) | {floor:.3f}"
        f" | {all_of_it / floor:.1f} | {(all_of_it - of_mails) / floor:.1f} |"
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, nargs="+", default=[5, 500])
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    print(HEADINGS, flush=True)
    with tempfile.TemporaryDirectory() as folder, running_postgres(DURABLE) as database:
        os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "ERROR", "CHORUS_VAR_DIR": folder}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chorus.settings")
        import django

        django.setup()
        from django.core.management import call_command
        from django.db import connection

        from history import append_only

        call_command("migrate", verbosity=0)
        for count in options.requests:
            append_only.remove(connection)
            call_command("flush", verbosity=0, interactive=False)
            append_only.install(connection)
            print(compare(database, *fill(count), options.rounds), flush=True)


if __name__ == "__main__":
    main()
