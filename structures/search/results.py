"""One list of the structures somebody may see, and of the directory for what does not live here."""

import heapq
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

from django.core import signing
from django.db.models import Exists

from directory.identifiers import identifier_key
from directory.models import DirectoryEntry, Establishment, Nature
from plumbing.reach import held, reach
from structures.models import Structure
from structures.search.reading import ORDERS, Table

PAGE = 20
WALKED = 50_000  # entries of the directory that are read in order before matches are collected
WALKED_HERE = 2_000  # structures: there are fewer, and where some changed, PostgreSQL has to look at each row too
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
    """`is_partial`: so many match that these are but the first found."""

    results: list[Result]
    before: str  # mark of the page before, empty on the first
    after: str
    is_partial: bool


def find(user, criteria, *, order="", descending=False, before="", after=""):
    """The page of results after (or before) a mark given by the page next to it.

    An identifier match comes first: that is the order when none is named.

    Raises BadSignature when the mark is none of ours.
    """
    order = order or criteria.natural_order
    backwards = descending != bool(before)
    mark = _unmarked(before or after, order) if before or after else _beginning(order, backwards)
    tables = _tables(user, criteria, order, backwards)
    lists = [_placed(rank, table.pages(_row(mark, rank), PAGE + 1), user) for rank, table in enumerate(tables)]
    placed = list(islice(_merged(lists, backwards), PAGE + 1))
    more, placed = len(placed) > PAGE, placed[:PAGE]
    if before:
        placed.reverse()
    more_before, more_after = (more, True) if before else (bool(after), more)
    return Page(
        [result for _, result in placed],
        before=_marked(placed[0][0], order) if placed and more_before else "",
        after=_marked(placed[-1][0], order) if placed and more_after else "",
        is_partial=any(table.is_partial for table in tables),
    )


def everything(user, criteria, *, order="", descending=False):
    """All Results, in order, as they are read: memory does not grow with their number."""
    order = order or criteria.natural_order
    mark = _beginning(order, descending)
    tables = _tables(user, criteria, order, descending)
    lists = [_placed(rank, table.everything(_row(mark, rank)), user) for rank, table in enumerate(tables)]
    return (result for _, result in _merged(lists, descending))


def exists_unseen(user, criteria):
    """Whether an identifier typed in full is that of a structure `user` may not see."""
    if not criteria.identifier:
        return False
    named = Structure.objects.filter(identifier=identifier_key(criteria.identifier))
    return named.exclude(pk__in=named.filter(reach("structures.view_structure", user))).exists()


def _tables(user, criteria, order, backwards):
    """The structures that `user` may see, and the directory."""
    own = held("structures.belong_to", user)
    ids = ", ".join(map(str, own or ())) or "NULL"
    seen = "true" if own is None else f"nature = '{Nature.PUBLIC}' OR id IN ({ids})"
    # What the directory masks is found by its number only, in the order of numbers: found by a name or a town, or
    # standing where its name does, it would tell them.
    number = criteria.only_identifier if order == "identifiant" else ""
    how = {"criteria": criteria, "order": order, "backwards": backwards}
    return [
        Table(Structure._meta.db_table, walked=WALKED_HERE, visibility="nature", visible=seen, **how),
        Table(
            DirectoryEntry._meta.db_table,
            walked=WALKED,
            visibility="undisclosed",
            visible="NOT undisclosed OR identifier = %(number)s",
            number=number,
            **how,
        ),
    ]


def _placed(rank, lots, user):
    """(mark, Result) of all rows of lots to be shown. A mark is (value of each column of the order…, rank, id): of what
    is equal, structures (0) stand before entries of the directory (1)."""
    for lot in lots:
        results = _results(rank, [identity for *_, identity in lot], user)
        yield from (((*values, rank, pk), results[pk]) for *values, pk in lot if pk in results)


def _results(rank, ids, user):
    """Results by id. What lives here speaks for itself to those who may see it: its entry is not shown beside it."""
    if rank == 0:
        return {row.pk: Result(row, lives_here=True) for row in Structure.objects.filter(pk__in=ids).order_by()}
    here = Structure.objects.of_the_entry().order_by()
    entries = DirectoryEntry.objects.filter(pk__in=ids).order_by().annotate(lives_here=Exists(here))
    entries = entries.exclude(Exists(here.filter(reach("structures.view_structure", user))))
    return {row.pk: Result(row, row.lives_here) for row in entries}


def _merged(lists, backwards):
    return heapq.merge(*lists, key=itemgetter(0), reverse=backwards)


def _row(mark, rank):
    """Where a mark stands in one table: what is equal to it there stands wholly before it, or wholly after."""
    *values, its_rank, identity = mark
    return (*values, identity if its_rank == rank else -1 if its_rank < rank else _BIGGEST_ID)


def _beginning(order, backwards):
    """The mark before all others."""
    text, number = ("\U0010ffff", _BIGGEST_ID) if backwards else ("", -1)
    return (*[text] * (len(ORDERS[order]) - 1), number, number)


def _marked(mark, order):
    # Addresses hold some 4,000 characters, a mark two names.
    return signing.dumps([order, *mark], salt="structures.search", compress=True)


def _unmarked(text, order):
    marked_order, *mark = signing.loads(text, salt="structures.search")
    if marked_order != order or len(mark) != len(ORDERS[order]) + 1:
        raise signing.BadSignature("another order")
    return tuple(mark)
