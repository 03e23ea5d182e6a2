"""Writing a batch: only what differs from the database is written.

A batch of which the database knows nothing is copied into it. Any other goes to a temporary table
first; what the database says already is taken out of it, and the rest inserted or updated in one
statement.
"""

import io
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from django.apps import apps
from django.db import connection
from django.utils import timezone

from directory.importers.batches import CLOSED
from directory.models import DirectoryEntry

SIGN_OF_LIFE = 60  # seconds: building one index takes longer
STAGE, CLOSING = "directory_stage", "directory_closing"
# What a new row holds where its file says nothing.
_UNTOLD = {"country": "'France'", "undisclosed": "false", "closed_on": "NULL"}


class Table:
    """The table a layout fills; made once per run, on the connection that writes."""

    def __init__(self, layout):
        self.model = apps.get_model("directory", layout.model_name)
        self.name = self.model._meta.db_table
        self.told = list(layout.told)
        self.keys = ["siren"] if layout.model_name == "LegalUnit" else ["identifier", "identifier_type"]
        # What a row its file says nothing of holds at first.
        self.untold = {
            f.column: _UNTOLD.get(f.column, "''")
            for f in self.model._meta.concrete_fields
            if f.column not in self.told and f.column != "id"
        }
        self.was_empty = not self.model.objects.exists()
        # Until a batch meets a row that is there: the database refuses it.
        self.may_be_new = self.was_empty and not self.untold
        with connection.cursor() as cursor:
            for table, columns in ((STAGE, self.told), (CLOSING, ["identifier_type", "identifier", "closed_on"])):
                cursor.execute(f"DROP TABLE IF EXISTS {table}")
                source = self.name if table == STAGE else DirectoryEntry._meta.db_table
                cursor.execute(
                    f"CREATE TEMPORARY TABLE {table} AS SELECT {', '.join(columns)} FROM {source} WHERE 1 = 0"
                )

    def write(self, batch):
        """(created, updated, unchanged) rows; closed establishments nobody knows join `batch.rejected`."""
        there = len(batch.there)
        with connection.cursor() as cursor:
            same = self._write(cursor, batch.rows, there)
            closed, still = self._close(cursor, batch)
        return len(batch.rows) - there, there - same + closed, same + len(batch.unchanged) + still

    def _write(self, cursor, rows, there):
        """How many of `rows`, of which `there` are in the table, change nothing in it."""
        if not there and not self.untold:
            _fill(cursor, self.name, self.told, rows.values())
            return 0
        same = 0
        _fill(cursor, STAGE, self.told, rows.values())
        if there:
            cursor.execute(self._renew_digests())
            cursor.execute(self._drop_unchanged())
            same = cursor.rowcount
        if same < len(rows):
            cursor.execute(self._upsert())
        cursor.execute(_emptying(STAGE))
        return same

    def digests(self, keys):
        """The line digests of those of `keys` that are in the table."""
        return {digest for (digest,) in self._of(keys, "line_digest") if digest is not None}

    def known(self, keys):
        """Those of `keys` that are in the table."""
        return {key for (key,) in self._of(keys, " || '\t' || ".join(reversed(self.keys)))} & keys

    def _of(self, keys, column):
        if not keys:
            return []
        if connection.vendor == "postgresql":
            # One text is sent and parsed in half the time of twenty thousand; no row is identified by a type.
            asked, params = "= ANY(string_to_array(%s, '\t'))", ["\t".join(keys)]
        else:
            params = [key.rpartition("\t")[2] for key in keys]
            asked = f"IN ({', '.join(['%s'] * len(params))})"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {column} FROM {self.name} WHERE {self.keys[0]} {asked}", params)
            return cursor.fetchall()

    def _same_key(self):
        return " AND ".join(f"d.{key} = s.{key}" for key in self.keys)

    def _same(self):
        """The same key, and nothing told differs."""
        equals = "IS NOT DISTINCT FROM" if connection.vendor == "postgresql" else "IS"
        columns = [column for column in self.told if column not in (*self.keys, "line_digest")]
        return " AND ".join([self._same_key(), *(f"d.{column} {equals} s.{column}" for column in columns)])

    def _renew_digests(self):
        """Another line says the same: next time it is the one that is known."""
        return (
            f"UPDATE {self.name} AS d SET line_digest = s.line_digest FROM {STAGE} s "
            f"WHERE {self._same()} AND (d.line_digest IS NULL OR d.line_digest <> s.line_digest)"
        )

    def _drop_unchanged(self):
        if connection.vendor == "postgresql":
            return f"DELETE FROM {STAGE} s USING {self.name} d WHERE {self._same()}"
        return f"DELETE FROM {STAGE} AS s WHERE EXISTS (SELECT 1 FROM {self.name} d WHERE {self._same()})"

    def _upsert(self):
        columns = ", ".join([*self.told, *self.untold])
        values = ", ".join([*self.told, *self.untold.values()])
        changed = ", ".join(f"{column} = excluded.{column}" for column in self.told if column not in self.keys)
        return (
            f"INSERT INTO {self.name} ({columns}) SELECT {values} FROM {STAGE} WHERE true "
            f"ON CONFLICT ({', '.join(self.keys)}) DO UPDATE SET {changed}"
        )

    def _close(self, cursor, batch):
        """(establishments closed by this batch, those known to be closed)"""
        if not batch.closings:
            return 0, 0
        lines = [f"{key}\t{day or chr(92) + 'N'}" for key, (_, day) in batch.closings.items()]
        _fill(cursor, CLOSING, ["identifier_type", "identifier", "closed_on"], lines)
        cursor.execute(
            f"SELECT s.identifier_type, s.identifier FROM {CLOSING} s LEFT JOIN {self.name} d ON {self._same_key()} "
            "WHERE d.id IS NULL"
        )
        unknown = {"\t".join(key) for key in cursor.fetchall()}
        for key in unknown:
            batch.reject(batch.closings[key][0], key.rpartition("\t")[2], CLOSED)
        # Closed on an unknown day: the day already known, else today.
        day, differs = f"COALESCE(s.closed_on, d.closed_on, '{timezone.localdate()}')", "IS DISTINCT FROM"
        if connection.vendor != "postgresql":
            differs = "IS NOT"
        cursor.execute(
            f"UPDATE {self.name} AS d SET closed_on = {day}, line_digest = NULL FROM {CLOSING} s "
            f"WHERE {self._same_key()} AND d.closed_on {differs} {day}"
        )
        closed = cursor.rowcount
        cursor.execute(_emptying(CLOSING))
        return closed, len(batch.closings) - len(unknown) - closed


