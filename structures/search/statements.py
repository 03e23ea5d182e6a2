"""The search's SQL, written by hand: the ORM takes longer to compose a page's statements than PostgreSQL to answer."""

from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b

from django.db import connection, transaction
from psycopg2.extensions import AsIs

# Ways of reading: what PostgreSQL's planner has to do without.
WAYS = {
    "": (),
    "index": ("bitmapscan", "seqscan", "sort"),
    "any index": ("bitmapscan", "seqscan"),
    "bitmap": ("indexscan", "indexonlyscan", "seqscan"),
}
_STEADY = {"jit": "off", "max_parallel_workers_per_gather": 0, "plan_cache_mode": "force_generic_plan"}
_SWITCHES = ("bitmapscan", "indexscan", "indexonlyscan", "seqscan", "sort")
MOST_PLANNED = 24  # plans a connection keeps, each of up to a megabyte
MOST_VALUES = 12  # a plan with more of them is larger, and rarely asked again


@dataclass(frozen=True)
class Late:
    """Stands for a value that is given, by this name, after planning."""

    name: str


@dataclass(frozen=True)
class Plan:
    """A statement for PostgreSQL to plan once per connection, with $1, $2… where the values of `late` go."""

    name: str
    sql: str
    late: tuple


@dataclass(frozen=True)
class Selection:
    """Rows, as a SELECT to which conditions are added first, an order and a limit last."""

    sql: str
    params: tuple = ()

    @classmethod
    def of(cls, rows):
        """The rows of a queryset that has conditions and no order."""
        return cls(*rows.query.sql_with_params())

    def taking(self, columns):
        """The same rows, other columns."""
        return Selection(f"SELECT {', '.join(columns)}{self.sql[self.sql.index(' FROM ') :]}", self.params)

    @classmethod
    def union(cls, selections):
        """The rows of one after the other."""
        written = " UNION ALL ".join(f"({selection.sql})" for selection in selections)
        return cls(
            f"SELECT * FROM ({written}) AS parts",
            tuple(value for selection in selections for value in selection.params),
        )

    def where(self, condition, *params):
        return Selection(f"{self.sql} AND {condition}", (*self.params, *params))

    def within(self, column, first, after):
        return self.where(f"{column} >= %s AND {column} < %s", first, after)

    def one_of(self, column, values):
        return self.where(f"{column} IN ({', '.join(['%s'] * len(values))})", *values)

    def matching(self, patterns):
        r"""Those that match every (column, LIKE pattern), where `\` makes `%` and `_` ordinary."""
        return self.where(*_matching(patterns))

    def beyond(self, columns, position, backwards):
        """Those after `position`, values of `columns`; None is before all.

        Said column by column: PostgreSQL does not stop reading an index at a row-wise comparison.
        """
        if position is None:
            return self
        side = "<" if backwards else ">"
        *earlier, (column, value) = zip(columns, position, strict=True)
        condition, params = f"{column} {side} %s", (value,)
        for column, value in reversed(earlier):
            condition, params = f"({column} {side} %s OR {column} = %s AND {condition})", (value, value, *params)
        return self.where(f"{columns[0]} {side}= %s AND {condition}", position[0], *params)

    def ordered(self, columns, backwards, limit):
        places = ", ".join(f"{column} DESC" if backwards else column for column in columns)
        return Selection(f"{self.sql} ORDER BY {places} LIMIT %s", (*self.params, limit))

    def cut(self, limit):
        return Selection(f"{self.sql} LIMIT %s", (*self.params, limit))

    def skipping(self, number):
        """Those that come after the first `number` rows."""
        return Selection(f"{self.sql} OFFSET %s", (*self.params, number))

    def among(self, columns, patterns=()):
        """`columns` of those among these rows (ordered, at most so many) that match: no others are looked for."""
        condition, *values = _matching(patterns)
        return Selection(
            f"SELECT {', '.join(columns)} FROM ({self.sql}) AS these WHERE {condition}", (*self.params, *values)
        )


def _matching(patterns):
    escape = "" if connection.vendor == "postgresql" else r" ESCAPE '\'"
    conditions = [f"{column} LIKE %s{escape}" for column, _ in patterns]
    return " AND ".join(conditions) or "1 = 1", *(pattern for _, pattern in patterns)


def planned(selection):
    """The Plan of a selection in which some values are Late."""
    late = list(dict.fromkeys(value.name for value in selection.params if isinstance(value, Late)))
    params = [
        AsIs(f"${late.index(value.name) + 1}") if isinstance(value, Late) else value for value in selection.params
    ]
    with connection.cursor() as cursor:
        sql = cursor.mogrify(selection.sql, params).decode()
    return Plan(f"search_{blake2b(sql.encode(), digest_size=12).hexdigest()}", sql, tuple(late))


class Reader:
    """Asks the database. PostgreSQL's planner is kept to the way of reading that each question names."""

    def __init__(self):
        self._way = ""
        self._there = None

    def rows(self, selection, way=""):
        return self._fetched(self._kept_to(way) + selection.sql, selection.params)

    def planned(self, plan, values, way):
        """Rows of a Plan. For reading many small indexes: planning that takes longer than reading them."""
        self._prepare(plan)
        marks = ", ".join(["%s"] * len(plan.late))
        return self._fetched(f"{self._kept_to(way)}EXECUTE {plan.name} ({marks})", [values[name] for name in plan.late])

    def _prepare(self, plan):
        with connection.cursor() as cursor:
            if self._there is None:
                # Asked each time: a pool may have given another connection.
                cursor.execute(
                    r"SELECT name, cardinality(parameter_types) FROM pg_prepared_statements WHERE name LIKE 'search\_%'"
                )
                self._there = dict(cursor.fetchall())
            if plan.name not in self._there:
                full = len(self._there) >= MOST_PLANNED
                leaving = [name for name, size in self._there.items() if full or size > MOST_VALUES]
                cursor.execute(
                    "".join(f"DEALLOCATE {name}; " for name in leaving) + f"PREPARE {plan.name} AS {plan.sql}"
                )
                self._there = {name: size for name, size in self._there.items() if name not in leaving}
                self._there[plan.name] = len(plan.late)

    def _kept_to(self, way):
        """What is said before a statement to have it read that way."""
        if way == self._way or connection.vendor != "postgresql":
            return ""
        self._way = way
        settings = {f"enable_{name}": "off" if name in WAYS[way] else "on" for name in _SWITCHES} | _STEADY
        return "".join(f"SET LOCAL {name} = {value}; " for name, value in settings.items())

    def _fetched(self, sql, params):
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall()


@contextmanager
def reading():
    """A Reader, in a transaction that leaves PostgreSQL's planner as it was."""
    if connection.vendor != "postgresql":
        yield Reader()
        return
    with transaction.atomic():
        yield Reader()
        # Nothing was written; so the planner's switches go back, were it inside another transaction.
        transaction.set_rollback(True)
