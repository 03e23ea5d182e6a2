"""Reading one table in order, by two statements, whatever is asked of it.

*Walk*: of the next rows in order, from an index that holds all that is compared, those that match. Where many match, they
fill a page.
*Collect*: a bounded number of matches, from the index of the trigrams, of the postcodes or of the identifiers, then sorted.
Where few match, these are all.

Left to PostgreSQL, one statement for both takes a second at millions of rows: it does not know whether the names that match
are spread over the alphabet or stand together.
"""

from django.db import connection

MOST = 10_000  # matches that are collected and sorted
LOT = 2_000  # rows at a time when everything is wanted
ALL = 2**40

ORDERS = {
    "nom": ("legal_name_key", "id"),
    "ville": ("city_key", "legal_name_key", "id"),
    "identifiant": ("identifier", "id"),
}

WALK = """
SELECT {place} FROM (
    SELECT id, legal_name_key, label_key, city_key, postcode, identifier, {told} FROM {table}
    WHERE ({place}) {beyond} ({mark}) AND {start}
    ORDER BY {order} LIMIT %(walked)s
) AS next_rows
WHERE {matching} AND {shown}
ORDER BY {order} LIMIT %(wanted)s
"""
COLLECT = """
WITH matches AS MATERIALIZED (
    SELECT {place} FROM {table}
    WHERE {matching} AND {shown} AND ({place}) {beyond} ({mark})
    LIMIT %(most)s + 1
)
SELECT {place}, count(*) OVER () FROM matches
ORDER BY {order} LIMIT %(wanted)s
"""
# PostgreSQL guesses badly how many rows hold three letters.
BY_INDEX = "SET LOCAL enable_seqscan = off;"


class Table:
    """The rows of `model` that meet `criteria` and `shown`, a condition in SQL on the column `told` with its `values`; of
    which `walked` are read in order before matches are collected.

    A place is (value of each column of the order…, id): where a row stands.
    """

    def __init__(self, model, criteria, order, *, backwards, walked, told, shown, **values):
        columns, patterns = ORDERS[order], list(enumerate(criteria.patterns))
        said = [rf"{column} LIKE %(pattern_{number})s ESCAPE '\'" for number, (column, _) in patterns]
        # What an index can start from.
        starts = [said[n] for n, (column, pattern) in patterns if column == columns[0] and pattern[0] != "%"]
        self.parts = {
            "table": model._meta.db_table,
            "told": told,
            "place": ", ".join(columns),
            "order": ", ".join(f"{column} DESC" if backwards else column for column in columns),
            "beyond": "<" if backwards else ">",
            "mark": ", ".join(f"%({column})s" for column in columns),
            "matching": " AND ".join(said),
            "start": " AND ".join(starts) or "true",
            "shown": f"({shown})",
        }
        self.values = values | {f"pattern_{number}": pattern for number, (_, pattern) in patterns}
        self.columns, self.backwards, self.walked = columns, backwards, walked
        self.is_partial = False

    def page(self, place, wanted):
        """The next `wanted` places after `place`. Of too many that stand together further on, the first found."""
        found = self._walk(place, wanted, self.walked)
        if len(found) < wanted:
            collected, too_many = self._collect(place, wanted)
            self.is_partial |= too_many
            found = sorted({*found, *collected}, reverse=self.backwards)[:wanted]
        return found

    def everything(self, place):
        """Lists of all places after `place`. Nothing is held open between them: whoever reads them may take minutes."""
        found, too_many = self._collect(place, MOST)
        if too_many:
            return in_lots(lambda place: self._walk(place, LOT, ALL), LOT, place)
        return (found[start : start + LOT] for start in range(0, len(found), LOT))

    def _walk(self, place, wanted, walked):
        return self._rows(WALK, place, wanted=wanted, walked=walked)

    def _collect(self, place, wanted):
        """(the first `wanted` places of those collected, whether there are more matches than can be)"""
        by_index = BY_INDEX if connection.vendor == "postgresql" else ""
        rows = self._rows(by_index + COLLECT, place, wanted=wanted, most=MOST)
        return [row[:-1] for row in rows], bool(rows) and rows[0][-1] > MOST

    def _rows(self, statement, place, **values):
        mark = dict(zip(self.columns, place, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**self.parts), self.values | mark | values)
            return cursor.fetchall()


def in_lots(read, wanted, place):
    """Lists of `wanted` places, as `read(place)` gives those after a place; the last one is shorter."""
    more = True
    while more:
        found = read(place)
        yield found
        more = len(found) == wanted
        place = found[-1] if more else None
