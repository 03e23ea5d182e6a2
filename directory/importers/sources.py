"""A file as people have it, a chunk at a time as what DuckDB reads: a relation of `line`, `broken` and `c0`, `c1`…

DuckDB is given lines with their number, whose cells need no quotation marks. Its own reader would do with neither two
encodings in one file nor a carriage return alone; it skips empty lines, so that nobody knows the number of the others,
and one unclosed quotation mark makes it lose all that follows.
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
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import duckdb

from directory.importers.faults import CUT_SHORT, FileRefused, is_shortage

CHUNK = 16 * 2**20  # signs
ROWS = 100_000  # of Parquet in a chunk
BLOCK = 2**18  # bytes
# Longer cells and records are faults: an unclosed quotation mark would otherwise swallow the file.
LONGEST_CELL = 10_000
LONGEST_LINE = 2**20
# The widest of the public files, INSEE's, has a header of 2,000 signs.
LONGEST_HEADER = 20_000
# Signs no file needs: after each cell of a chunk, before what is said of a record instead of them, after its number.
AFTER, INSTEAD, NUMBERED = "\x1f", "\x1e", "\x1d"
_PLAIN = bytes.maketrans(b"\0\x1d\x1e\x1f", b"\1   ")
_UNPACKING = (EOFError, ValueError, NotImplementedError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def _as_windows(error):
    """Bytes that are no UTF-8 are read as Windows would; those it does not know stay controls."""
    wrong = error.object[error.start : error.end]
    return "".join(_WINDOWS[byte] for byte in wrong), error.end


_WINDOWS = [bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)]
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


@dataclass
class Chunk:
    """`relation` in SQL, of the file up to line `last`."""

    relation: str
    last: int
    bytes_read: int


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
        self.rows = f"read_parquet('{name}', file_row_number = true, binary_as_string = true)"
        with broken_is_refused():
            described = db.execute(f"DESCRIBE FROM {self.rows}").fetchall()
            self.count = db.execute(f"SELECT count(*) FROM {self.rows}").fetchone()[0]
        self.header = [name for name, *_ in described if name != "file_row_number"]

    def chunks(self, places):
        named = ((place, self.header[place].replace('"', '""')) for place in places)
        cells = ", ".join(f"coalesce(\"{name}\"::VARCHAR, '') AS c{place}" for place, name in named)
        # Once: a chunk asked of the file would have all of it read again.
        with broken_is_refused():
            self.db.execute(f"CREATE OR REPLACE TABLE whole AS SELECT file_row_number AS row, {cells} FROM {self.rows}")
        for start in range(0, self.count, ROWS):
            end = min(start + ROWS, self.count)
            rows = f"FROM whole WHERE row BETWEEN {start} AND {end - 1}"
            relation = f"(SELECT row + 2 AS line, NULL AS broken, * EXCLUDE row {rows})"
            yield Chunk(relation, end + 1, self.size * end // self.count)


class CsvFile:
    """Plain, gzipped or zipped, in UTF-8 or Windows-1252, parted by `;`, `,` or tabs."""

    def __init__(self, raw, path):
        self.raw, self.path = raw, path
        csv.field_size_limit(LONGEST_CELL)
        line, _, _ = next(self._blocks(), "").partition("\n")
        if len(line) > LONGEST_HEADER:
            raise FileRefused(
                f"La première ligne dépasse {LONGEST_HEADER // 1000} ko : ce ne sont pas des noms de colonnes. "
                "Rien n'a été importé."
            )
        self.delimiter = max(";,\t", key=line.count)
        try:
            *self.header, end = next(csv.reader([f"{line}{self.delimiter}{NUMBERED}"], delimiter=self.delimiter))
        except csv.Error:
            end = ""
        if end != NUMBERED:
            raise FileRefused(
                "La première ligne ouvre un guillemet qu'elle ne ferme pas : corrigez les noms des colonnes. "
                "Rien n'a été importé."
            )

    def chunks(self, places):
        texts, last, more = self._texts(), 1, True
        while more:
            size, more = 0, False
            with self.path.open("w", encoding="utf-8", newline="\n") as file:
                for text in texts:
                    lines = text.split("\n")[:-1]
                    file.writelines(f"{n}{NUMBERED}{line}{AFTER}\n" for n, line in enumerate(lines, last + 1))
                    size, last = size + len(text), last + len(lines)
                    if more := size >= CHUNK:
                        break
            yield Chunk(self._relation(places), last, self.raw.tell())

    def _relation(self, places):
        cells = ", ".join(f"coalesce(cells[{place + 1}], '') AS c{place}" for place in places)
        width = len(self.header)
        records = (
            f"read_csv('{self.path}', delim = '{NUMBERED}', quote = '', escape = '', header = false, "
            f"auto_detect = false, buffer_size = {4 * LONGEST_LINE}, max_line_size = {4 * LONGEST_LINE}, "
            "columns = {'line': 'BIGINT', 'text': 'VARCHAR'})"
        )
        return (
            f"(SELECT line, wrong_record(text, cells, {width}) AS broken, {cells} FROM "
            f"(SELECT *, record(text, {width}) AS cells FROM {records}) WHERE NOT is_blank(text))"
        )

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

    def _blocks(self):
        """Texts of whole lines; what a longer line has in excess is dropped."""
        rest, dropping, first = b"", False, True
        with broken_is_refused(), self._content() as content:
            while block := content.read(BLOCK):
                if first:
                    block, first = block.removeprefix(codecs.BOM_UTF8), False
                if dropping:
                    _, mark, block = block.partition(b"\n")
                    dropping = not mark
                block = rest + block
                end = block.rfind(b"\n") + 1
                rest = block[end:]
                if len(rest) > LONGEST_LINE:
                    rest, dropping = rest[:LONGEST_LINE] + b"\n", True
                if end:
                    yield _decoded(block[:end])
        if rest:
            yield _decoded(rest + b"\n")

    def _texts(self):
        """What follows the header: `AFTER` between cells, one line a record, and as many lines as in the file."""
        lines = _Lines(self._blocks())
        next(lines, None)
        while block := lines.rest():
            if '"' not in block and "\r" not in block:
                yield block.replace(self.delimiter, AFTER)
                continue
            current = lines.block = io.StringIO(block, newline="\n")
            while lines.block is current and (line := current.readline()):
                yield self._record(line, lines)

    def _record(self, line, lines):
        """The record that begins with `line`, and an empty line for each other one it took of `lines`."""
        record = line.rstrip("\r\n")
        if '"' not in record and "\r" not in record:
            return f"{record.replace(self.delimiter, AFTER)}\n"
        reader = csv.reader(_bounded(chain((line,), lines)), delimiter=self.delimiter)
        try:
            record = AFTER.join(next(reader)).replace("\n", " ").replace("\r", " ")
        except csv.Error as error:
            record = INSTEAD + _told(error)
        return record + "\n" * reader.line_num


class _Lines:
    """The lines of blocks one by one, or what is left of the current block."""

    def __init__(self, blocks):
        self.blocks, self.block = blocks, io.StringIO()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.block.readline()
        if not line:
            self.block = io.StringIO(next(self.blocks), newline="\n")
            line = self.block.readline()
        return line

    def rest(self):
        return self.block.read() or next(self.blocks, "")


def _decoded(block):
    return block.translate(_PLAIN).replace(b"\r\n", b"\n").decode("utf-8", "as-windows")


def _bounded(lines):
    """The lines a record may take."""
    taken = 0
    for line in lines:
        yield line
        taken += len(line)
        if taken > LONGEST_LINE // 2:
            raise csv.Error("record too long")


def _told(error):
    if "field larger" in str(error):
        return (
            f"Une cellule dépasse {LONGEST_CELL} caractères : un guillemet ouvert n'est sans doute jamais fermé. "
            "Les lignes qu'il englobe sont ignorées."
        )
    if "record too long" in str(error):
        return "La ligne est trop longue : un guillemet n'est sans doute jamais fermé."
    return "Un retour à la ligne coupe une cellule : entourez-la de guillemets."
