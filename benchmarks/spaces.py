"""`python -m benchmarks.spaces --people 1000`: a space opened on a structure, all its requests decided at once; `can`.

Beside each the same by bare SQL, in turns, `--rounds` (5) times, medians: the rows the portal wrote are read, taken
back and written again through psycopg2 in one transaction, with as few statements as there can be; and each `can` asked
anew of somebody who asked nothing before, beside one statement that joins their line, their place and what is open.
PostgreSQL is set as it is installed.
"""

import argparse
import os
import random
import tempfile
import time
from statistics import median

import psycopg2
from psycopg2.extras import Json, execute_values

from tests.servers import DURABLE, running_postgres

ADDED = ("spaces_structurespace", "spaces_subscription", "history_historyentry", "notifications_outgoingmail")
PAGE = 10_000
DECIDED = """UPDATE spaces_subscription SET status = 'approved', decided_at = now(), decided_by_id = %s
    WHERE status = 'pending'"""
ASKED = """SELECT 1 FROM spaces_subscription line
    JOIN accounts_user person ON person.id = line.user_id AND person.state = 'active'
    JOIN structures_structure there ON there.id = line.structure_id AND there.state = 'active'
    JOIN spaces_space space ON space.id = line.space_id
    JOIN attachments_attachment place ON place.user_id = line.user_id AND place.structure_id = line.structure_id
        AND place.ended_at IS NULL AND place.starts_on <= current_date AND place.whole_structure
        AND (place.ends_on IS NULL OR place.ends_on >= current_date)
    WHERE line.user_id = %s AND line.structure_id = %s AND line.space_id = %s AND line.access = 'consultation'
        AND line.service_id IS NULL AND line.status = 'approved' AND line.starts_on <= current_date
        AND (space.is_free OR 'default' IN (space.principal, space.secondary, space.simple) OR EXISTS (
            SELECT 1 FROM spaces_structurespace opened WHERE opened.space_id = line.space_id
            AND opened.structure_id = line.structure_id AND opened.closed_at IS NULL))
        AND (NOT space.public_only OR there.nature = 'public')"""


def fill(count):
    """The structure and its manager, with `count` people besides."""
    from django.utils import timezone

    from accounts.models import User
    from attachments.models import Attachment
    from structures.models import Structure

    structure = Structure.objects.create(identifier=f"2000303510{count:04d}", nature="public", legal_name="Collège")
    people = User.objects.bulk_create(
        User(
            email=f"personne{number}.{count}@champoulant.example",
            first_name="Anne",
            last_name="Nom",
            reference=f"{count:04d}{number:05d}",
            password="!",
            state="active",
            activated_at=timezone.now(),
        )
        for number in range(count + 1)
    )
    Attachment.objects.bulk_create(
        Attachment(user=person, structure=structure, role="simple" if number else "principal", whole_structure=True)
        for number, person in enumerate(people)
    )
    return structure, people[0], people[1:]


def timed(act):
    """(seconds, statements, what it gave)"""
    from django.db import connection

    count = 0

    def counted(execute, *arguments):
        nonlocal count
        count += 1
        return execute(*arguments)

    begun = time.perf_counter()
    with connection.execute_wrapper(counted):
        result = act()
    return time.perf_counter() - begun, count, result


def rows_since(cursor, known):
    """What was added to each table after its row `known`: (columns, rows)."""
    added = {}
    for table in ADDED:
        cursor.execute(f"SELECT * FROM {table} WHERE id > %s ORDER BY id", [known[table]])
        columns = [column.name for column in cursor.description]
        rows = [[Json(value) if isinstance(value, dict) else value for value in row] for row in cursor.fetchall()]
        added[table] = columns, rows
    return added


