"""One list of the structures somebody may see, and of the directory for what does not live here."""

import heapq
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from django.core import signing
from django.db.models import Exists

from plumbing.reach import held, reach
from structures.models import DirectoryEntry, Establishment, Nature, Structure
from structures.search.criteria import number_key
from structures.search.reading import ORDERS, Table, in_lots

PAGE = 20
WALKED = 50_000  # entries of the directory that are read in order before matches are collected
WALKED_HERE = 10_000  # structures: they are fewer, and as they change, PostgreSQL has to look at each row too
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
    """`is_partial`: so many match that those shown are but the first found."""

    results: list[Result]
    before: str = ""  # mark of the page before, empty on the first
    after: str = ""
    is_partial: bool = False


class _Share:
    """What one table gives to the list. A place in the list is (value of each column of the order…, rank, id): of what is
    equal, the structures stand before the directory's entries."""

    def __init__(self, rank, table, results):
        self.rank, self.table, self.results = rank, table, results

    def after(self, place):
        """(place, Result) of all rows after a place, read page by page as they are wanted."""
        return self._shown(in_lots(lambda row: self.table.page(row, PAGE + 1), PAGE + 1, self._row(place)))

    def everything(self, place):
        return self._shown(self.table.everything(self._row(place)))

    def _shown(self, lots):
        for lot in lots:
            results = self.results([row[-1] for row in lot])
            yield from (((*row[:-1], self.rank, row[-1]), results[row[-1]]) for row in lot if row[-1] in results)

    def _row(self, place):
        *values, rank, identity = place
        if rank != self.rank:
            # What is equal to it in this table stands wholly before it, or wholly after.
            identity = -1 if self.rank > rank else _BIGGEST_ID
        return (*values, identity)


def _structures(ids):
    return {row.pk: Result(row, lives_here=True) for row in Structure.objects.filter(pk__in=ids).order_by()}


def _entries(ids, user):
    """What lives here speaks for itself, to those who may see it: its entry is not shown beside it."""
    here = Structure.objects.of_the_entry().order_by()
    entries = DirectoryEntry.objects.filter(pk__in=ids).order_by().annotate(lives_here=Exists(here))
    entries = entries.exclude(Exists(here.filter(reach("structures.view_structure", user))))
    return {row.pk: Result(row, row.lives_here) for row in entries}


def _shares(user, criteria, order, backwards):
    own = held("structures.belong_to", user)
    ids = ", ".join(map(str, own or ())) or "NULL"
    seen = "true" if own is None else f"nature = '{Nature.PUBLIC}' OR id IN ({ids})"
    # What the directory masks is found by its number only, in the order of numbers: found by a name or a town, or standing
    # where its name does, it would tell them.
    number = criteria.only_identifier if order == "identifiant" else ""
    disclosed = "NOT undisclosed OR identifier = %(number)s" if number else "NOT undisclosed"
    how = {"backwards": backwards}
    structures = Table(Structure, criteria, order, walked=WALKED_HERE, told="nature", shown=seen, **how)
    entries = Table(
        DirectoryEntry, criteria, order, walked=WALKED, told="undisclosed", shown=disclosed, number=number, **how
    )
    return [_Share(0, structures, _structures), _Share(1, entries, lambda ids: _entries(ids, user))]


def find(user, criteria, *, order="", descending=False, before="", after=""):
    """The page of results after (or before) a mark given by the page next to it.

    An identifier match comes first: that is the order when none is named.

    Raises BadSignature when the mark is none of ours.
    """
    order = order or criteria.natural_order
    backwards = descending != bool(before)
    place = _unmarked(before or after, order) or _beginning(order, backwards)
    shares = _shares(user, criteria, order, backwards)
    found = list(islice(_merged([share.after(place) for share in shares], backwards), PAGE + 1))
    more, found = len(found) > PAGE, found[:PAGE]
    if before:
        found.reverse()
    more_before, more_after = (more, True) if before else (bool(after), more)
    return Page(
        [result for _, result in found],
        before=_marked(found[0][0], order) if found and more_before else "",
        after=_marked(found[-1][0], order) if found and more_after else "",
        is_partial=any(share.table.is_partial for share in shares),
    )


def everything(user, criteria, *, order="", descending=False):
    """All Results, in order, as they are read: memory does not grow with their number."""
    order = order or criteria.natural_order
    place = _beginning(order, descending)
    parts = [share.everything(place) for share in _shares(user, criteria, order, descending)]
    return (result for _, result in _merged(parts, descending))


def _merged(parts, backwards):
    return heapq.merge(*parts, key=itemgetter(0), reverse=backwards)


def _beginning(order, backwards):
    """The place before all others."""
    text, number = ("\U0010ffff", _BIGGEST_ID) if backwards else ("", -1)
    return (*[text] * (len(ORDERS[order]) - 1), number, number)


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
    if marked_order != order or len(place) != len(ORDERS[order]) + 1:
        raise signing.BadSignature("another order")
    return tuple(place)
