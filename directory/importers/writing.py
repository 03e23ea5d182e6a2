"""What a slice of lines changes in the directory: found by one statement, then written."""

from django.db import connection
from django.db.models import Index
from django.utils import timezone

from directory.importers.kinds import IDENTIFIED
from directory.importers.reading import COLUMNS
from directory.models import DirectoryEntry

_TABLE = DirectoryEntry._meta.db_table
_WRITTEN = [name for name in COLUMNS if name not in ("line", "closes", *IDENTIFIED)]


def write(reading, first, last):
    """(created, updated, unchanged, closed ones nobody knows as (line, identifier)) of the lines of that slice.

    What a line does not say stays as it is known. To be called in a transaction.
    """
    given = {name: f"COALESCE(s.{name}, d.{name}, %s)" for name in _WRITTEN}
    defaults = {name: DirectoryEntry._meta.get_field(name).get_default() for name in _WRITTEN}
    # Closed on an unknown day: the day already known, else today.
    given["closed_on"] = f"CASE WHEN s.closes IS NULL THEN d.closed_on WHEN s.closes THEN {given['closed_on']} END"
    defaults["closed_on"] = timezone.localdate()
    shaped = ", ".join(f"{expression} AS {name}" for name, expression in given.items())
    differs = " OR ".join(f"d.{name} IS DISTINCT FROM {expression}" for name, expression in given.items())
    names = ", ".join([*IDENTIFIED, *_WRITTEN])
    with connection.cursor() as cursor:
        staged = _stage(cursor, reading, first, last)
        cursor.execute(
            "CREATE TEMPORARY TABLE directory_changes AS "
            f"SELECT d.id AS known, s.line, s.closes, s.identifier_type, s.identifier, {shaped} FROM directory_stage s "
            f"LEFT JOIN {_TABLE} d ON d.identifier = s.identifier AND d.identifier_type = s.identifier_type "
            f"WHERE d.id IS NULL OR {differs}",
            [*defaults.values(), *defaults.values()],
        )
        cursor.execute("SELECT line, identifier FROM directory_changes WHERE known IS NULL AND closes ORDER BY line")
        unknown = cursor.fetchall()
        changes = ", ".join(f"{name} = c.{name}" for name in _WRITTEN)
        cursor.execute(f"UPDATE {_TABLE} AS d SET {changes} FROM directory_changes c WHERE d.id = c.known")
        updated = cursor.rowcount
        cursor.execute(
            f"INSERT INTO {_TABLE} ({names}) SELECT {names} FROM directory_changes "
            "WHERE known IS NULL AND closes IS NOT TRUE"
        )
        created = cursor.rowcount
        cursor.execute("DROP TABLE directory_stage")
        cursor.execute("DROP TABLE directory_changes")
    return created, updated, staged - created - updated - len(unknown), unknown


def _stage(cursor, reading, first, last):
    """Put the lines of the slice into a table of this connection's own, which is never logged; how many."""
    columns = ", ".join({"line": "id AS line", "closes": "undisclosed AS closes"}.get(name, name) for name in COLUMNS)
    cursor.execute(f"CREATE TEMPORARY TABLE directory_stage AS SELECT {columns} FROM {_TABLE} WHERE 1 = 0")
    if connection.vendor == "postgresql":
        with reading.slice_file(first, last).open("rb") as file:
            cursor.copy_expert("COPY directory_stage FROM STDIN (FORMAT csv, NULL '\\N')", file, 2**20)
        staged = cursor.rowcount
        cursor.execute("ANALYZE directory_stage")
        return staged
    staged, marks = 0, ", ".join(["%s"] * len(COLUMNS))
    for rows in reading.slice_rows(first, last):
        cursor.executemany(f"INSERT INTO directory_stage VALUES ({marks})", rows)
        staged += len(rows)
    return staged


def missing_indexes():
    """What is indexed and has no index, uniqueness among it: an interrupted first load left them for the end."""
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, _TABLE)
    meta = DirectoryEntry._meta
    return [index for index in (*meta.constraints, *meta.indexes) if index.name not in there]


def drop_indexes():
    """Before a first load: they are built faster from the whole table than row by row."""
    if connection.vendor == "postgresql" and not DirectoryEntry.objects.exists() and not missing_indexes():
        with connection.schema_editor() as editor:
            for constraint in DirectoryEntry._meta.constraints:
                editor.remove_constraint(DirectoryEntry, constraint)
            for index in DirectoryEntry._meta.indexes:
                editor.remove_index(DirectoryEntry, index)


def restore_indexes(alive, *, changed):
    """Build what is missing, calling `alive()` before each; PostgreSQL only: elsewhere they are never dropped."""
    if connection.vendor != "postgresql":
        return
    missing = missing_indexes()
    if missing or changed:
        # The search reads indexes alone where no row has changed since.
        with connection.cursor() as cursor:
            cursor.execute(f"{'' if connection.in_atomic_block else 'VACUUM '}ANALYZE {_TABLE}")
    for index in missing:
        alive()
        with connection.schema_editor() as editor:
            editor.execute("SET LOCAL maintenance_work_mem = '256MB'")
            add = editor.add_index if isinstance(index, Index) else editor.add_constraint
            add(DirectoryEntry, index)
