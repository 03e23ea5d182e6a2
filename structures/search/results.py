"""One list of the structures somebody may see, and of the directory for what does not live here."""

import heapq
from dataclasses import dataclass
from functools import cache

from django.core import signing
from django.db.models import Q

from directory.models import BEGINNINGS, NAME_RANGES, DirectoryEntry, Establishment, Nature
from plumbing.reach import held, reach
from structures.models import Structure, entries_beside_structures
from structures.search.criteria import number_key
from structures.search.reading import ORDERS, Reading
from structures.search.statements import Reader, Selection, reading

PAGE = 20
MANY = 1_000
_BIGGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Result:
    """An establishment found; `lives_here` tells it of a private structure too, whose page only its own people see."""

    establishment: Establishment
    lives_here: bool

    @property
    def structure(self):
        return self.establishment if isinstance(self.establishment, Structure) else None


@dataclass(frozen=True)
class Page:
    results: list[Result]
    before: str = ""  # mark of the page before, empty on the first
    after: str = ""


class _Table:
    """One of the two tables. A place in the whole list is (value of each ordering column…, rank, id)."""

    def __init__(self, rank, rows, criteria, order, **how):
        self.rank, self.rows = rank, rows
        self.reading = Reading(rows, criteria, order, **how)

    def after(self, reader, place, wanted):
        """The next `wanted` places, fewer only at the end."""
        return [self._place(position) for position in self.reading.after(reader, self._position(place), wanted)]

    def all(self):
        """(place, Result) of all rows to be shown."""
        for positions in self.reading.all():
            for start in range(0, len(positions), 2000):
                places = [self._place(position) for position in positions[start : start + 2000]]
                yield from self.shown(places).items()

    def shown(self, places):
        """Results by place, of those that are to be shown."""
        results = self._results(self.rows.taking(["*"]).one_of("id", [place[-1] for place in places]))
        return {place: results[place[-1]] for place in places if place[-1] in results}

    def _results(self, rows):
        """Results by id."""
        return {row.pk: Result(row, lives_here=True) for row in Structure.objects.raw(rows.sql, rows.params)}

    def _place(self, position):
        return (*position[:-1], self.rank, position[-1])

    def _position(self, place):
        if place is None:
            return None
        *values, rank, identity = place
        if rank != self.rank:
            # What is equal to it in this table stands wholly before it, or wholly after.
            identity = -1 if self.rank > rank else _BIGGEST_ID
        return (*values, identity)


class _Directory(_Table):
    """What lives here speaks for itself: its directory entry is not shown beside it.

    `own(ids)`: those of these private structures that the person may see.
    """

    def __init__(self, rank, rows, criteria, order, *, own, **how):
        super().__init__(rank, rows, criteria, order, **how)
        self.own = own

    def _results(self, rows):
        entries = list(entries_beside_structures(rows.sql, rows.params))
        private = {entry.here_id for entry in entries if entry.here_nature == Nature.PRIVATE}
        unseen = private and private - self.own(private)
        return {
            entry.pk: Result(entry, lives_here=entry.here_id is not None)
            for entry in entries
            if entry.here_id is None or entry.here_id in unseen
        }


def _ids(rows):
    return Selection.of(rows.order_by().values_list("id"))


@cache
def _structures(nature):
    return _ids(Structure.objects.filter(nature=nature))


@cache
def _disclosed():
    return _ids(DirectoryEntry.objects.filter(undisclosed=False))


