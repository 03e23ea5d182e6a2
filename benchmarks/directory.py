"""A PostgreSQL (or SQLite) with a directory of N establishments, and one person to search it."""

import csv
import io
import os
import time
from itertools import islice

import django
from django.db import connection

from benchmarks.establishments import COLUMNS, rows
from plumbing.text import search_key

STORED = [*COLUMNS[:-1], "legal_name_key", "label_key", "city_key"]
NAME, LABEL, CITY, UNDISCLOSED = (COLUMNS.index(name) for name in ("legal_name", "label", "city", "undisclosed"))


def start(database, redis=None):
    """Point Django at `database`, with its tables."""
    os.environ |= {"DATABASE_URL": database, "LOG_LEVEL": "ERROR", "PREFILL_RATE": "1000000/s"}
    os.environ |= {"REDIS_URL": redis} if redis else {}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chorus.settings")
    django.setup()


def stored(count, seed):
    """The generator's rows as the table holds them."""
    for row in rows(count, seed):
        flag = "t" if row[UNDISCLOSED] else "f"
        keys = (search_key(row[NAME]), search_key(row[LABEL]), search_key(row[CITY]))
        yield (*row[:UNDISCLOSED], flag, *keys)


def fill(model, count, *, seed=1):
    """Add `count` rows to the directory and build its indexes anew; seconds taken by (rows, indexes)."""
    begun = time.perf_counter()
    lines = stored(count, seed)
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.remove_index(model, index)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET maintenance_work_mem = '512MB'")
            while chunk := list(islice(lines, 50_000)):
                buffer = io.StringIO()
                csv.writer(buffer).writerows(chunk)
                buffer.seek(0)
                table = f"{model._meta.db_table} ({', '.join(STORED)})"
                cursor.copy_expert(
                    f"COPY {table} FROM STDIN (FORMAT csv, FORCE_NOT_NULL ({', '.join(STORED)}))", buffer
                )
    else:
        while chunk := list(islice(lines, 5_000)):
            made = [dict(zip(STORED, row, strict=True)) | {"undisclosed": row[UNDISCLOSED] == "t"} for row in chunk]
            model.objects.bulk_create([model(**values) for values in made])
    filled = time.perf_counter()
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.add_index(model, index)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return filled - begun, time.perf_counter() - filled
