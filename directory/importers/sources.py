"""A file as people have it, a chunk at a time as what DuckDB reads: a relation of `line`, `broken` and `c0`, `c1`…

Python's csv module parts records: DuckDB's own reader tells no line numbers, skips empty lines uncounted, wants one
encoding a file, and one unclosed quotation mark makes it lose all that follows.
"""

import codecs
import csv
import errno
import gzip
import hashlib
import io
import lzma
import os
import shutil
import struct
import zipfile
import zlib
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path

import duckdb

from directory.importers.faults import CUT_SHORT, FileRefused, is_shortage

CHUNK = 16 * 2**20  # signs
ROWS = 100_000  # of Parquet in a chunk
# Longer cells and records are faults: an unclosed quotation mark would otherwise swallow the file.
LONGEST_CELL = 10_000
LONGEST_RECORD = 2**20
# The widest of the public files, INSEE's, has a header of 2,000 signs.
LONGEST_HEADER = 20_000
# A sign no file needs, between the cells DuckDB is given.
BETWEEN = "\x1f"
_UNPACKING = (EOFError, ValueError, NotImplementedError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def _as_windows(error):
    """Bytes that are no UTF-8 are read as Windows would; those it does not know stay controls."""
    wrong = error.object[error.start : error.end]
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in wrong), error.end


codecs.register_error("as-windows", _as_windows)


def fingerprint(files):
    """What tells these files' content, in whatever order, from any other's."""
    marks = []
    for raw in files:
        raw.seek(0)
        marks.append(hashlib.file_digest(raw, "sha256").hexdigest())
        raw.seek(0)
    return marks[0] if len(marks) == 1 else hashlib.sha256("".join(sorted(marks)).encode()).hexdigest()


@contextmanager
def broken_is_refused():
    """Turns what a broken file raises into a sentence; what the disk or the memory lacks is not the file's fault."""
    try:
        yield
    except (*_UNPACKING, OSError, duckdb.Error) as error:
        # The system's errors bear a number, unpackers' none; a file may ask for a place before its beginning.
        if is_shortage(error) or getattr(error, "errno", None) not in (None, errno.EINVAL):
            raise
        raise FileRefused(CUT_SHORT) from error


def source(raw, db, path):
    """The CsvFile or ParquetFile that `raw`, a binary file that can seek, is; it may use the file `path`."""
    raw.seek(0)
    return ParquetFile(raw, db, path) if raw.read(4) == b"PAR1" else CsvFile(raw, path)


class ParquetFile:
    """Columns are read as text; line 2 is the first row, as in the same file of lines."""

    def __init__(self, raw, db, path):
        self.size, self.db = raw.seek(0, os.SEEK_END), db
        if os.path.isabs(raw.name):
            path = raw.name
        else:
            raw.seek(0)
            with Path(path).open("wb") as copy:
                shutil.copyfileobj(raw, copy)
        name = str(path).replace("'", "''")
        # Of its own cells: a folder called « city=Paris » says nothing of them.
        how = "file_row_number = true, binary_as_string = true, hive_partitioning = false"
        self.rows = f"read_parquet('{name}', {how})"
        with broken_is_refused():
            described = db.execute(f"DESCRIBE FROM {self.rows}").fetchall()
            self.count = db.execute(f"SELECT count(*) FROM {self.rows}").fetchone()[0]
        self.columns = [(name, kind) for name, kind, *_ in described if name != "file_row_number"]
        self.header = [name for name, _ in self.columns]

    def chunks(self, places):
        """(relation in SQL, its last line, bytes read) of each chunk."""
        cells = ", ".join(f"coalesce({self._as_text(*self.columns[place])}, '') AS c{place}" for place in places)
        # Once: a chunk asked of the file would have all of it read again.
        with broken_is_refused():
            self.db.execute(f"CREATE OR REPLACE TABLE whole AS SELECT file_row_number AS row, {cells} FROM {self.rows}")
        for start in range(0, self.count, ROWS):
            end = min(start + ROWS, self.count)
            rows = f"FROM whole WHERE row BETWEEN {start} AND {end - 1}"
            relation = f"(SELECT row + 2 AS line, NULL AS broken, * EXCLUDE row {rows})"
            yield relation, end + 1, self.size * end // self.count

    def _as_text(self, name, kind):
        quoted = '"' + name.replace('"', '""') + '"'
        # Some programs keep numbers as fractions: 35510 as 35510.0.
        is_fraction = kind.startswith(("FLOAT", "DOUBLE", "DECIMAL"))
        return f"try_cast({quoted} AS BIGINT)::VARCHAR" if is_fraction else f"{quoted}::VARCHAR"


