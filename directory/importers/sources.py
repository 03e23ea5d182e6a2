"""A file as people have it, a chunk at a time as what DuckDB reads: a relation of `line`, `broken` and `c0`, `c1`…

A file of lines is decoded and cut into records here: DuckDB knows neither two encodings in one file nor the number
of a line it took. It comes plain, gzipped or zipped, in UTF-8 or Windows-1252, parted by `;`, `,` or tabs.
"""

import codecs
import csv
import gzip
import hashlib
import io
import os
import shutil
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice

import duckdb

from directory.importers.faults import CUT_SHORT, FileRefused

RECORDS = 100_000  # in a chunk
BLOCK = 256 * 1024
# Longer cells and lines are faults: an unclosed quotation mark would otherwise swallow the file.
LONGEST_CELL = 10_000
LONGEST_LINE = 1024 * 1024
# Bytes; the widest of the public files, INSEE's, has a header of 2,000.
LONGEST_HEADER = 20_000
# Between the cells of a chunk, and a chunk's way to say « nothing »: signs that no file needs.
BETWEEN, NOTHING = "\x1f", "\x1e"
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError, duckdb.Error)


def _as_windows(error):
    """Bytes that are no UTF-8 are read as Windows would; those it does not know stay controls."""
    wrong = error.object[error.start : error.end]
    return "".join(_WINDOWS[byte] for byte in wrong), error.end


_WINDOWS = [bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)]
codecs.register_error("as-windows", _as_windows)


def fingerprint(files):
    """What tells these files' content from any other's."""
    marks = []
    for raw in files:
        raw.seek(0)
        marks.append(hashlib.file_digest(raw, "sha256").hexdigest())
        raw.seek(0)
    return marks[0] if len(marks) == 1 else hashlib.sha256("".join(marks).encode()).hexdigest()


@contextmanager
def broken_is_refused():
    """Turns what a broken file raises into a sentence."""
    try:
        yield
    except _BROKEN as error:
        raise FileRefused(CUT_SHORT) from error


@dataclass
class Chunk:
    """`relation` in SQL; `records` of the file up to line `last`."""

    relation: str
    records: int
    last: int
    bytes_read: int


def source(raw, db, path):
    """The CsvFile or ParquetFile that `raw`, a binary file that can seek, is; it may use the file `path`."""
    raw.seek(0)
    start = raw.read(4)
    raw.seek(0)
    return ParquetFile(raw, db, path) if start == b"PAR1" else CsvFile(raw, path)


