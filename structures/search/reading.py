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

from contextlib import contextmanager
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q, Value

from structures.search.criteria import LAST

ORDERS = {
    "nom": ("legal_name_key",),
    "ville": ("city_key", "legal_name_key"),
    "identifiant": ("identifier",),
}
WALK = 5_000  # rows of an index read before another way is tried, by name
DENSE = 1_000  # matches from which a slice is walked rather than sorted
SORTABLE = 5_000  # matches that are sorted by a column no index gives them by
WINDOW = 50_000  # the same in another order; and rows read at a time when everything is wanted
CLUSTERS = 3  # beginnings tried
GROUPS = (1, 2, 3, 4, 6)  # slices asked together: few at first, as a page is soon full
# Stand for a slice's number and bounds: no id is negative but -1, before all others; no key holds such signs.
_MARKS = (-2, "\x01", "\x02")


class TooMany(Exception):
    """More rows match than can be put in that order."""


class Reading:
    """The rows of `rows` that meet `criteria`, in the order named, forwards or backwards.

    A position is (value of each ordering column…, id): where a row stands. Reads after a position
    return at most `wanted` of them, fewer only at the end. `few` rows are read without precautions.
    """

    def __init__(self, rows, criteria, order, *, backwards=False, slices=(("", LAST),), beginnings=(), few=False):
        self.columns = (*ORDERS[order], "id")
        self.backwards = backwards
        self.criteria = criteria
        # Bounds an index can start from, where a pattern cannot.
        first, after = criteria.bounds(self.columns[0])
        self.rows = rows
        self.table = rows.filter(**{f"{self.columns[0]}__gte": first, f"{self.columns[0]}__lt": after})
        self.matches = self.table.filter(criteria.condition)
        first, after = criteria.bounds("legal_name_key")
        overlapping = [(low, high) for low, high in slices if low < after and high > first]
        self.slices = overlapping[::-1] if backwards else overlapping
        self.beginnings = sorted(filter(criteria.holds_for_all, beginnings), reverse=backwards)
        self.by_name = self.columns[0] == "legal_name_key"
        self.plain = few or connection.vendor != "postgresql"

    def after(self, position, wanted):
        """Positions of the next `wanted` matches; `position` None is the beginning."""
        if self.plain:
            return self._ordered(self._beyond(self.matches, position), wanted)
        with _held() as hold:
            hold("index")
            limit = self._walked(position, WALK if self.by_name else WINDOW)
            found = self._ordered(self._beyond(self.matches, position, limit), wanted)
            if len(found) == wanted or limit is None:
                return found
            # One position stands on the limit itself.
            return found + self._sought(hold, limit, wanted - len(found), inclusive=True)

    def all(self):
        """Positions of all matches, in lists."""
        if self.plain:
            yield from self._chunks_from_iterator()
            return
        try:
            with _held() as hold:
                found = self._sorted(self._collected(hold))
        except TooMany:
            yield from self._windows()
        else:
            yield found

    def _chunks_from_iterator(self):
        rows = self.matches.order_by(*self._order_by()).values_list(*self.columns).iterator(chunk_size=2000)
        while chunk := list(islice(rows, 2000)):
            yield chunk

    def _windows(self):
        position = None
        while True:
            with _held() as hold:
                hold("index")
                limit = self._walked(position, WINDOW)
                found = self._ordered(self._beyond(self.matches, position, limit, through=True), WINDOW)
            # Outside the transaction: whoever reads this may take minutes, or never come back.
            yield found
            if limit is None:
                return
            position = limit

    def _sought(self, hold, position, wanted, *, inclusive):
        beyond = self._beyond(self.matches, position, inclusive=inclusive)
        if not self.by_name:
            found = self._sorted(self._collected(hold, beyond))
            return found[:wanted]
        if self.criteria.is_anchored or not self.criteria.names_something:
            hold("any index")
            return self._ordered(beyond, wanted)
        cluster, remaining = self._cluster(hold, beyond, wanted, self._remaining_slices(position))
        found, groups, statement = [], iter(GROUPS), self._of_a_slice(position)
        while remaining and len(found) < wanted:
            size = next(groups, len(remaining))
            found += self._in_slices(hold, statement, position, remaining[:size], wanted - len(found))
            remaining = remaining[size:]
        if len(found) < wanted and cluster:
            hold("index")
            found += self._ordered(self._slice(beyond, *cluster), wanted - len(found))
        return found[:wanted]

    def _cluster(self, hold, matches, wanted, slices):
        """Where names with one of `beginnings` fill a page: the bounds of the slice it is found in, and the slices
        that come before; else None and all slices."""
        hold("index")
        for word in self.beginnings[:CLUSTERS]:
            first, after = word, word + LAST
            within = [number for number, (low, high) in enumerate(slices) if low <= first and after <= high]
            if within and len(self._ordered(self._slice(matches, first, after), wanted)) == wanted:
                return slices[within[0]], slices[: within[0]]
        return None, slices

    def _remaining_slices(self, position):
        name = position[0]
        return [(low, high) for low, high in self.slices if (low <= name if self.backwards else high > name)]

    def _in_slices(self, hold, statement, position, slices, wanted):
        hold("bitmap")
        parts = [[] for _ in slices]
        for number, *place in _of_each_slice(*statement, slices):
            parts[number].append(tuple(place))
        found = []
        for bounds, positions in zip(slices, parts, strict=True):
            if len(positions) > DENSE:
                hold("index")
                beyond = self._slice(self._beyond(self.matches, position, inclusive=True), *bounds)
                positions = self._ordered(beyond, wanted - len(found))
            found += self._sorted(positions)
            if len(found) >= wanted:
                break
        return found

    def _of_a_slice(self, position):
        """The statement, as (sql, params), of (number of the slice, position) of up to DENSE + 1 matches of a
        slice, in no order; _MARKS stand for the slice."""
        some = self._beyond(self.rows.filter(self.criteria.condition), position, inclusive=True)
        number, *bounds = _MARKS
        some = self._slice(some, *bounds).order_by().annotate(part=Value(number))
        return some.values_list("part", *self.columns)[: DENSE + 1].query.sql_with_params()

    def _slice(self, rows, low, high):
        return rows.filter(legal_name_key__gte=low, legal_name_key__lt=high)

    def _collected(self, hold, matches=None):
        """All positions in no order; TooMany above what can be sorted."""
        matches = self.matches if matches is None else matches
        found = []
        by_place = self.criteria.is_anchored or not self.criteria.names_something
        hold("any index" if by_place else "bitmap")
        for part in [matches] if by_place else [self._slice(matches, *bounds) for bounds in self.slices]:
            found += part.order_by().values_list(*self.columns)[: SORTABLE + 1 - len(found)]
            if len(found) > SORTABLE:
                raise TooMany
        return found

    def _walked(self, position, steps):
        """The position `steps` rows of the table further, None when it has fewer."""
        further = self._beyond(self.table, position).order_by(*self._order_by())
        return next(iter(further.values_list(*self.columns)[steps - 1 : steps]), None)

    def _beyond(self, rows, position, limit=None, *, inclusive=False, through=False):
        """`rows` after `position`, and before `limit` (or up to it, `through`)."""
        further, before = ("lt", "gt") if self.backwards else ("gt", "lt")
        if position is not None:
            rows = rows.filter(self._standing(further, position, inclusive))
        if limit is not None:
            rows = rows.filter(self._standing(before, limit, through))
        return rows

    def _standing(self, side, position, inclusive):
        """Rows on one side of `position`. Said column by column: PostgreSQL does not stop reading an index at a
        row-wise comparison."""
        *columns, last = zip(self.columns, position, strict=True)
        beyond = Q((f"{last[0]}__{side}{'e' * inclusive}", last[1]))
        for column, value in reversed(columns):
            beyond = Q((f"{column}__{side}", value)) | Q((column, value)) & beyond
        return Q((f"{self.columns[0]}__{side}e", position[0])) & beyond

    def _ordered(self, rows, wanted):
        return list(rows.order_by(*self._order_by()).values_list(*self.columns)[:wanted])

    def _order_by(self):
        return [f"-{column}" for column in self.columns] if self.backwards else self.columns

    def _sorted(self, positions):
        return sorted(positions, reverse=self.backwards)


