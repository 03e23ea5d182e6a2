"""A file of lines as people have it: plain, gzip or zip, UTF-8 or Windows, `;` or `,`."""

import codecs
import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from contextlib import contextmanager
from itertools import chain

from directory.importers.faults import Fault, FileRefused

BLOCK = 256 * 1024
# Longer cells and lines are faults: an unclosed quotation mark would otherwise swallow the file.
LONGEST_CELL = 10_000
LONGEST_LINE = 1024 * 1024
# Bytes; the widest of the public files, INSEE's, has a header of 2,000.
LONGEST_HEADER = 20_000
CUT_SHORT = "Le fichier est abîmé ou incomplet à partir d'ici : téléchargez-le de nouveau."
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)


def _as_windows(error):
    """Bytes that are no UTF-8 are read as Windows would; those it does not know stay controls."""
    wrong = error.object[error.start : error.end]
    return "".join(_WINDOWS[byte] for byte in wrong), error.end


_WINDOWS = [bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)]
codecs.register_error("as-windows", _as_windows)


def fingerprint(raw):
    """What tells this file's content from any other's."""
    raw.seek(0)
    # Processors have instructions for this one.
    digest = hashlib.file_digest(raw, "sha256").hexdigest()
    raw.seek(0)
    return digest


class Source:
    """A file opened for reading: its header, its delimiter, and its records in order.

    `raw` is a binary file that can seek.
    """

    def __init__(self, raw):
        self.raw = raw
        csv.field_size_limit(LONGEST_CELL)

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
        rest, dropping = b"", False
        first = True
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
                yield io.StringIO(block[:end].decode("utf-8", "as-windows"), newline="\n")
        yield io.StringIO(rest.decode("utf-8", "as-windows"), newline="\n")

    @contextmanager
    def _reading(self):
        """Turns what a broken archive raises into a sentence."""
        try:
            with self._content() as content:
                yield content
        except (*_BROKEN, NotImplementedError) as error:
            raise FileRefused(CUT_SHORT) from error

    def header(self):
        """The cells of the first line; settles the delimiter. Refuses a file whose first line is no header."""
        with self._reading() as content:
            line = content.readline(LONGEST_HEADER + 1)
        if len(line) > LONGEST_HEADER:
            raise FileRefused(
                f"La première ligne dépasse {LONGEST_HEADER // 1000} ko : ce ne sont pas des noms de colonnes. "
                "Rien n'a été importé."
            )
        line = line.removeprefix(codecs.BOM_UTF8).decode("utf-8", "as-windows")
        self.delimiter = max(";,\t", key=line.count)
        try:
            return next(csv.reader([line], delimiter=self.delimiter), [])
        except csv.Error:
            return []

    def batches(self, size):
        """(records, bytes of the file that are behind) of at most `size` records after the header.

        A record is (line number, text or cells or Fault): a line without quotation marks is left as it stands.
        """
        with self._reading() as content:
            lines = chain.from_iterable(self._blocks(content))
            header = csv.reader(lines, delimiter=self.delimiter)
            next(header, None)
            batch, number = [], header.line_num
            for line in lines:
                first = number = number + 1
                record = line.rstrip("\r\n")
                if '"' in record or "\r" in record or len(record) > LONGEST_CELL:
                    reader = csv.reader(chain((line,), lines), delimiter=self.delimiter)
                    try:
                        record = next(reader, [])
                    except csv.Error as error:
                        record = Fault(_told(error))
                    number += reader.line_num - 1
                batch.append((first, record))
                if len(batch) == size:
                    yield batch, self.raw.tell()
                    batch = []
            if batch:
                yield batch, self.raw.tell()


def _told(error):
    if "field larger" in str(error):
        return (
            f"Une cellule dépasse {LONGEST_CELL} caractères : un guillemet ouvert n'est sans doute jamais fermé. "
            "Les lignes qu'il englobe sont ignorées."
        )
    return "Un retour à la ligne coupe une cellule : entourez-la de guillemets."
