"""Reading one table in order, whatever is asked of it, without reading much of it.

PostgreSQL cannot know whether the names that match are spread over the alphabet or stand together,
and its plan for one case takes seconds in the other. So each step here is bounded, and held to its
index:

1. the next rows in order, matching or not: a frequent pattern fills a page there;
2. the rows of a town, a postcode or an identifier, from its index;
3. the rows whose name holds the letters asked, from the trigram index, one slice of the alphabet
   after the other (`NAME_RANGES`), until the page is full. A slice where very many match is walked
   in order instead: the page is found within it. Where a word so many names begin with holds the
   letters asked (`BEGINNINGS`), its names fill the page, and slices are read only up to there.

SQLite reads its table: a hundred thousand rows take it hundredths of a second.
"""

from functools import lru_cache, partial
from itertools import groupby
from operator import itemgetter

from django.db import connection

from structures.search.criteria import LAST
from structures.search.statements import Late, Selection, planned, reading

ORDERS = {
    "nom": ("legal_name_key",),
    "ville": ("city_key", "legal_name_key"),
    "identifiant": ("identifier",),
}
WALK = 5_000  # rows of an index read before another way is tried, by name
WALK_HERE = 1_500  # the same among structures: they change, so that PostgreSQL has to look at each row too
DENSE = 2_000  # matches from which a slice is walked rather than sorted
SORTABLE = 5_000  # matches that are sorted by a column no index gives them by
WINDOW = 50_000  # the same in another order; and rows read at a time when everything is wanted
CLUSTERS = 3  # beginnings tried
PLAIN = 2_000  # rows read at a time where no precaution is needed


class TooMany(Exception):
    """More rows match than can be put in that order."""


