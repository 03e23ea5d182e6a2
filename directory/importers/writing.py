"""What a slice of lines changes in the directory: found by one statement, then written."""

from django.db import connection
from django.db.models import Index
from django.utils import timezone

from directory.importers.reading import COLUMNS
from directory.models import DirectoryEntry

_TABLE = DirectoryEntry._meta.db_table
_KEYS_OF = {"legal_name": "legal_name_key", "label": "label_key", "city": "city_key"}


def write(reading, first, last):
    """(created, updated, unchanged, closed ones nobody knows as (line, identifier)) of the lines of that slice.

    To be called in a transaction, whose end the two tables it makes do not outlive by more than a slice.
    """
    told = [*reading.told, *(key for name, key in _KEYS_OF.items() if name in reading.told)]
    # Closed on an unknown day: the day already known, else today.
    day = f"COALESCE(s.closed_on, d.closed_on, '{timezone.localdate()}')"
    differs = " OR ".join(f"d.{name} IS DISTINCT FROM s.{name}" for name in told)
    with connection.cursor() as cursor:
        staged = _stage(cursor, reading, first, last)
        closing = f"CASE WHEN s.closes THEN {day} ELSE s.closed_on END"
        given = ", ".join(f"{closing} AS closed_on" if name == "closed_on" else f"s.{name}" for name in COLUMNS)
        cursor.execute(
            f"CREATE TEMPORARY TABLE directory_changes AS SELECT {given}, d.id AS known FROM directory_stage s "
            f"LEFT JOIN {_TABLE} d ON d.identifier = s.identifier AND d.identifier_type = s.identifier_type "
            f"WHERE d.id IS NULL OR CASE WHEN s.closes THEN d.closed_on IS DISTINCT FROM {day} ELSE {differs} END"
        )
        cursor.execute("SELECT line, identifier FROM directory_changes WHERE known IS NULL AND closes ORDER BY line")
        unknown = cursor.fetchall()
        updated = _update(cursor, ["closed_on"], "closes") + _update(cursor, told, "NOT closes")
        created = _insert(cursor, told)
        for table in ("directory_stage", "directory_changes"):
            cursor.execute(f"DROP TABLE {table}")
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


def _update(cursor, told, which):
    if "closed_on" not in told and which == "closes":
        return 0
    given = ", ".join(f"{name} = c.{name}" for name in told)
    cursor.execute(f"UPDATE {_TABLE} AS d SET {given} FROM directory_changes c WHERE d.id = c.known AND {which}")
    return cursor.rowcount


def _insert(cursor, told):
    # What a new row holds where its file says nothing.
    silent = {
        field.column: field.get_default() for field in DirectoryEntry._meta.concrete_fields if not field.primary_key
    }
    names = ["identifier_type", "identifier", *told]
    rest = [name for name in silent if name not in names]
    cursor.execute(
        f"INSERT INTO {_TABLE} ({', '.join([*names, *rest])}) "
        f"SELECT {', '.join([*names, *['%s'] * len(rest)])} FROM directory_changes WHERE known IS NULL AND NOT closes",
        [silent[name] for name in rest],
    )
    return cursor.rowcount


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
