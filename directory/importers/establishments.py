"""What the three kinds of files of establishments have in common: the line they become in the database."""

from hashlib import blake2b
from operator import itemgetter

from directory.identifiers import IdentifierType
from directory.importers.cells import LONGEST_TEXT, needs_tidying, tidy
from directory.importers.faults import Fault
from directory.models import Establishment
from plumbing.text import postcode_key, search_key, search_keys

# A row as COPY writes it: these columns, parted by tabs.
COLUMNS = (
    "identifier_type",
    "identifier",
    "nature",
    *Establishment.DESCRIPTIVE,
    "undisclosed",
    "legal_name_key",
    "label_key",
    "city_key",
    "closed_on",
)
CLOSED_SOMEDAY = ""
# To be raised whenever lines are understood otherwise than before: all are then read anew.
RULES = 2
_TOWNS_REMEMBERED = 50_000
SIRET = IdentifierType.SIRET.value


class Layout:
    """Where a kind of file keeps what we need of a line.

    `names`: ours → those the files give; `required`: ours, without which the file is of another kind.
    """

    names = {}
    required = frozenset()
    # Whether records are read with what the database says of their units: not by the thread that reads ahead, then.
    needs_units = False
    # What else than the record `read` goes by, of a key; None for nothing.
    context = None

    def __init__(self, columns):
        self.delimiter, self.width = columns.delimiter, len(columns.header)
        self.places = {ours: columns.place(names) for ours, names in self.names.items()}
        # A column the file does not have is read beyond the end of its lines, where an empty cell is put.
        self._pick = itemgetter(*(self.width if place is None else place for place in self.places.values()))
        self._number = self.places[self.identified_by]
        told = blake2b(f"{RULES} {self.kind} {columns.header}".encode(), digest_size=16)
        self._digest = blake2b(digest_size=8, person=told.digest())

    def has(self, *ours):
        return any(self.places[name] is not None for name in ours)

    def cells(self, record):
        """The cells of `names`, in that order and tidy; None for an empty line."""
        row = record.split(self.delimiter) if isinstance(record, str) else record
        if len(row) != self.width:
            row = self._squared(row)
            if row is None:
                return None
        cells = self._pick((*row, ""))
        joined = "|".join(cells)
        if needs_tidying(joined):
            cells = [tidy(cell) for cell in cells]
            if not any(cells) and not any(row):
                return None
        elif not joined.strip("|") and not any(row):
            return None
        return cells

    def read_all(self, records):
        """What `read` makes of each of these (line, record), or the Fault it found: (key, text of the row less closing
        date and digest, closing date or None), or None for an empty line."""
        return [self._said(record) for _, record in records]

    def _said(self, record):
        try:
            return record if isinstance(record, Fault) else self.read(record)
        except Fault as fault:
            # Another one, that does not keep hold of all that was being done.
            return Fault(fault.reason)

    def number(self, record):
        """What a record gives as identifier, "" when it is too short."""
        cells = record.split(self.delimiter, self._number + 1) if isinstance(record, str) else record
        return cells[self._number] if len(cells) > self._number else ""

    def marks(self, records):
        """(key, digest) of each of these (line, record), before they are read; (None, None) where the key takes
        reading."""
        return [(None, None) if isinstance(record, Fault) else self._mark(record) for _, record in records]

    def _mark(self, record):
        key = self.key(self.number(record))
        if key is None:
            return None, None
        text = record if isinstance(record, str) else "\x1f".join(record)
        if self.context:
            text += self.context(key)
        digest = self._digest.copy()
        digest.update(text.encode())
        return key, int.from_bytes(digest.digest(), signed=True)

    def _squared(self, row):
        """A row of the header's width, when only empty cells at its end part it from that."""
        if not any(cell.strip() for cell in row):
            return None
        if len(row) < self.width or any(cell.strip() for cell in row[self.width :]):
            raise Fault(
                f"La ligne compte {len(row)} cellules au lieu de {self.width} : "
                "un séparateur ou un guillemet manque ou est de trop."
            )
        return row[: self.width]

    def typed(self, record):
        """What a record gives as identifier, for the report."""
        return "".join(c if c.isprintable() else " " for c in self.number(record)[:100]).strip()


class EstablishmentLayout(Layout):
    """`told` names the database columns that a line writes; others stay as they are.

    `read` says (key, what is told, closing date or None): told are nature, name, label, address and its two
    complements, postcode with city and country, whether it is undisclosed, and the city's key; or a Fault.
    """

    model_name = "DirectoryEntry"

    def __init__(self, columns):
        super().__init__(columns)
        untold = self.untold()
        self.told = (*(name for name in COLUMNS if name.removesuffix("_key") not in untold), "line_digest")
        self.tells_closing = "closed_on" not in untold
        # The closing date and the digest are added last.
        composed = COLUMNS[:-1]
        self._told = (
            None
            if set(composed) <= set(self.told)
            else itemgetter(*(place for place, name in enumerate(composed) if name in self.told))
        )
        self._towns = {}

    def untold(self):
        return set()

    def key(self, number):
        number = number.replace(" ", "")
        return f"{SIRET}\t{number}" if len(number) == 14 and number.isdecimal() else None

    def read_all(self, records):
        said = super().read_all(records)
        texts = iter(self._texts([each for each in said if _is_told(each)]))
        return [(each[0], next(texts), each[2]) if _is_told(each) else each for each in said]

    def _texts(self, said):
        """Rows as COPY writes them, less closing date and digest. A column at a time, which takes half the time."""
        if not said:
            return []
        keys, told, _ = zip(*said, strict=True)
        told = list(zip(*told, strict=True))
        names, labels = told[1:3]
        cities = told.pop()
        for texts in (names, labels):
            told.append([key[:LONGEST_TEXT] for key in search_keys(texts)])
        rows = map("\t".join, zip(keys, *told, cities, strict=True))
        rows = [row.replace("\\", "\\\\") if "\\" in row else row for row in rows]
        return ["\t".join(self._told(row.split("\t"))) for row in rows] if self._told else rows

    def town(self, postcode, city, country):
        """(postcode, city and country as written, the city's search key); few differ, so they are remembered."""
        try:
            return self._towns[postcode, city, country]
        except KeyError:
            pass
        if len(self._towns) > _TOWNS_REMEMBERED:
            self._towns.clear()
        france = country in ("", "France")
        # A spreadsheet makes 1000 of 01000.
        full = postcode_key(postcode)
        full = f"0{full}" if france and len(full) == 4 and full.isdecimal() else full
        for text, longest, what in ((full, 10, "Le code postal"), (city, 100, "La ville"), (country, 60, "Le pays")):
            if len(text) > longest:
                raise Fault(f"{what} dépasse {longest} caractères : une cellule est sans doute décalée.")
        town = f"{full}\t{city}\t{country or 'France'}", search_key(city)[:100]
        self._towns[postcode, city, country] = town
        return town


def _is_told(said):
    """Whether a line says a row."""
    return type(said) is tuple and type(said[1]) is tuple
