"""Lists as files: CSV, which programs read (`;`, UTF-8 with its mark, CRLF), and spreadsheets, which people open."""

import csv
import io
import time
import uuid
from collections.abc import Callable
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from django.core.cache import cache
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import register_converter
from django.utils.formats import date_format
from django.utils.http import content_disposition_header
from xlsxwriter import Workbook

from plumbing.breaker import redis_breaker

# A spreadsheet computes a cell that begins with one of these, whatever it was told to do.
_COMPUTED = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_ROWS_AT_ONCE = 500
# A spreadsheet is made before it is sent: that of a longer list would take too much memory, and too long.
MOST_ROWS = 10_000
_WIDEST, _NARROWEST = 50, 10
# Seconds after which a download nobody reads no longer keeps its person from starting another one.
LEASE = 180


def guarded(cell):
    """`cell` as a spreadsheet shows it instead of computing it: text gets a leading apostrophe. Days are French."""
    if isinstance(cell, date):
        return date_format(cell, "d/m/Y")
    return f"'{cell}" if isinstance(cell, str) and _is_computed(cell) else cell


def _is_computed(text):
    return text.lstrip("' \n\N{NO-BREAK SPACE}").startswith(_COMPUTED)


def unguarded(text):
    """What `guarded` was given."""
    return text[1:] if text[:1] == "'" and _is_computed(text) else text


def csv_chunks(header, rows):
    """The file, bytes by bytes; `rows` is any iterable of rows and is read as the file is sent."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";")
    buffer.write("\ufeff")
    writer.writerow(header)
    rows = iter(rows)
    while text := buffer.getvalue():
        yield text.encode()
        buffer.seek(0)
        buffer.truncate()
        writer.writerows([guarded(cell) for cell in row] for row in islice(rows, _ROWS_AT_ONCE))


class Column(NamedTuple):
    """A column of a list that is exported: its title, and what it says of a row (text, a number or a date)."""

    title: str
    value: Callable[[Any], Any]


class FileKind:
    """In an address, the file that is wanted: <kind:kind>."""

    regex = "csv|xlsx"

    def to_python(self, text):
        return text

    to_url = to_python


register_converter(FileKind, "kind")


def download(request, kind, name, columns, rows):
    """The `rows` of a list as the file `name`.csv or `name`.xlsx (`kind`), the same `columns` in both."""
    header = [column.title for column in columns]
    lines = ([column.value(row) for column in columns] for row in rows)
    if kind == "csv":
        return stream_csv(request, f"{name}.csv", header, lines)
    return _spreadsheet(request, f"{name}.xlsx", header, lines)


def stream_csv(request, filename, header, rows):
    """A download named `filename`, with flat memory whatever the number of rows: see `stream`."""
    return stream(request, filename, "text/csv; charset=utf-8", csv_chunks(header, rows))


def stream(request, filename, content_type, chunks):
    """A download named `filename`, of what the generator `chunks` makes while it is sent.

    One at a time per person: while another of theirs is being sent, a page that says so (429).
    """
    lease = _lease_of(request)
    if not lease.acquire():
        return _under_way(request)
    response = StreamingHttpResponse(_Leased(chunks, lease), content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response


def _spreadsheet(request, filename, header, rows):
    lease = _lease_of(request)
    if not lease.acquire():
        return _under_way(request)
    try:
        taken = list(islice(rows, MOST_ROWS + 1))
        if len(taken) > MOST_ROWS:
            csv_address = request.get_full_path().replace(".xlsx", ".csv", 1)
            return render(request, "export_too_long.html", {"most": MOST_ROWS, "csv_address": csv_address}, status=422)
        content = spreadsheet(header, taken)
    finally:
        lease.release()
    response = HttpResponse(content, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response


def spreadsheet(header, rows):
    """The bytes of an .xlsx file. Text stays text, identifiers included: nothing in it is computed."""
    file = io.BytesIO()
    with Workbook(file, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), len(header) - 1)
        for place, title in enumerate(header):
            longest = max((len(str(row[place])) for row in rows if row[place] is not None), default=0)
            sheet.set_column(place, place, min(max(longest, len(title) + 3, _NARROWEST), _WIDEST))
        for number, row in enumerate([header, *rows]):
            for place, cell in enumerate(row):
                if isinstance(cell, date):
                    sheet.write_datetime(number, place, cell, day)
                elif isinstance(cell, int):
                    sheet.write_number(number, place, cell)
                elif cell:
                    sheet.write_string(number, place, cell, bold if not number else None)
    return file.getvalue()


def _lease_of(request):
    return Lease(f"export:{request.user.pk}")


def _under_way(request):
    refusal = render(request, "export_under_way.html", status=429)
    refusal["Retry-After"] = LEASE
    return refusal


class Lease:
    """A lock in the cache that ends by itself `LEASE` seconds after its last renewal.

    It serves all processes. While Redis is away nobody is kept out (fail open).
    """

    def __init__(self, key):
        self.key, self.token = key, uuid.uuid4().hex

    def acquire(self):
        """Whether nobody else holds it."""
        self.renewed = time.monotonic()
        return bool(redis_breaker.call(cache.add, self.key, self.token, LEASE, otherwise=True))

    def renew(self):
        """Keep it, or take it again when it ended unnoticed. Costs nothing most of the time."""
        if time.monotonic() - self.renewed > LEASE / 4:
            self.renewed = time.monotonic()
            if redis_breaker.call(cache.get, self.key, self.token) == self.token:
                redis_breaker.call(cache.set, self.key, self.token, LEASE)

    def release(self):
        if redis_breaker.call(cache.get, self.key) == self.token:
            redis_breaker.call(cache.delete, self.key)


class _Leased:
    """`chunks`, under a lease until the last is sent or the server closes them, as it does when the client is gone."""

    def __init__(self, chunks, lease):
        self.chunks, self.lease = chunks, lease

    def __iter__(self):
        return self

    def __next__(self):
        self.lease.renew()
        return next(self.chunks)

    def close(self):
        self.chunks.close()
        self.lease.release()
