"""`python -m benchmarks.transfer --structures 5 500`: that many structures handed over to one successor at once.

Beside it the same rows written by bare SQL, in one transaction: two updates, an insert for half of the structures
(where the successor was not attached), the spaces that the role gives, two entries of the history a structure, and
what is kept to undo it. Without the mails. In turns, `--rounds` (5) times, medians. PostgreSQL is set as it is
installed.
"""

import argparse
import itertools
import os
import tempfile
import time
from statistics import median

import psycopg2

from tests.servers import DURABLE, running_postgres

WHOSE = "WHERE id = ANY(%(keys)s)"
BARE = (
    f"SELECT id FROM structures_structure {WHOSE} ORDER BY id FOR UPDATE",
    "SELECT id FROM accounts_user WHERE id IN (%(here)s, %(there)s) ORDER BY id FOR UPDATE",
    "UPDATE attachments_attachment SET role = 'simple', role_since = now() WHERE user_id = %(here)s",
    "UPDATE attachments_attachment SET role = 'principal', role_since = now() WHERE user_id = %(there)s",
    "INSERT INTO spaces_subscription (reference, access, starts_on, comment, status, by_default, created_at,"
    " decided_at, decided_by_id, reason, space_id, structure_id, user_id)"
    " SELECT '', access, current_date, '', 'approved', true, now(), now(), %(here)s, '', p.id, s.id, %(there)s"
    " FROM structures_structure s CROSS JOIN spaces_space p"
    " CROSS JOIN (VALUES ('consultation'), ('modification')) AS a (access)"
    " WHERE s.id = ANY(%(keys)s) AND p.principal = 'default' AND (p.simple <> 'default' OR NOT EXISTS"
    " (SELECT 1 FROM attachments_attachment a WHERE a.structure_id = s.id AND a.user_id = %(there)s))",
    "INSERT INTO attachments_attachment"
    " (user_id, structure_id, role, role_since, created_at, whole_structure, starts_on)"
    f" SELECT %(there)s, id, 'principal', now(), now(), true, current_date FROM structures_structure s {WHOSE}"
    " AND NOT EXISTS"
    " (SELECT 1 FROM attachments_attachment a WHERE a.structure_id = s.id AND a.user_id = %(there)s)",
    *[
        "INSERT INTO history_historyentry (uid, created_at, event, actor_id, subject_id, structure_id, reference, data,"
        f" digest) SELECT gen_random_uuid(), now(), '{event}', %(here)s, {who}, id, '123456782',"
        ' \'{"model": "attachments.Attachment", "changes": {"role": ["principal", "simple"]}}\', repeat(\'0\', 64)'
        f" FROM structures_structure {WHOSE}"
        for event, who in (("principal_transferred", "%(here)s"), ("principal_designated", "%(there)s"))
    ],
    "INSERT INTO attachments_handover"
    " (reference, structure_id, outgoing_id, successor_id, role_before, place_before, takes_effect_on, named_by_id,"
    " named_at, status, done_at, reason) SELECT '123456782', id, %(here)s, %(there)s, '', '{}', current_date,"
    f" %(here)s, now(), 'done', now(), '' FROM structures_structure {WHOSE}",
)
identifiers = itertools.count()


def fill(count):
    """`count` more structures managed by the first of two people, half of them with the second one."""
    from attachments.models import Attachment
    from structures.models import Structure
    from tests.factories import UserFactory

    here, there = UserFactory(), UserFactory()
    structures = Structure.objects.bulk_create(
        Structure(identifier=f"{next(identifiers):014d}", nature="public", legal_name="Collège") for _ in range(count)
    )
    Attachment.objects.bulk_create(Attachment(user=here, structure=row, role="principal") for row in structures)
    Attachment.objects.bulk_create(Attachment(user=there, structure=row) for row in structures[::2])
    return here, there, {row.pk: there.pk for row in structures}


def ours(count):
    """(seconds, statements) of the action."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from attachments.actions import transfer_principal

    here, _there, successors = fill(count)
    begun = time.perf_counter()
    transfer_principal(successors, actor=here)
    taken = time.perf_counter() - begun
    here, _there, successors = fill(count)
    with CaptureQueriesContext(connection) as asked:
        transfer_principal(successors, actor=here)
    return taken, len(asked)


def bare(count, database):
    here, there, successors = fill(count)
    connection = psycopg2.connect(database)
    begun = time.perf_counter()
    with connection, connection.cursor() as cursor:
        for statement in BARE:
            cursor.execute(statement, {"here": here.pk, "there": there.pk, "keys": list(successors)})
    taken = time.perf_counter() - begun
    connection.close()
    return taken


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--structures", type=int, nargs="+", default=[5, 500])
    options.add_argument("--rounds", type=int, default=5)
    options = options.parse_args()
    print("| structures | statements | handed over, s | bare SQL, s | × |")
    print("| ---: | ---: | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory() as folder, running_postgres(DURABLE) as database:
        os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "ERROR", "CHORUS_VAR_DIR": folder}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chorus.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        ours(2)
        for count in options.structures:
            rounds = [(*ours(count), bare(count, database)) for _ in range(options.rounds)]
            taken, by_sql = median(row[0] for row in rounds), median(row[2] for row in rounds)
            print(f"| {count} | {rounds[0][1]} | {taken:.3f} | {by_sql:.3f} | {taken / by_sql:.1f} |", flush=True)


if __name__ == "__main__":
    main()