def take_back(database, known, *, undo=""):
    connection = psycopg2.connect(database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        added = rows_since(cursor, known)
        for table in reversed(ADDED):
            cursor.execute(f"DELETE FROM {table} WHERE id > %s", [known[table]])
        if undo:
            cursor.execute(undo)
        for table in ADDED:
            cursor.execute(f"VACUUM ANALYZE {table}")
    connection.close()
    return added


def last_rows(database):
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        known = {}
        for table in ADDED:
            cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
            known[table] = cursor.fetchone()[0]
        return known


def bare(database, added, update=None):
    """Seconds of writing the same rows."""
    connection = psycopg2.connect(database)
    begun = time.perf_counter()
    with connection, connection.cursor() as cursor:
        if update:
            cursor.execute(*update)
        for table, (columns, values) in added.items():
            if values:
                named = ", ".join(f'"{column}"' for column in columns)
                execute_values(cursor, f"INSERT INTO {table} ({named}) VALUES %s", values, page_size=PAGE)
    taken = time.perf_counter() - begun
    connection.close()
    return taken


def mails_only(rows, manager):
    """Seconds of making the same mails, and nothing else."""
    from django.db import transaction

    from spaces.emails import send_subscriptions_decided

    with transaction.atomic():
        begun = time.perf_counter()
        send_subscriptions_decided(rows, by=manager)
        taken = time.perf_counter() - begun
        transaction.set_rollback(True)
    return taken


def opening_and_deciding(database, count, rounds):
    from spaces.actions import approve, open_space
    from spaces.models import Space, Subscription

    structure, manager, _people = fill(count)
    space = Space.objects.get(code="engagements")
    times = {name: [] for name in ("open", "bare open", "decide", "mails", "bare decide")}
    for _ in range(rounds + 1):
        before = last_rows(database)
        taken, opened, _rows = timed(lambda: open_space(structure.pk, space.pk, actor=manager))
        times["open"].append(taken)
        added = take_back(database, before)
        times["bare open"].append(bare(database, added))
        between = last_rows(database)
        keys = list(Subscription.objects.pending().values_list("pk", flat=True))
        taken, decided, result = timed(lambda keys=keys: approve(keys, actor=manager))
        times["decide"].append(taken)
        if len(result.done) != count + 1:
            raise SystemExit(result.skipped[:3])
        times["mails"].append(mails_only(result.done, manager))
        undo = "UPDATE spaces_subscription SET status = 'pending', decided_at = NULL, decided_by_id = NULL WHERE id > "
        undo += str(before["spaces_subscription"])
        added = take_back(database, between, undo=undo)
        times["bare decide"].append(bare(database, added, (DECIDED, [manager.pk])))
        take_back(database, before)
    # The first round reads templates and opens the connection.
    of = {name: median(taken[1:]) for name, taken in times.items()}
    print(
        f"| {count} | {opened} | {of['open']:.3f} | {of['bare open']:.3f} | {of['open'] / of['bare open']:.1f} "
        f"| {decided} | {of['decide']:.3f} | {of['mails']:.3f} | {of['bare decide']:.3f} "
        f"| {of['decide'] / of['bare decide']:.1f} | {(of['decide'] - of['mails']) / of['bare decide']:.1f} |",
        flush=True,
    )


def asking(database, count, rounds):
    """`can`, asked `count` times, each of somebody who asked nothing before."""
    from django.utils import timezone

    from accounts.models import User
    from attachments.models import Attachment
    from spaces.models import Space, StructureSpace, Subscription
    from spaces.permissions import can
    from structures.models import Structure

    structures = Structure.objects.bulk_create(
        Structure(identifier=f"3{number:013d}", nature="public", legal_name=f"Collège {number}")
        for number in range(200)
    )
    people, spaces = list(User.objects.order_by("pk")[:200]), list(Space.objects.all())
    drawn = random.Random(15)
    for structure in structures:
        there = drawn.sample(people, min(20, len(people)))
        Attachment.objects.bulk_create(
            Attachment(user=person, structure=structure, role="simple", whole_structure=True) for person in there
        )
        opened = [space for space in spaces if not space.is_open_everywhere and drawn.random() < 0.5]
        StructureSpace.objects.bulk_create(StructureSpace(structure=structure, space=space) for space in opened)
        Subscription.objects.bulk_create(
            Subscription(
                user=person, structure=structure, space=space, access="consultation", status="approved",
                starts_on=timezone.localdate(), by_default=True,
            )
            for person in there
            for space in spaces
            if drawn.random() < 0.5
        )  # fmt: skip
    asked = [(drawn.choice(people), drawn.choice(spaces), drawn.choice(structures)) for _ in range(count)]
    # Each person read anew, as another request would; and each once, as one request that asks much of few.
    print(f"\n| `can`, {count} times | statements | yes | each | bare SQL | × |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    times = {"asked anew each time": ([], []), "200 people, each read once": ([], [])}
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("ANALYZE")
        for _ in range(rounds + 1):
            for name, (ours, theirs) in times.items():
                once = {person.pk: User.objects.get(pk=person.pk) for person in people}
                users = [
                    once[person.pk] if "once" in name else User.objects.get(pk=person.pk) for person, *_rest in asked
                ]
                questions = [(user, space, there) for user, (_person, space, there) in zip(users, asked, strict=True)]
                taken, statements, answers = timed(lambda questions=questions: [bool(can(*one)) for one in questions])
                ours.append((taken, statements, sum(answers)))
                begun = time.perf_counter()
                found = []
                for person, space, there in asked:
                    cursor.execute(ASKED, [person.pk, there.pk, space.pk])
                    found.append(cursor.fetchone() is not None)
                theirs.append(time.perf_counter() - begun)
                if found != answers:
                    raise SystemExit("can and bare SQL do not agree")
    connection.close()
    for name, (ours, theirs) in times.items():
        (_taken, statements, yes), mine = ours[0], median(taken for taken, *_rest in ours[1:])
        floor = median(theirs[1:])
        each, bare_each = (f"{1000 * taken / count:.2f} ms" for taken in (mine, floor))
        print(f"| {name} | {statements} | {yes} | {each} | {bare_each} | {mine / floor:.1f} |", flush=True)
    everywhere(spaces)


def everywhere(spaces):
    """`can` of somebody of 1,000 structures, asked of every space of each: seconds and memory of the one statement."""
    import tracemalloc

    from django.utils import timezone

    from accounts.models import User
    from attachments.models import Attachment
    from spaces.models import Subscription
    from spaces.permissions import can
    from structures.models import Structure

    person = User.objects.create_user("partout@champoulant.example", state="active")
    structures = Structure.objects.bulk_create(
        Structure(identifier=f"4{number:013d}", nature="public", legal_name=f"Lycée {number}") for number in range(1000)
    )
    Attachment.objects.bulk_create(Attachment(user=person, structure=there, role="simple") for there in structures)
    Subscription.objects.bulk_create(
        Subscription(
            user=person, structure=there, space=space, access=access, status="approved", starts_on=timezone.localdate()
        )
        for there in structures
        for space in spaces[:6]
        for access in ("consultation", "modification")
    )  # fmt: skip
    taken, statements, _answer = timed(lambda: can(person, spaces[0], structures[0]))
    then, _none, _answers = timed(lambda: [can(person, space, there) for there in structures for space in spaces])
    again = User.objects.get(pk=person.pk)
    tracemalloc.start()
    can(again, spaces[0], structures[0])
    kept, _peak = tracemalloc.get_traced_memory()
    print(
        f"\nOf 1,000 structures and 12,000 lines: {statements} statement, {taken:.3f} s, {kept / 2**20:.1f} MB kept; "
        f"then {len(spaces) * 1000} answers in {then:.3f} s"
    )


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, nargs="+", default=[5, 1000])
    options.add_argument("--asked", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    print("| people | statements | opened, s | bare SQL, s | × | statements | decided, s | of which mails |", end="")
    print(" bare SQL, s | × | without mails × |")
    print(f"|{' ---: |' * 11}", flush=True)
    with tempfile.TemporaryDirectory() as folder, running_postgres(DURABLE) as database:
        os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "ERROR", "CHORUS_VAR_DIR": folder}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chorus.settings")
        import django

        django.setup()
        from django.core.management import call_command
        from django.test.utils import override_settings

        with override_settings(DEBUG=False):
            call_command("migrate", verbosity=0)
            with psycopg2.connect(database) as connection, connection.cursor() as cursor:
                # The history is never taken back, but here, between two rounds.
                cursor.execute("ALTER TABLE history_historyentry DISABLE TRIGGER USER")
            for count in options.people:
                opening_and_deciding(database, count, options.rounds)
            asking(database, options.asked, options.rounds)


if __name__ == "__main__":
    main()
