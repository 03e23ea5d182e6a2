"""What the files of one import say, read, checked and shaped by DuckDB in a database of its own, on the disk."""

import os
from functools import cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from directory.identifiers import RULES, IdentifierType
from directory.importers.faults import UNREADABLE, FileRefused, explained
from directory.importers.kinds import EDUCATION, ESTABLISHMENTS, IDENTIFIED, PORTAL, TOLD, UNITS, columns_of
from directory.importers.public_categories import NOT_PUBLIC, PUBLIC_CATEGORIES
from directory.importers.sources import source
from plumbing.text import folded, search_key

MEMORY = "200MB"
# What a slice gives of each line, in this order.
COLUMNS = ("line", *IDENTIFIED, *TOLD, "legal_name_key", "label_key", "city_key", "closes")
# How each is said; the others as they are, "" where the file has no such column.
_SAID = {
    "line": "line",
    "country": "coalesce(nullif(country, ''), 'France')",
    "undisclosed": "coalesce(undisclosed, false)",
    "closed_on": "closed_on",
    "legal_name_key": "search_key(legal_name)[:250]",
    "label_key": "coalesce(search_key(label)[:250], '')",
    "city_key": "coalesce(search_key(city)[:100], '')",
    "closes": "coalesce(closes, false)",
}
_NATURES = {"public": ("public", "publique"), "private": ("private", "prive", "privee")}
_FLAGS = {"t": ("1", "oui", "vrai", "true", "x"), "f": ("", "0", "non", "faux", "false")}


class Reading:
    """Works inside `folder`, a Path. `kind` and `told` of its files; `lines` in a slice bear COLUMNS."""

    def __init__(self, folder, files):
        self.db = _connected(folder, files)
        try:
            self._open(folder, files)
        except BaseException:
            # Who opens the same path again before that is given it as it stands, locked.
            self.db.close()
            raise

    def _open(self, folder, files):
        self.slice_path = folder / "slice.csv"
        self.db.execute(Path(__file__).with_name("macros.sql").read_text())
        for name, value in _variables().items():
            self.db.execute(f"SET VARIABLE {name} = $value", {"value": value})
        self.sources = [source(raw, self.db, folder / f"chunk{place}") for place, raw in enumerate(files)]
        self.columns = [columns_of(one.header) for one in self.sources]
        self._check_together()
        self.kind, self.told = self.columns[-1].layout.kind, self.columns[-1].told

    def _check_together(self):
        """SIRENE's two files, units first; any other file alone."""
        pairs = sorted(zip(self.sources, self.columns, strict=True), key=lambda pair: pair[1].layout != UNITS)
        self.sources, self.columns = zip(*pairs, strict=True)
        layouts = [columns.layout for columns in self.columns]
        if layouts not in ([UNITS, ESTABLISHMENTS], [EDUCATION], [PORTAL]):
            raise FileRefused(
                "Le stock SIRENE se donne en deux fichiers : StockEtablissement et le StockUniteLegale du même mois. "
                "Tout autre fichier se donne seul. Rien n'a été importé."
            )

    def read(self):
        """Reads all; (lines, faulty ones, bytes read) of the files after each chunk."""
        lines = faulty = behind = 0
        for one, columns in zip(self.sources, self.columns, strict=True):
            before = 0
            for chunk in one.chunks(sorted({place for place in columns.places.values() if place is not None})):
                lines += self._take(chunk, columns)
                faulty += self._one(f"SELECT count(fault) FROM {_table_of(columns.layout)} WHERE line > {before}")
                before = chunk.last
                yield lines, faulty, behind + chunk.bytes_read
            behind += chunk.bytes_read if before else 0
            self._leave_repeated_out(_table_of(columns.layout))

    def _take(self, chunk, columns):
        """How many records it has."""
        layout, places = columns.layout, columns.places
        joined = "concat_ws('|', " + ", ".join(f"c{place}" for place in places.values() if place is not None) + ")"
        cells = ", ".join(f"{_cell(place, layout.hidden)} AS {ours}" for ours, place in places.items())
        broken = f"coalesce(broken, if(untidy AND holds_control({joined}), getvariable('unreadable'), NULL))"
        self.db.execute(
            f"CREATE OR REPLACE TEMP VIEW cells AS "
            f"SELECT line, left(c{places[layout.number]}, 100) AS typed, {broken} AS broken, {cells} "
            f"FROM (SELECT *, is_untidy({joined}) AS untidy FROM {chunk.relation})"
        )
        return self._one(layout.statement)

    def _leave_repeated_out(self, table):
        """Of lines with the same identifier the last one counts, and the others are reported."""
        by = "identifier" if table == "units" else "identifier_type, identifier"
        self.db.execute(
            f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {by} FROM {table} WHERE fault IS NULL "
            "GROUP BY ALL HAVING count(*) > 1"
        )
        if self._one("SELECT count(*) FROM repeated"):
            later = (
                f"SELECT line AS earlier, lead(line) OVER (PARTITION BY {by} ORDER BY line) AS next "
                f"FROM {table} SEMI JOIN repeated USING ({by}) WHERE fault IS NULL"
            )
            reason = "'Le même identifiant revient à la ligne ' || next || ', qui l''emporte.'"
            self.db.execute(
                f"UPDATE {table} SET typed = {table}.identifier, fault = {reason} FROM ({later}) "
                "WHERE earlier = line AND next IS NOT NULL"
            )

    def rejected(self):
        """(line, what was typed as identifier, reason) of all that are left out."""
        for table, words in (("units", "Unités légales : "), ("lines", "")):
            faulty = f"SELECT line, typed, tidy(typed), fault FROM {table} WHERE fault IS NOT NULL ORDER BY line"
            for line, typed, tidy, fault in chain.from_iterable(self._lists(faulty)):
                shown = "".join(c if c.isprintable() else " " for c in typed or "").strip()
                yield line, shown[:60], f"{words}{explained(fault, tidy)}"[:250]

    def slices(self, size, after=0):
        """(first, last) lines of slices of about `size` lines, after line `after`."""
        last = self._one("SELECT coalesce(max(line), 0) FROM lines WHERE fault IS NULL")
        return [(first, first + size - 1) for first in range(max(after, 1) + 1, last + 1, size)]

    def slice_file(self, first, last):
        """The path of these lines in COPY's CSV."""
        self.db.execute(
            f"COPY ({self._slice(first, last)}) TO '{self.slice_path}' (FORMAT csv, HEADER false, NULLSTR '\\N')"
        )
        return self.slice_path

    def slice_rows(self, first, last):
        """Lists of these lines, for a database that knows no COPY."""
        return self._lists(self._slice(first, last))

    def _slice(self, first, last):
        said = (f"{_SAID.get(name, _text(name))} AS {name}" for name in COLUMNS)
        return f"SELECT {', '.join(said)} FROM lines WHERE fault IS NULL AND line BETWEEN {first} AND {last}"

    def _one(self, statement):
        return self.db.execute(statement).fetchone()[0]

    def _lists(self, statement):
        found = self.db.execute(statement)
        return iter(lambda: found.fetchmany(2_000), [])

    def close(self):
        self.db.close()