class ParquetFile:
    """Columns are read as text; line 2 is the first row, as in the same file of lines."""

    def __init__(self, raw, db, path):
        self.size, self.db = raw.seek(0, os.SEEK_END), db
        if os.path.isfile(getattr(raw, "name", "")):
            path.unlink(missing_ok=True)
            path.symlink_to(os.path.abspath(raw.name))
        else:
            raw.seek(0)
            with path.open("wb") as copy:
                shutil.copyfileobj(raw, copy)
        self.rows = f"read_parquet('{path}', file_row_number = true)"
        with broken_is_refused():
            described = db.execute(f"DESCRIBE FROM {self.rows}").fetchall()
            self.count = db.execute(f"SELECT count(*) FROM {self.rows}").fetchone()[0]
        self.header = [name for name, *_ in described if name != "file_row_number"]

    def chunks(self):
        quoted = (name.replace('"', '""') for name in self.header)
        cells = ", ".join(f"coalesce(\"{name}\"::VARCHAR, '') AS c{place}" for place, name in enumerate(quoted))
        # Once: a chunk asked of the file would have all of it read again.
        with broken_is_refused():
            self.db.execute(f"CREATE OR REPLACE TABLE whole AS SELECT file_row_number AS row, {cells} FROM {self.rows}")
        for start in range(0, self.count, RECORDS):
            end = min(start + RECORDS, self.count)
            relation = (
                f"(SELECT row + 2 AS line, NULL AS broken, * EXCLUDE row FROM whole "
                f"WHERE row BETWEEN {start} AND {end - 1})"
            )
            yield Chunk(relation, end - start, end + 1, self.size * end // self.count)


class CsvFile:
    def __init__(self, raw, path):
        self.raw, self.path = raw, path
        csv.field_size_limit(LONGEST_CELL)
        with broken_is_refused(), self._content() as content:
            line = content.readline(LONGEST_HEADER + 1)
        if len(line) > LONGEST_HEADER:
            raise FileRefused(
                f"La première ligne dépasse {LONGEST_HEADER // 1000} ko : ce ne sont pas des noms de colonnes. "
                "Rien n'a été importé."
            )
        line = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", "as-windows")
        self.delimiter = max(";,\t", key=line.count)
        try:
            self.header = next(csv.reader([line], delimiter=self.delimiter), [])
        except csv.Error:
            self.header = []

    def chunks(self):
        columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(self.header)))
        relation = (
            f"read_csv('{self.path}', delim = '{BETWEEN}', nullstr = '{NOTHING}', quote = '', escape = '', "
            f"header = false, auto_detect = false, buffer_size = {4 * LONGEST_LINE}, "
            f"max_line_size = {3 * LONGEST_LINE}, columns = {{'line': 'BIGINT', 'broken': 'VARCHAR', {columns}}})"
        )
        with broken_is_refused(), self._content() as content:
            records = self._records(content)
            while taken := list(islice(records, RECORDS)):
                bytes_read = self.raw.tell()
                with self.path.open("w", encoding="utf-8", newline="\n") as file:
                    file.writelines(
                        f"{line}{BETWEEN}{text}\n" for line, record in taken if (text := self._joined(record))
                    )
                yield Chunk(relation, len(taken), taken[-1][0], bytes_read)

    @contextmanager
    def _content(self):
        """The bytes inside, whatever they are wrapped in."""
        self.raw.seek(0)
        start = self.raw.read(4)
        self.raw.seek(0)
        if start[:2] == b"\x1f\x8b":
            yield gzip.GzipFile(fileobj=self.raw)
        elif start == b"PK\x03\x04":
            with zipfile.ZipFile(self.raw) as archive:
                inside = [name for name in archive.namelist() if name.lower().endswith((".csv", ".txt"))]
                if len(inside) != 1:
                    raise FileRefused(
                        f"L'archive contient {len(inside)} fichiers CSV ; il en faut un seul. "
                        "Décompressez-la et importez le bon fichier."
                    )
                if archive.getinfo(inside[0]).flag_bits & 1:
                    raise FileRefused("L'archive est protégée par un mot de passe : décompressez-la d'abord.")
                with archive.open(inside[0]) as member:
                    yield member
        else:
            yield self.raw

    def _blocks(self, content):
        """Iterators over whole lines, a block at a time; what a longer line has in excess is dropped."""
        rest, dropping, first = b"", False, True
        while block := content.read(BLOCK):
            if first:
                block, first = block.removeprefix(codecs.BOM_UTF8), False
            # No database holds the first of these; the others part the cells of a chunk.
            block = block.replace(b"\0", b"\1").replace(b"\x1f", b" ").replace(b"\x1e", b" ")
            if dropping:
                _, mark, block = block.partition(b"\n")
                dropping = not mark
            block = rest + block
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            if len(rest) > LONGEST_LINE:
                rest, dropping = rest[:LONGEST_LINE] + b"\n", True
            if end:
                yield io.StringIO(block[:end].decode("utf-8", "as-windows"), newline="\n")
        yield io.StringIO(rest.decode("utf-8", "as-windows"), newline="\n")

    def _records(self, content):
        """(number of its first line, text or cells or csv.Error) of each record after the header."""
        lines = chain.from_iterable(self._blocks(content))
        header = csv.reader(lines, delimiter=self.delimiter)
        next(header, None)
        number = header.line_num
        for line in lines:
            first = number = number + 1
            record = line.rstrip("\r\n")
            if '"' in record or "\r" in record or len(record) > LONGEST_CELL:
                reader = csv.reader(chain((line,), lines), delimiter=self.delimiter)
                try:
                    record = next(reader, [])
                except csv.Error as error:
                    record = error
                number += reader.line_num - 1
            yield first, record

    def _joined(self, record):
        """What is broken about the record, and its cells, with `BETWEEN` between them; None for an empty one."""
        width = len(self.header)
        if isinstance(record, str) and record.count(self.delimiter) + 1 == width:
            if not record.strip(self.delimiter):
                return None
            return f"{NOTHING}{BETWEEN}{record.replace(self.delimiter, BETWEEN)}"
        if isinstance(record, csv.Error):
            return BETWEEN.join([_told(record), *[""] * width])
        cells, broken = record.split(self.delimiter) if isinstance(record, str) else record, NOTHING
        if not any(cell.strip() for cell in cells):
            return None
        if len(cells) < width or any(cell.strip() for cell in cells[width:]):
            broken = (
                f"La ligne compte {len(cells)} cellules au lieu de {width} : "
                "un séparateur ou un guillemet manque ou est de trop."
            )
        elif sum(map(len, cells)) > LONGEST_LINE // 2:
            broken = "La ligne est trop longue : un guillemet n'est sans doute jamais fermé."
        if broken is not NOTHING:
            cells = [cell[:100] for cell in cells]
        cells = [*cells[:width], *[""] * (width - len(cells))]
        return BETWEEN.join([broken, *cells]).replace("\n", " ").replace("\r", " ")


def _told(error):
    if "field larger" in str(error):
        return (
            f"Une cellule dépasse {LONGEST_CELL} caractères : un guillemet ouvert n'est sans doute jamais fermé. "
            "Les lignes qu'il englobe sont ignorées."
        )
    return "Un retour à la ligne coupe une cellule : entourez-la de guillemets."