class CsvFile:
    """Plain, gzipped or zipped, in UTF-8 or Windows-1252, parted by `;`, `,` or tabs."""

    def __init__(self, raw, path):
        self.raw, self.path = raw, path
        with self._text() as text:
            line = text.readline(LONGEST_HEADER + 1)
        if len(line) > LONGEST_HEADER:
            raise FileRefused(
                f"La première ligne dépasse {LONGEST_HEADER // 1000} ko : ce ne sont pas des noms de colonnes. "
                "Rien n'a été importé."
            )
        self.delimiter = max(";,\t", key=line.count)
        try:
            self.header = next(csv.reader([line], delimiter=self.delimiter, strict=True), [])
        except csv.Error as error:
            raise FileRefused(
                "La première ligne ouvre un guillemet qu'elle ne ferme pas, ou en a un de trop : corrigez les noms "
                "des colonnes. Rien n'a été importé."
            ) from error

    def chunks(self, places):
        with self._text() as text:
            text.readline()
            lines = _Lines(text)
            records = self._records(lines, places)
            while lines.more:
                end = lines.size + CHUNK
                with self.path.open("w", encoding="utf-8", newline="\n") as file:
                    for record in records:
                        file.write(record)
                        if lines.size >= end:
                            break
                yield self._relation(places), lines.last, self.raw.tell()

    def _records(self, lines, places):
        """Each record as a line: its number, what is wrong with it, and its cells at `places`; "" for what is passed
        over, so that it counts as read."""
        reader, width, pick = csv.reader(lines, delimiter=self.delimiter), len(self.header), itemgetter(*places)
        while lines.more:
            if lines.is_cut:
                lines.piece()
                yield ""
                continue
            line, lines.begun, broken = lines.last + 1, lines.size, ""
            try:
                record = next(reader, [])
            except csv.Error as error:
                record, broken = [], _fault_of(error)
            if not broken:
                if not any(map(str.strip, record)):
                    yield ""
                    continue
                if len(record) < width or any(map(str.strip, record[width:])):
                    broken = (
                        f"La ligne compte {len(record)} cellules au lieu de {width} : "
                        "un séparateur ou un guillemet manque ou est de trop."
                    )
            if len(record) < width:
                record += [""] * (width - len(record))
            cells = BETWEEN.join(pick(record)).replace("\n", " ").replace("\r", " ")
            yield f"{line}{BETWEEN}{broken}{BETWEEN}{cells}\n"

    def _relation(self, places):
        cells = [f"c{place}" for place in places]
        columns = {"line": "BIGINT", "broken": "VARCHAR"} | dict.fromkeys(cells, "VARCHAR")
        return (
            f"read_csv('{self.path}', delim = '{BETWEEN}', quote = '', escape = '', header = false, "
            f"auto_detect = false, columns = {columns}, force_not_null = {cells}, "
            f"max_line_size = {2 * LONGEST_RECORD}, buffer_size = {4 * LONGEST_RECORD})"
        )

    @contextmanager
    def _text(self):
        """What is inside, whatever it is wrapped in."""
        with broken_is_refused(), self._content() as content:
            text = io.TextIOWrapper(content, encoding="utf-8-sig", errors="as-windows", newline="\n")
            limit = csv.field_size_limit(LONGEST_CELL)
            try:
                yield text
            finally:
                csv.field_size_limit(limit)
                text.detach()

    @contextmanager
    def _content(self):
        self.raw.seek(0)
        start = self.raw.read(4)
        self.raw.seek(0)
        if start[:2] == b"\x1f\x8b":
            yield gzip.GzipFile(fileobj=self.raw)
        elif start == b"PK\x03\x04":
            with zipfile.ZipFile(self.raw) as archive:
                names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
                inside = [name for name in names if name.lower().endswith((".csv", ".txt"))]
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


class _Lines:
    """The lines of a text, as csv asks for them; csv.Error when a record is longer than LONGEST_RECORD, or never ends.

    `last`: the number of the one given last, `size`: how many signs were read, `begun`: how many before this record;
    `more`: whether the text goes on; `is_cut`: whether the last line does.
    """

    def __init__(self, text):
        self.text, self.last, self.size, self.begun = text, 1, 0, 0
        self.more, self.is_cut = True, False

    def __iter__(self):
        return self

    def __next__(self):
        line = self.piece()
        if not line:
            self.more = False
            # Asked for another line of a record, while a quotation mark is open.
            if self.size > self.begun:
                raise csv.Error("never closed")
            raise StopIteration
        self.last += 1
        if self.size - self.begun >= LONGEST_RECORD:
            raise csv.Error("record too long")
        # DuckDB reads no NUL; the other one would part a cell.
        return line.replace("\0", "\1").replace(BETWEEN, " ")

    def piece(self):
        """A line, or as much of it as a record may have."""
        piece = self.text.readline(LONGEST_RECORD)
        self.size += len(piece)
        self.is_cut = len(piece) == LONGEST_RECORD and piece[-1] != "\n"
        return piece


def _fault_of(error):
    if "field larger" in str(error):
        return (
            f"Une cellule dépasse {LONGEST_CELL} caractères : un guillemet ouvert n'est sans doute jamais fermé. "
            "Les lignes qu'il englobe sont ignorées."
        )
    if "record too long" in str(error):
        return "La ligne est trop longue : un guillemet n'est sans doute jamais fermé."
    if "never closed" in str(error):
        return "Un guillemet ouvert n'est jamais fermé : cette ligne est ignorée, et toutes celles qui la suivent."
    return "Un retour à la ligne coupe une cellule : entourez-la de guillemets."
