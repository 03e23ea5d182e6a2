"""CSV files for spreadsheets: `;`, UTF-8 with its mark, written while they are being sent."""

import csv
import io
import time
import uuid
from itertools import islice

from django.core.cache import cache
from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header

from plumbing.breaker import redis_breaker

# A spreadsheet computes a cell that begins with one of these, whatever it was told to do.
_COMPUTED = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 500
# Seconds after which a download nobody reads no longer keeps its person from starting another one.
LEASE = 180


def guarded(cell):
    """`cell` as a spreadsheet shows it instead of computing it: text gets a leading apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip("'").startswith(_COMPUTED) else cell


def unguarded(text):
    """What `guarded` was given."""
    return text[1:] if text[:1] == "'" and text.lstrip("'").startswith(_COMPUTED) else text


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


def stream_csv(request, filename, header, rows):
    """A download named `filename`, with flat memory whatever the number of rows.

    One at a time per person: while another of theirs is being sent, a page that says so (429).
    """
    lease = Lease(f"csv-export:{request.user.pk}")
    if not lease.acquire():
        refusal = render(request, "export_under_way.html", status=429)
        refusal["Retry-After"] = LEASE
        return refusal
    chunks = _Leased(csv_chunks(header, rows), lease)
    response = StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response


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