def kind_of(raw):
    """The kind of a file, by its columns."""
    with TemporaryDirectory() as folder, _connected(Path(folder), [raw]) as db:
        return columns_of(source(raw, db, Path(folder, "file")).header).layout.kind


def _connected(folder, files):
    """A DuckDB that reads and writes nothing but what is in `folder`, and those of the files whose path is known."""
    db = duckdb.connect(
        str(folder / "reading.duckdb"),
        config={
            "memory_limit": MEMORY,
            "threads": min(4, os.cpu_count() or 1),
            "temp_directory": str(folder),
            # In parallel: each line bears its number.
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )
    paths = ", ".join("'" + raw.name.replace("'", "''") + "'" for raw in files if os.path.isabs(raw.name))
    db.execute(
        f"SET allowed_directories = ['{folder}']; SET allowed_paths = [{paths}]; "
        "SET enable_external_access = false; SET enable_progress_bar = false; SET lock_configuration = true"
    )
    return db


def _text(column):
    return f"coalesce({column}, '')"


def _table_of(layout):
    return "units" if layout == UNITS else "lines"


def _cell(place, hidden):
    """A column the file does not have holds NULL."""
    tidy = "NULL::VARCHAR" if place is None else f"if(untidy, tidy(c{place}), c{place})"
    return f"CASE {tidy} WHEN '{hidden}' THEN '' ELSE {tidy} END" if hidden and place is not None else tidy


@cache
def _variables():
    """What the statements ask for by name."""
    natures = {word: value for value, words in _NATURES.items() for word in words}
    flags = {word: value for value, words in _FLAGS.items() for word in words}
    types = {folded(word): value for value, label in IdentifierType.choices for word in (value, label)}
    # Neither Chinese nor Korean, whose signs stay as they are; the last ones are letters in mathematical dress.
    common = range(0x21, 0x3400), range(0xA640, 0xAC00), range(0xF900, 0x1_0000), range(0x1_D400, 0x1_D800)
    signs = map(chr, chain(*common))
    plain = {sign: search_key(f"a{sign}a")[1:-1] for sign in signs}
    return {
        "unreadable": UNREADABLE,
        "public_categories": PUBLIC_CATEGORIES,
        "not_public": NOT_PUBLIC,
        "natures": _map(natures),
        "flags": _map(flags),
        "identifier_types": _map(types),
        "rules": _map({kind.value: pattern for kind, (pattern, _) in RULES.items()}),
        "plain": _map({sign: key for sign, key in plain.items() if key != sign}),
    }


def _map(values):
    return {"key": list(values), "value": list(values.values())}