def _tables(user, criteria, order, backwards):
    private, of_all = _structures(Nature.PRIVATE), {"backwards": backwards}
    tables = [_Table(0, _structures(Nature.PUBLIC), criteria, order, **of_all)]
    keys = held("structures.belong_to", user)
    # Everybody but support belongs to a handful.
    own = None if keys is None else {pk for (pk,) in Reader().rows(Selection.of(keys).cut(MANY + 1))}
    if own is None:
        tables.append(_Table(1, private, criteria, order, **of_all))
    elif len(own) > MANY:
        rows = _ids(Structure.objects.filter(pk__in=keys, nature=Nature.PRIVATE))
        tables.append(_Table(1, rows, criteria, order, **of_all))
    elif own:
        tables.append(_Table(1, private.one_of("id", own), criteria, order, few=True, **of_all))

    def owned(ids):
        if own is None:
            return ids
        if len(own) <= MANY:
            return own & ids
        return set(Structure.objects.filter(pk__in=ids).filter(pk__in=keys).values_list("pk", flat=True))

    how = of_all | {"own": owned, "slices": NAME_RANGES, "beginnings": BEGINNINGS}
    return [*tables, _Directory(2, _directory(criteria, order), criteria, order, **how)]


def _directory(criteria, order):
    """What it masks is found by its number only, in the order of numbers: found by a name or a town, or standing where
    its name does, it would tell them."""
    if criteria.only_identifier and order == "identifiant":
        shown = Q(undisclosed=False) | Q(identifier=criteria.only_identifier)
        return _ids(DirectoryEntry.objects.filter(shown))
    return _disclosed()


def find(user, criteria, *, order="", descending=False, before="", after=""):
    """The page of results after (or before) a mark given by the page next to it.

    An identifier match comes first: that is the order when none is named.

    Raises TooMany when so many match that they cannot be put in that order, BadSignature when
    the mark is none of ours.
    """
    order = order or criteria.natural_order
    backwards = descending != bool(before)
    mark = _unmarked(before or after, order)
    found = _next(_tables(user, criteria, order, backwards), mark, PAGE + 1, backwards)
    more, found = len(found) > PAGE, found[:PAGE]
    if before:
        found.reverse()
    more_before, more_after = (more, True) if before else (bool(after), more)
    return Page(
        [result for _, result in found],
        before=_marked(found[0][0], order) if found and more_before else "",
        after=_marked(found[-1][0], order) if found and more_after else "",
    )


def _next(tables, place, wanted, backwards):
    """The next `wanted` (place, Result) after `place`, fewer only at the end."""
    found, more = [], True
    while more and len(found) < wanted:
        with reading() as reader:
            places, more = _places(reader, tables, place, wanted, backwards)
        shown = {}
        for table in tables:
            if mine := [place for place in places if place[-2] == table.rank]:
                shown |= table.shown(mine)
        found += [(place, shown[place]) for place in places if place in shown]
        place = places[-1] if places else None
    return found[:wanted]


def _places(reader, tables, place, wanted, backwards):
    """(the next places of all tables, whether there are more)"""
    places, end = [], None
    for table in tables:
        # A hidden entry of the directory leaves its place to its structure, which may stand just behind it.
        asked = wanted + 1
        there = table.after(reader, place, asked)
        if len(there) == asked:
            # Of what comes after, this table may hold some that is not read.
            end = there[-1] if end is None else (max if backwards else min)(end, there[-1])
        places += there
    places.sort(reverse=backwards)
    if end is not None:
        places = places[: places.index(end) + 1]
    return places, end is not None


def everything(user, criteria, *, order="", descending=False):
    """All Results, in order, as they are read: memory does not grow with their number."""
    order = order or criteria.natural_order
    parts = [table.all() for table in _tables(user, criteria, order, descending)]
    return (result for _, result in heapq.merge(*parts, key=lambda found: found[0], reverse=descending))


def exists_unseen(user, criteria):
    """Whether an identifier typed in full is that of a structure `user` may not see."""
    if not criteria.identifier:
        return False
    named = Structure.objects.filter(identifier=number_key(criteria.identifier))
    return named.exclude(pk__in=named.filter(reach("structures.view_structure", user))).exists()


def _marked(place, order):
    return signing.dumps([order, *place], salt="structures.search")


def _unmarked(mark, order):
    if not mark:
        return None
    marked_order, *place = signing.loads(mark, salt="structures.search")
    if marked_order != order or len(place) != len(ORDERS[order]) + 2:
        raise signing.BadSignature("another order")
    return tuple(place)
