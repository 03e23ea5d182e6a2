"""Reading one table in order by two statements, whatever is asked of it.

*Walk*: of the next rows in order, from an index that holds all that is compared, those that match. Where many match,
they fill the page. *Collect*: some thousands of matches from another index (trigrams, postcodes, identifiers), then
sorted. Where few match, these are all. One statement for both, left to PostgreSQL, takes up to a second at millions of
rows: it cannot know whether the names that match are spread over the alphabet or stand together.
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
# PostgreSQL guesses badly how many names hold three letters.
FROM_INDEXES = "SET LOCAL enable_seqscan = off;"


class Table:
    """The rows of a table that meet `criteria` and `shown`, a condition in SQL on the column `told` and on `values`; of
    the others, at most `walked` are read in order before matches are collected.

    A place is (value of each column of the order…, id): where a row stands.
    """

    def __init__(self, name, criteria, order, *, backwards, walked, told, shown, **values):
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
        self.parts = {
            "table": name,
            "told": told,
            "shown": f"({shown})",
            "place": ", ".join(self.columns),
            "order": ", ".join(f"{column} {'DESC' if backwards else 'ASC'}" for column in self.columns),
            "beyond": "<" if backwards else ">",
            "mark": ", ".join(f"%({column})s" for column in self.columns),
            "matching": " AND ".join(matching),
            "start": " AND ".join(starting) or "true",
        }

    def page(self, place, wanted):
        """The next `wanted` places after `place`. Of too many that stand together further on, the first found."""
        found = self._walk(place, wanted, self.walked)
        if len(found) < wanted:
            collected, too_many = self._collect(place, wanted)
            self.is_partial |= too_many
            found = sorted({*found, *collected}, reverse=self.backwards)[:wanted]
        return found

    def pages(self, place, wanted):
        return _in_lots(lambda place: self.page(place, wanted), wanted, place)

    def everything(self, place):
        """Lists of all places after `place`. Nothing is held open meanwhile: whoever reads them may take minutes."""
        found, too_many = self._collect(place, MOST)
        if too_many:
            return _in_lots(lambda place: self._walk(place, LOT, ALL), LOT, place)
        return (found[start : start + LOT] for start in range(0, len(found), LOT))

    def _walk(self, place, wanted, walked):
        return self._rows(WALK, place, wanted=wanted, walked=walked)

    def _collect(self, place, wanted):
        """(the first `wanted` of those collected, whether more match than can be)"""
        switch = FROM_INDEXES if connection.vendor == "postgresql" else ""
        rows = self._rows(switch + COLLECT, place, wanted=wanted, most=MOST)
        return [row[:-1] for row in rows], bool(rows) and rows[0][-1] > MOST

    def _rows(self, statement, place, **values):
        mark = dict(zip(self.columns, place, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(statement.format(**self.parts), self.values | mark | values)
            return cursor.fetchall()


def _in_lots(read, wanted, place):
    """Lists of `wanted` places, each read by `read(the last place of the one before)`; the last list is shorter."""
    while place:
        found = read(place)
        yield found
        place = found[-1] if len(found) == wanted else None