class Reading:
    """Those of `rows`, a Selection, that meet `criteria`, in the order named, forwards or backwards.

    A position is (value of each ordering column…, id): where a row stands. Reads after a position
    return at most `wanted` of them, fewer only at the end. `few` rows are read without precautions.
    """

    def __init__(self, rows, criteria, order, *, backwards=False, slices=(("", LAST),), beginnings=(), few=False):
        self.columns = (*ORDERS[order], "id")
        self.backwards = backwards
        self.criteria = criteria
        self.patterns = criteria.patterns
        asked = dict.fromkeys([*self.columns, *(column for column, _ in self.patterns)])
        self.rows = rows.taking(self.columns)
        # Bounds an index can start from, where a pattern cannot.
        bounds = criteria.bounds(self.columns[0])
        self.table = self.rows.taking(asked).within(self.columns[0], *bounds)
        self.matches = self.rows.within(self.columns[0], *bounds).matching(self.patterns)
        self.slices = slices
        self.beginnings = beginnings
        self.by_name = self.columns[0] == "legal_name_key"
        walk = WALK if len(slices) > 1 else WALK_HERE
        self.steps = walk if self.by_name else WINDOW
        self.by_place = criteria.is_anchored or not criteria.names_something
        self.plain = few or connection.vendor != "postgresql"

    def after(self, reader, position, wanted):
        """Positions of the next `wanted` matches; `position` None is the beginning."""
        if self.plain:
            return reader.rows(self._ordered(self._beyond(self.matches, position), wanted))
        next_ones = self._ordered(self._beyond(self.table, position), self.steps)
        found = reader.rows(next_ones.among(self.columns, self.patterns).cut(wanted), "index")
        return found if len(found) == wanted else self._sought(reader, position, wanted)[:wanted]

    def all(self):
        """Positions of all matches, in lists."""
        if self.plain:
            yield from self._pages()
            return
        try:
            with reading() as reader:
                found = self._sorted(self._collected(reader))
        except TooMany:
            yield from self._windows()
        else:
            yield found

    def _pages(self):
        position, more = None, True
        while more:
            with reading() as reader:
                found = self.after(reader, position, PLAIN)
            yield found
            more = len(found) == PLAIN
            position = found[-1] if more else None

    def _windows(self):
        position = None
        while True:
            with reading() as reader:
                next_ones = self._ordered(self._beyond(self.table, position), WINDOW)
                matches = next_ones.among(("0", *self.columns), self.patterns)
                last = next_ones.among(("1", *self.columns)).skipping(WINDOW - 1)
                # In one statement: rows written meanwhile would part them.
                rows = reader.rows(Selection.union([matches, last]), "index")
            # Outside the transaction: whoever reads this may take minutes, or never come back.
            yield [tuple(place) for is_last, *place in rows if not is_last]
            if not rows or not rows[-1][0]:
                return
            position = tuple(rows[-1][1:])

    def _sought(self, reader, position, wanted):
        beyond = self._beyond(self.matches, position)
        if not self.by_name:
            return self._sorted(self._collected(reader, position))
        if self.by_place:
            return reader.rows(self._ordered(beyond, wanted), "any index")
        cluster, slices = self._cluster(reader, beyond, wanted, self._slices_beyond(position))
        found = self._in_slices(reader, position, slices, wanted) if slices else []
        if cluster is not None and len(found) < wanted:
            there = beyond.within("legal_name_key", *self.slices[cluster])
            found += reader.rows(self._ordered(there, wanted - len(found)), "index")
        return found

    def _slices_beyond(self, position):
        """Numbers of the slices in which there may be matches after `position`, in order."""
        first, after = self.criteria.bounds("legal_name_key")
        there = [
            number
            for number, (low, high) in enumerate(self.slices)
            if low < after
            and high > first
            and (position is None or (low <= position[0] if self.backwards else high > position[0]))
        ]
        return self._sorted(there)

    def _cluster(self, reader, matches, wanted, slices):
        """(the slice in which names with one of `beginnings` fill a page, the slices that come before); or else
        (None, all slices)."""
        for word in self._sorted(filter(self.criteria.holds_for_all, self.beginnings))[:CLUSTERS]:
            first, after = word, word + LAST
            for place, number in enumerate(slices):
                low, high = self.slices[number]
                if low <= first and after <= high:
                    there = reader.rows(self._ordered(matches.within("legal_name_key", first, after), wanted), "index")
                    if len(there) == wanted:
                        return number, slices[:place]
        return None, slices

    def _in_slices(self, reader, position, slices, wanted):
        """The next matches in these slices."""
        found = []
        rows = self._planned(reader, partial(_first_of_slices, DENSE), position, slices, wanted)
        for number, there in groupby(rows, itemgetter(0)):
            counts, places = zip(*((count, tuple(place)) for _, count, *place in there), strict=True)
            if counts[0] > DENSE:
                beyond = self._beyond(self.matches, position).within("legal_name_key", *self.slices[number])
                places = reader.rows(self._ordered(beyond, wanted - len(found)), "index")
            found += places
            if len(found) >= wanted:
                break
        return found

    def _collected(self, reader, position=None):
        """All positions after `position`, in no order; TooMany above what can be sorted."""
        if self.by_place:
            found = reader.rows(self._beyond(self.matches, position).cut(SORTABLE + 1), "any index")
        else:
            found = self._planned(reader, _all_of_slices, position, range(len(self.slices)), SORTABLE + 1)
        if len(found) > SORTABLE:
            raise TooMany
        return found

    def _planned(self, reader, statement, position, slices, wanted):
        asked = tuple(column for column, _ in self.patterns)
        plan = statement(self.rows, self.columns, tuple(self.slices), asked, position is not None, self.backwards)
        patterns = {f"pattern {number}": pattern for number, (_, pattern) in enumerate(self.patterns)}
        place = zip(self.columns, position or (), strict=False)
        return reader.planned(
            plan, patterns | dict(place) | {"first": min(slices), "last": max(slices), "wanted": wanted}, "bitmap"
        )

    def _beyond(self, rows, position):
        return rows.beyond(self.columns, position, self.backwards)

    def _ordered(self, rows, wanted):
        return rows.ordered(self.columns, self.backwards, wanted)

    def _sorted(self, positions):
        return sorted(positions, reverse=self.backwards)


@lru_cache(maxsize=50)
def _first_of_slices(dense, rows, columns, slices, asked, positioned, backwards):
    """(number of the slice, how many match in it up to `dense` + 1, position) of the first wanted."""
    parts = []
    for number in sorted(range(len(slices)), reverse=backwards):
        some = _part(rows, columns, slices, number, asked, positioned, backwards).cut(dense + 1)
        some = some.among((str(number), "count(*) OVER ()", *columns))
        parts.append(some.ordered(columns, backwards, Late("wanted")))
    return planned(Selection.union(parts).cut(Late("wanted")))


@lru_cache(maxsize=50)
def _all_of_slices(rows, columns, slices, asked, positioned, backwards):
    """Positions, up to the number wanted."""
    parts = [_part(rows, columns, slices, number, asked, positioned, backwards) for number in range(len(slices))]
    return planned(Selection.union(parts).cut(Late("wanted")))


def _part(rows, columns, slices, number, asked, positioned, backwards):
    """Matches of one slice, of which nothing is read unless it is between the "first" and the "last".

    As all that differs from one search to the next is given late, one plan serves them all.
    """
    rows = rows.within("legal_name_key", *slices[number]).where(
        f"{number} BETWEEN %s AND %s", Late("first"), Late("last")
    )
    rows = rows.matching([(column, Late(f"pattern {place}")) for place, column in enumerate(asked)])
    return rows.beyond(columns, [Late(column) for column in columns] if positioned else None, backwards)
