"""CSV files for spreadsheets: `;`, UTF-8 with its mark, written while they are being sent."""

import csv
import io
from itertools import islice

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

# A spreadsheet computes a cell that begins with one of these, whatever it was told to do.
_COMPUTED = ("=", "+", "-", "@", "\t", "\r")
_ROWS_AT_ONCE = 500


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


def stream_csv(filename, header, rows):
    """A download named `filename`, with flat memory whatever the number of rows."""
    response = StreamingHttpResponse(csv_chunks(header, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response
