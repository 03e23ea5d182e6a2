"""One list of the structures somebody may see, and of the directory for what does not live here."""

import heapq
from dataclasses import dataclass
from itertools import islice

from django.core import signing
from django.db.models import Q

from chorus.plumbing.reach import reach
from structures.models import BEGINNINGS, NAME_RANGES, DirectoryEntry, Establishment, Nature, Structure
from structures.search.criteria import number_key
from structures.search.reading import ORDERS, Reading

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

    def __init__(self, rank, rows, user, criteria, order, **how):
        self.rank, self.rows, self.user = rank, rows, user
        self.reading = Reading(rows, criteria, order, **how)

    def after(self, place, wanted):
        """The next `wanted` (place, row) after `place`, fewer only at the end."""
        found = []
        while len(found) < wanted:
            positions = self.reading.after(self._position(place), wanted)
            found += self._shown(positions)
            if len(positions) < wanted:
                break
            place = self._place(positions[-1])
        return found[:wanted]

    def all(self):
        for positions in self.reading.all():
            for start in range(0, len(positions), 2000):
                yield from self._shown(positions[start : start + 2000])

    def _shown(self, positions):
        rows = self.rows.in_bulk([position[-1] for position in positions])
        found = [(self._place(p), rows[p[-1]]) for p in positions if p[-1] in rows]
        return self._results(found)

    def _results(self, found):
        """(place, Result) of those of `found`, (place, row), that are to be shown."""
        return [(place, Result(row, lives_here=True)) for place, row in found]

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

    def _results(self, found):
        identifiers = [row.identifier for _, row in found]
        living = _identified(Structure.objects.all(), identifiers)
        visible = Structure.objects.filter(reach("structures.view_structure", self.user))
        shown_there = _identified(visible, identifiers) if living else set()
        return [
            (place, Result(row, lives_here=key in living))
            for place, row in found
            if (key := (row.identifier_type, row.identifier)) not in shown_there
        ]


def _identified(structures, identifiers):
    """(identifier_type, identifier) of those of `structures` that bear one of `identifiers`."""
    same = structures.filter(identifier__in=identifiers)
    return set(same.values_list("identifier_type", "identifier"))


def _tables(user, criteria, order, backwards):
    public = Structure.objects.filter(nature=Nature.PUBLIC)
    private = Structure.objects.filter(nature=Nature.PRIVATE)
    # Everybody but support belongs to a handful.
    belonging = reach("structures.belong_to", user)
    own = list(private.filter(belonging).values_list("pk", flat=True)[: MANY + 1])
    few = len(own) <= MANY
    how = {"backwards": backwards}
    return [
        _Table(0, public, user, criteria, order, **how),
        _Table(1, private.filter(Q(pk__in=own) if few else belonging), user, criteria, order, few=few, **how),
        _directory(user, criteria, order, **how),
    ]


def _directory(user, criteria, order, **how):
    """What it masks is found by its number only, in the order of numbers: found by a name or a town, or standing where
    its name does, it would tell them."""
    shown = Q(undisclosed=False)
    if criteria.only_identifier and order == "identifiant":
        shown |= Q(identifier=criteria.only_identifier)
    rows = DirectoryEntry.objects.filter(shown)
    return _Directory(2, rows, user, criteria, order, slices=NAME_RANGES, beginnings=BEGINNINGS, **how)


def find(user, criteria, *, order="", descending=False, before="", after=""):
    """The page of results after (or before) a mark given by the page next to it.

    An identifier match comes first: that is the order when none is named.

    Raises TooMany when so many match that they cannot be put in that order, BadSignature when
    the mark is none of ours.
    """
    order = order or criteria.natural_order
    backwards = descending != bool(before)
    mark = _unmarked(before or after, order)
    tables = _tables(user, criteria, order, backwards)
    merged = heapq.merge(
        *(table.after(mark, PAGE + 1) for table in tables), key=lambda found: found[0], reverse=backwards
    )
    found = list(islice(merged, PAGE + 1))
    more, found = len(found) > PAGE, found[:PAGE]
    if before:
        found.reverse()
    more_before, more_after = (more, True) if before else (bool(after), more)
    return Page(
        [result for _, result in found],
        before=_marked(found[0][0], order) if found and more_before else "",
        after=_marked(found[-1][0], order) if found and more_after else "",
    )


def everything(user, criteria, *, order="", descending=False):
    """All Results, in order, as they are read: memory does not grow with their number."""
    order = order or criteria.natural_order
    tables = _tables(user, criteria, order, descending)
    return (result for _, result in _merged((table.all() for table in tables), descending))


def _merged(parts, backwards):
    return heapq.merge(*parts, key=lambda found: found[0], reverse=backwards)


def exists_unseen(user, criteria):
    """Whether an identifier typed in full is that of a structure `user` may not see."""
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
