"""What the files of one import say, read, checked and shaped by DuckDB in a database of its own, on the disk."""

import os
from functools import cache
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from directory.identifiers import RULES, IdentifierType
from directory.importers.faults import UNREADABLE, FileRefused, explained
from directory.importers.kinds import DESCRIPTION, EDUCATION, ESTABLISHMENTS, IDENTIFIED, PORTAL, UNITS, recognised
from directory.importers.public_categories import NOT_PUBLIC, PUBLIC_CATEGORIES
from directory.importers.sources import source
from plumbing.text import folded, search_key

MEMORY = "200MB"
# What a slice gives of each line, in this order: NULL is what the line does not say.
COLUMNS = ("line", "closes", *IDENTIFIED, *DESCRIPTION, "legal_name_key", "label_key", "city_key")
_SHAPED = {
    "country": "if(country = '', 'France', country)",
    "legal_name_key": "search_key(legal_name)[:250]",
    "label_key": "search_key(label)[:250]",
    "city_key": "search_key(city)[:100]",
}
_NATURES = {"public": ("public", "publique"), "private": ("private", "prive", "privee")}
_FLAGS = {"t": ("1", "oui", "vrai", "true", "x"), "f": ("", "0", "non", "faux", "false")}


class Reading:
    """Works in `db` (`connected`), inside `folder`, a Path. `kind` of its files; `lines` in a slice bear COLUMNS."""

    def __init__(self, db, folder, files):
        self.db, self.slice_path = db, folder / "slice.csv"
        db.execute(Path(__file__).with_name("macros.sql").read_text())
        for name, value in _variables().items():
            db.execute(f"SET VARIABLE {name} = $value", {"value": value})
        sources = [source(raw, db, folder / f"chunk{place}") for place, raw in enumerate(files)]
        # Units first.
        self.files = sorted(((one, *recognised(one.header)) for one in sources), key=lambda file: file[1] != UNITS)
        if [layout for _, layout, _ in self.files] not in ([UNITS, ESTABLISHMENTS], [EDUCATION], [PORTAL]):
            raise FileRefused(
                "Le stock SIRENE se donne en deux fichiers : StockEtablissement et le StockUniteLegale du même mois. "
                "Tout autre fichier se donne seul. Rien n'a été importé."
            )
        self.kind = self.files[-1][1].kind

    def read(self):
        """Reads all; (lines, faulty ones, bytes read) of the files after each chunk."""
        lines = faulty = behind = bytes_read = 0
        for one, layout, places in self.files:
            table, before = _table_of(layout), 0
            needed = sorted({place for place in places.values() if place is not None})
            for relation, last, bytes_read in one.chunks(needed):
                self._view_cells(relation, needed, layout, places)
                lines += self._one(layout.statement)
                faulty += self._one(f"SELECT count(fault) FROM {table} WHERE line > {before}")
                before = last
                yield lines, faulty, behind + bytes_read
            behind += bytes_read
            self._leave_repeated_out(table)

    def _view_cells(self, relation, needed, layout, places):
        """What the layout's statement reads: our names of what the file calls otherwise."""
        joined = "concat_ws('|', " + ", ".join(f"c{place}" for place in needed) + ")"
        cells = ", ".join(f"{_cell(place, layout.hidden)} AS {ours}" for ours, place in places.items())
        broken = f"coalesce(broken, if(untidy AND holds_control({joined}), getvariable('unreadable'), NULL))"
        self.db.execute(
            f"CREATE OR REPLACE TEMP VIEW cells AS "
            f"SELECT line, left(c{places[layout.number]}, 100) AS typed, {broken} AS broken, {cells} "
            f"FROM (SELECT *, is_untidy({joined}) AS untidy FROM {relation})"
        )

    def _leave_repeated_out(self, table):
        """Of lines with the same identifier the last one counts, and the others are reported."""
        by = "identifier" if table == "units" else "identifier_type, identifier"
        self.db.execute(
            f"UPDATE {table} SET typed = {table}.identifier, "
            "fault = 'Le même identifiant revient à la ligne ' || next || ', qui l''emporte.' "
            f"FROM (SELECT line AS earlier, lead(line) OVER (PARTITION BY {by} ORDER BY line) AS next FROM {table} "
            "WHERE fault IS NULL QUALIFY next IS NOT NULL) WHERE earlier = line"
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
        always = ("line", "closes", "closed_on", *IDENTIFIED)
        shaped = (
            name if name in always else f"if(closes, NULL, {_SHAPED.get(name, name)}) AS {name}" for name in COLUMNS
        )
        return f"SELECT {', '.join(shaped)} FROM lines WHERE fault IS NULL AND line BETWEEN {first} AND {last}"

    def _one(self, statement):
        return self.db.execute(statement).fetchone()[0]

    def _lists(self, statement):
        found = self.db.execute(statement)
        return iter(lambda: found.fetchmany(2_000), [])


def kind_of(raw):
    """The kind of a file, by its columns."""
    with TemporaryDirectory() as folder, connected(Path(folder), [raw]) as db:
        return recognised(source(raw, db, Path(folder, "file")).header)[0].kind


def connected(folder, files):
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
