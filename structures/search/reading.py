"""Reading one table in order, whatever is asked of it, without reading much of it.

PostgreSQL cannot know whether the names that match are spread over the alphabet or stand together,
and its plan for one case takes seconds in the other. So each step here is bounded, and held to its
index:

1. the next rows in order, matching or not: a frequent pattern fills a page there;
2. the rows of a town, a postcode or an identifier, from its index;
3. the rows whose name holds the letters asked, from the trigram index, one slice of the alphabet
   after the other (`NAME_RANGES`), until the page is full. A slice where very many match is walked
   in order instead: the page is found within it.

SQLite reads its table: a hundred thousand rows take it hundredths of a second.
"""

from contextlib import contextmanager
from itertools import islice

from django.db import connection, transaction
from django.db.models import Value
from django.db.models.fields.tuple_lookups import (
    Tuple,
    TupleGreaterThan,
    TupleGreaterThanOrEqual,
    TupleLessThan,
    TupleLessThanOrEqual,
)

from structures.search.criteria import LAST

ORDERS = {
    "nom": ("legal_name_key",),
    "ville": ("city_key", "legal_name_key"),
    "identifiant": ("identifier",),
}
WALK = 5_000  # rows of an index read before another way is tried
DENSE = 1_000  # matches from which a slice is walked rather than sorted
SORTABLE = 5_000  # matches that are sorted by a column no index gives them by
WINDOW = 50_000  # rows of an index read at a time when everything is wanted
GROUPS = (1, 3, 8)  # slices asked together: few at first, all that remain in the end


class TooMany(Exception):
    """More rows match than can be put in that order."""


class Reading:
    """The rows of `rows` that meet `criteria`, in the order named, forwards or backwards.

    A position is (value of each ordering column…, id): where a row stands. Reads after a position
    return at most `wanted` of them, fewer only at the end. `few` rows are read without precautions.
    """

    def __init__(self, rows, criteria, order, *, backwards=False, slices=(("", LAST),), few=False):
        self.columns = (*ORDERS[order], "id")
        self.backwards = backwards
        self.criteria = criteria
        first, after = criteria.bounds(self.columns[0])
        # Bounds an index can start from, where a pattern cannot.
        self.table = rows.filter(**{f"{self.columns[0]}__gte": first, f"{self.columns[0]}__lt": after})
        self.matches = self.table.filter(criteria.condition)
        overlapping = [(low, high) for low, high in slices if low < after and high > first]
        self.slices = overlapping[::-1] if backwards else overlapping
        self.by_name = self.columns[0] == "legal_name_key"
        self.plain = few or connection.vendor != "postgresql"

    def after(self, position, wanted):
        """Positions of the next `wanted` matches; `position` None is the beginning."""
        if self.plain:
            return self._ordered(self._beyond(self.matches, position), wanted)
        with _held() as hold:
            hold("index")
            limit = self._walked(position, WALK)
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
                yield self._sorted(self._collected(hold))
        except TooMany:
            yield from self._windows()

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
                yield self._ordered(self._beyond(self.matches, position, limit, through=True), WINDOW)
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
        found, remaining, groups = [], self._remaining_slices(position), iter(GROUPS)
        while remaining and len(found) < wanted:
            size = next(groups, len(remaining))
            found += self._in_slices(hold, beyond, remaining[:size], wanted - len(found))
            remaining = remaining[size:]
        return found[:wanted]

    def _remaining_slices(self, position):
        name = position[0]
        return [(low, high) for low, high in self.slices if (low <= name if self.backwards else high > name)]

    def _in_slices(self, hold, beyond, slices, wanted):
        hold("bitmap")
        parts = [self._slice(beyond, *bounds).order_by()[: DENSE + 1] for bounds in slices]
        labelled = [part.annotate(part=Value(n)).values_list("part", *self.columns) for n, part in enumerate(parts)]
        rows = list(labelled[0].union(*labelled[1:], all=True)) if len(labelled) > 1 else list(labelled[0])
        found = []
        for number, bounds in enumerate(slices):
            positions = [tuple(row[1:]) for row in rows if row[0] == number]
            if len(positions) > DENSE:
                hold("index")
                positions = self._ordered(self._slice(beyond, *bounds), wanted - len(found))
            found += self._sorted(positions)
            if len(found) >= wanted:
                break
        return found

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
        further, further_or_at, before, before_or_at = (
            (TupleLessThan, TupleLessThanOrEqual, TupleGreaterThan, TupleGreaterThanOrEqual)
            if self.backwards
            else (TupleGreaterThan, TupleGreaterThanOrEqual, TupleLessThan, TupleLessThanOrEqual)
        )
        if position is not None:
            rows = rows.filter((further_or_at if inclusive else further)(self._place, position))
        if limit is not None:
            rows = rows.filter((before_or_at if through else before)(self._place, limit))
        return rows

    @property
    def _place(self):
        return Tuple(*self.columns)

    def _ordered(self, rows, wanted):
        return list(rows.order_by(*self._order_by()).values_list(*self.columns)[:wanted])

    def _order_by(self):
        return [f"-{column}" for column in self.columns] if self.backwards else self.columns

    def _sorted(self, positions):
        return sorted(positions, reverse=self.backwards)


_WAYS = {
    "index": {"bitmapscan": "off", "sort": "off"},
    "any index": {"bitmapscan": "off"},
    "bitmap": {"indexscan": "off", "indexonlyscan": "off"},
}
_SWITCHES = ("bitmapscan", "indexscan", "indexonlyscan", "sort")


@contextmanager
def _held():
    """A transaction in which `hold(way)` keeps the planner to one way of reading."""

    def hold(way, seqscan="off", jit="off"):
        settings = {name: _WAYS.get(way, {}).get(name, "on") for name in _SWITCHES} | {"seqscan": seqscan}
        words = [f"SET LOCAL enable_{name} = {value}" for name, value in settings.items()]
        with connection.cursor() as cursor:
            cursor.execute("; ".join([*words, f"SET LOCAL jit = {jit}"]))

    with transaction.atomic():
        yield hold
        hold(None, seqscan="on", jit="on")
