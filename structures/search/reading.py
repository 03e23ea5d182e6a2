"""Reading one table in order by two statements, whatever is asked of it.

*Walk*: of the next rows in order, from an index that holds all that is compared, those that match. Where many match,
they fill the page. *Collect*: some thousands of matches from another index (trigrams, postcodes, identifiers), then
sorted. Where few match, these are all. One statement for both, left to PostgreSQL, takes up to a second at millions of
rows: it cannot know whether the names that match are spread over the alphabet or stand together.

Pages follow each other by the place of their last row (keyset pagination): none costs more than the first.
"""

import re

from django.db import connection

MOST = 10_000  # matches that are collected and sorted
LOT = 2_000  # rows read at a time when everything is wanted
ALL = 2**40

ORDERS = {
    "nom": ("legal_name_key", "id"),
    "ville": ("city_key", "legal_name_key", "id"),
    "identifiant": ("identifier", "id"),
}

WALK = """
SELECT {place} FROM (
    SELECT id, legal_name_key, label_key, city_key, postcode, identifier, {visibility} FROM {table}
    WHERE ({place}) {beyond} ({mark}) AND {start}
    ORDER BY {order} LIMIT %(walked)s
) AS next_rows
WHERE {matching} AND {visible}
ORDER BY {order} LIMIT %(count)s
"""
COLLECT = """
WITH matches AS MATERIALIZED (
    SELECT {place} FROM {table}
    WHERE {matching} AND {visible} AND ({place}) {beyond} ({mark})
    LIMIT %(most)s + 1
)
SELECT {place}, count(*) OVER () FROM matches
ORDER BY {order} LIMIT %(count)s
"""
# PostgreSQL guesses badly how many names hold three letters. Sent with its statement, the switch ends with it, unless
# a transaction was open.
FROM_INDEXES = "SET LOCAL enable_seqscan = off;"
FREELY_AGAIN = "SET LOCAL enable_seqscan = DEFAULT"


class Table:
    """The rows of a table that meet `criteria` and `visible`, a condition in SQL on the column `visibility` and on
    `values`; at most `walked` rows are read in order before matches are collected.

    A place is (value of each column of the order…, id): where a row stands. `is_partial` tells, of the pages read so
    far, whether one shows but the first found.
    """

    def __init__(self, name, criteria, order, *, backwards, walked, visibility, visible, **values):
        self.columns, self.backwards, self.walked = ORDERS[order], backwards, walked
        self.values, self.is_partial = values, False
        matching, starting = [], []
        for column, pattern in criteria.patterns:
            parameter = f"pattern_{len(matching)}"
            self.values[parameter] = pattern
            # For less than three letters in a row, the whole trigram index would be read.
            compared = column if pattern[0] != "%" or re.search(r"[A-Z0-9]{3}", pattern) else f"({column} || '')"
            matching.append(rf"{compared} LIKE %({parameter})s ESCAPE '\'")
            if column == self.columns[0] and pattern[0] != "%":
                starting.append(matching[-1])  # the index is read from there
        self.clauses = {
            "table": name,
            "visibility": visibility,
            "visible": f"({visible})",
            "place": ", ".join(self.columns),
            "order": ", ".join(f"{column} {'DESC' if backwards else 'ASC'}" for column in self.columns),
            "beyond": "<" if backwards else ">",
            "mark": ", ".join(f"%({column})s" for column in self.columns),
            "matching": " AND ".join(matching),
            "start": " AND ".join(starting) or "true",
        }

    def page(self, place, count):
        """The next `count` places after `place`. Of too many that stand together further on, the first found."""
        places = self._walk(place, count, self.walked)
        if len(places) < count:
            collected, too_many = self._collect(place, count)
            self.is_partial |= too_many
            places = sorted({*places, *collected}, reverse=self.backwards)[:count]
        return places

    def pages(self, place, count):
        return _in_lots(lambda place: self.page(place, count), count, place)

    def everything(self, place):
        """Lists of all places after `place`. Nothing is held open meanwhile: whoever reads them may take minutes."""
        places, too_many = self._collect(place, MOST)
        if too_many:
            return _in_lots(lambda place: self._walk(place, LOT, ALL), LOT, place)
        return (places[start : start + LOT] for start in range(0, len(places), LOT))

    def _walk(self, place, count, walked):
        return self._rows(WALK, place, count=count, walked=walked)

    def _collect(self, place, count):
        """(the first `count` of those collected, whether more match than can be)"""
        switched = connection.vendor == "postgresql"
        rows = self._rows((FROM_INDEXES if switched else "") + COLLECT, place, count=count, most=MOST)
        if switched and connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute(FREELY_AGAIN)
        return [row[:-1] for row in rows], bool(rows) and rows[0][-1] > MOST

    def _rows(self, statement, place, **values):
        mark = dict(zip(self.columns, place, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**self.clauses), self.values | mark | values)
            return cursor.fetchall()


def _in_lots(read, count, place):
    """Lists of `count` places, each read by `read(the last place of the one before)`; the last list is shorter."""
    while place:
        places = read(place)
        yield places
        place = places[-1] if len(places) == count else None
