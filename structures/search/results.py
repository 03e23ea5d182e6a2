"""One list of the structures somebody may see, and of the directory for what does not live here."""

import heapq
from dataclasses import dataclass

from django.core import signing
from django.db.models import Q

from chorus.plumbing.reach import reach
from structures.models import BEGINNINGS, NAME_RANGES, DirectoryEntry, Establishment, Nature, Structure
from structures.search.criteria import number_key
from structures.search.reading import ORDERS, Reading
from structures.search.statements import reading

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
        rows = self.rows.in_bulk([place[-1] for place in places])
        return self._results({place: rows[place[-1]] for place in places if place[-1] in rows})

    def _results(self, found):
        return {place: Result(row, lives_here=True) for place, row in found.items()}

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
    """What lives here speaks for itself: its directory entry is not shown beside it."""

    def __init__(self, rank, rows, criteria, order, *, user, **how):
        super().__init__(rank, rows, criteria, order, **how)
        self.user = user

    def _results(self, found):
        same = Structure.objects.filter(identifier__in=[row.identifier for row in found.values()]).order_by()
        living = {
            (kind, identifier): (pk, nature)
            for kind, identifier, pk, nature in same.values_list("identifier_type", "identifier", "pk", "nature")
        }
        unseen = {pk for pk, nature in living.values() if nature == Nature.PRIVATE}
        if unseen:
            own = Structure.objects.filter(reach("structures.belong_to", self.user), pk__in=unseen)
            unseen -= set(own.values_list("pk", flat=True))
        shown_there = {key for key, (pk, _) in living.items() if pk not in unseen}
        return {
            place: Result(row, lives_here=key in living)
            for place, row in found.items()
            if (key := (row.identifier_type, row.identifier)) not in shown_there
        }


def _tables(user, criteria, order, backwards):
    public = Structure.objects.filter(nature=Nature.PUBLIC)
    private = Structure.objects.filter(nature=Nature.PRIVATE)
    how = {"backwards": backwards}
    tables = [_Table(0, public, criteria, order, **how)]
    # Everybody but support belongs to a handful.
    belonging = private.filter(reach("structures.belong_to", user))
    own = list(belonging.order_by().values_list("pk", flat=True)[: MANY + 1])
    if len(own) > MANY:
        tables.append(_Table(1, belonging, criteria, order, **how))
    elif own:
        tables.append(_Table(1, private.filter(pk__in=own), criteria, order, few=True, **how))
    return [*tables, _directory(user, criteria, order, **how)]


def _directory(user, criteria, order, **how):
    """What it masks is found by its number only, in the order of numbers: found by a name or a town, or standing where
    its name does, it would tell them."""
    shown = Q(undisclosed=False)
    if criteria.only_identifier and order == "identifiant":
        shown |= Q(identifier=criteria.only_identifier)
    rows = DirectoryEntry.objects.filter(shown)
    return _Directory(2, rows, criteria, order, user=user, slices=NAME_RANGES, beginnings=BEGINNINGS, **how)


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
    return signing.dumps([order, *place], salt="structures.search", compress=True)


def _unmarked(mark, order):
    if not mark:
        return None
    marked_order, *place = signing.loads(mark, salt="structures.search")
    if marked_order != order or len(place) != len(ORDERS[order]) + 2:
        raise signing.BadSignature("another order")
    return tuple(place)