def _of_each_slice(sql, params, slices):
    """What the statement of one slice finds in each of several, in one round trip."""
    values = []
    for number, bounds in enumerate(slices):
        mine = dict(zip(_MARKS, (number, *bounds), strict=True))
        values += [mine.get(value, value) for value in params]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([f"({sql})"] * len(slices)), values)
        return cursor.fetchall()


_WAYS = {
    "index": {"bitmapscan": "off", "sort": "off"},
    "any index": {"bitmapscan": "off"},
    "bitmap": {"indexscan": "off", "indexonlyscan": "off"},
}
_SWITCHES = ("bitmapscan", "indexscan", "indexonlyscan", "sort")


@contextmanager
def _held():
    """A transaction in which `hold(way)` keeps the planner to one way of reading."""

    held = None

    def hold(way, seqscan="off", jit="off"):
        nonlocal held
        if way == held:
            return
        held = way
        settings = {name: _WAYS.get(way, {}).get(name, "on") for name in _SWITCHES} | {"seqscan": seqscan}
        words = [f"SET LOCAL enable_{name} = {value}" for name, value in settings.items()]
        with connection.cursor() as cursor:
            cursor.execute("; ".join([*words, f"SET LOCAL jit = {jit}"]))

    with transaction.atomic():
        yield hold
        hold("planner's own", seqscan="on", jit="on")