def _fill(cursor, table, columns, lines):
    """Put `lines`, as COPY writes them, into `table`. Raises IntegrityError for a row that is there already."""
    names = ", ".join(columns)
    with connection.wrap_database_errors:
        if connection.vendor == "postgresql":
            text = io.StringIO("\n".join(lines) + "\n" if lines else "")
            # In large pieces: each waits for Python to be free, of which the next batch is being read.
            cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN", text, 2**22)
            return
        marks = ", ".join("?" * len(columns))
        rows = [[_cell(name, cell) for name, cell in zip(columns, line.split("\t"), strict=True)] for line in lines]
        connection.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)


def _cell(column, text):
    if text == "\\N":
        return None
    if column == "undisclosed":
        return text == "t"
    return text.replace("\\\\", "\\")


def _emptying(table):
    return f"{'TRUNCATE' if connection.vendor == 'postgresql' else 'DELETE FROM'} {table}"


def may_be_lost():
    """Have the transaction committed without waiting for the disk: a machine that dies may lose it, whole."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")


def missing_indexes():
    """The directory's indexes that are not there: an interrupted first load left them for the end."""
    with connection.cursor() as cursor:
        there = connection.introspection.get_constraints(cursor, DirectoryEntry._meta.db_table)
    return [index for index in DirectoryEntry._meta.indexes if index.name not in there]


def drop_indexes():
    """Before a first load: they are built faster from the whole table than row by row."""
    if connection.vendor == "postgresql" and not DirectoryEntry.objects.exists():
        missing = {index.name for index in missing_indexes()}
        with connection.schema_editor() as editor:
            for index in DirectoryEntry._meta.indexes:
                if index.name not in missing:
                    editor.remove_index(DirectoryEntry, index)


def restore_indexes(alive, *, changed):
    """Build what is missing; `alive()` is called now and then. PostgreSQL only: elsewhere they are never dropped."""
    if connection.vendor != "postgresql":
        return
    missing = missing_indexes()
    if missing or changed:
        # Before the indexes, whose building is then spared looking up which rows are committed; and the search
        # reads indexes alone where no row has changed since.
        with connection.cursor() as cursor:
            vacuum = "" if connection.in_atomic_block else "VACUUM "
            cursor.execute(f"{vacuum}ANALYZE {DirectoryEntry._meta.db_table}")
    if connection.in_atomic_block:
        # Another connection would wait for this transaction.
        for index in missing:
            _build(index)
            alive()
    else:
        _build_at_once(missing, alive)


def _build_at_once(indexes, alive):
    """Two at a time, each by one process of PostgreSQL, take a third less than one by several."""
    waiting = deque(indexes)
    with ThreadPoolExecutor(2) as threads:
        coming = {threads.submit(_build_apart, waiting) for _ in range(2)}
        try:
            while coming:
                done, coming = wait(coming, timeout=SIGN_OF_LIFE, return_when=FIRST_COMPLETED)
                alive()
                for builder in done:
                    builder.result()
        finally:
            # After an error, no other is begun.
            waiting.clear()


def _build(index):
    with connection.schema_editor() as editor:
        editor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        editor.execute("SET LOCAL synchronous_commit = off")
        editor.execute("SET LOCAL max_parallel_maintenance_workers = 0")
        editor.add_index(DirectoryEntry, index)


def _build_apart(waiting):
    """By a thread, whose connection is its own."""
    try:
        while index := _next(waiting):
            _build(index)
    finally:
        connection.close()


def _next(waiting):
    """The first of what waits, None when the other thread took the last."""
    try:
        return waiting.popleft()
    except IndexError:
        return None
