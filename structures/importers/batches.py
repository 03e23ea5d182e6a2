"""What a batch of lines says: rows to write, establishments that closed, lines left out."""

from dataclasses import dataclass, field

from structures.importers.faults import Fault
from structures.models import LegalUnit

CLOSED = "L'établissement est fermé, et l'annuaire ne le connaissait pas."


@dataclass
class Batch:
    """`rows` and `closings` by key; `unchanged`: keys of rows the same line wrote; `there`: those of the keys of
    `rows` that are in the table already; `rejected` as (line, what was typed as identifier, reason)."""

    rows: dict = field(default_factory=dict)
    closings: dict = field(default_factory=dict)
    unchanged: set = field(default_factory=set)
    there: set = field(default_factory=set)
    rejected: list = field(default_factory=list)

    def reject(self, line, typed, reason):
        self.rejected.append((line, typed[:60], reason[:250]))


@dataclass
class Prepared:
    """Records with what needs no database: their marks, and what they say. Empty where that has to wait."""

    records: list
    marks: list = field(default_factory=list)
    said: list = field(default_factory=list)


def prepared(layout, records, *, reading):
    """Their marks, and when `reading` also what they say: when most are expected to be new."""
    if layout.needs_units:
        return Prepared(records)
    marks = [_mark(layout, record) for _, record in records]
    return Prepared(records, marks, [_said(layout, record) for _, record in records] if reading else [])


def understood(layout, lines_prepared, table):
    """The Batch that a Prepared makes for `layout`. `table`, a Table, is None when nothing of it can be there.

    Of lines with the same identifier the last one counts, and the others are reported.
    """
    records, marks, all_said = lines_prepared.records, lines_prepared.marks, lines_prepared.said
    batch, lines = Batch(), {}
    if layout.needs_units:
        layout.units = _units_of(layout, records)
    marks = marks or [_mark(layout, record) for _, record in records]
    keys = {key for key, _ in marks if key is not None}
    # A digest is of a line that names its identifier: found anywhere in the batch, it is that line's.
    digests = table.digests(keys) if table else ()
    places = range(len(records))
    if len(keys) == len(records):
        # No identifier comes twice: a line known from last time needs no more looking at.
        batch.unchanged = {key for key, digest in marks if digest in digests}
        places = [place for place, (_, digest) in enumerate(marks) if digest not in digests]
    for place in places:
        (line, record), (key, digest) = records[place], marks[place]
        if digest in digests:
            text = closed = None
        else:
            said = all_said[place] if all_said else _said(layout, record)
            if said is None:
                continue
            if isinstance(said, Fault):
                batch.reject(line, "" if said is record else layout.typed(record), said.reason)
                continue
            key, text, closed = said
            if isinstance(text, Fault) and closed is None:
                batch.reject(line, layout.typed(record), text.reason)
                continue
        if key in lines:
            reason = f"Le même identifiant revient à la ligne {line}, qui l'emporte."
            batch.reject(lines[key], key.rpartition("\t")[2], reason)
            batch.rows.pop(key, None)
            batch.closings.pop(key, None)
            batch.unchanged.discard(key)
        lines[key] = line
        if closed is not None:
            batch.closings[key] = line, closed
        elif text is None:
            batch.unchanged.add(key)
        else:
            closing = "\t\\N" if layout.tells_closing else ""
            batch.rows[key] = f"{text}{closing}\t{chr(92) + 'N' if digest is None else digest}"
    batch.there = table.known(batch.rows.keys()) if table else set()
    return batch


def _mark(layout, record):
    return (None, None) if isinstance(record, Fault) else layout.mark(record)


def _said(layout, record):
    """What `layout.read` makes of a record, or the Fault it found."""
    try:
        return record if isinstance(record, Fault) else layout.read(layout.split(record))
    except Fault as fault:
        # Another one, that does not keep hold of all that was being done.
        return Fault(fault.reason)


def _units_of(layout, records):
    """SIREN → (name, usual name, category, undisclosed) of the units the records belong to."""
    sirens = {layout.siren(record) for _, record in records if not isinstance(record, Fault)}
    units = LegalUnit.objects.filter(siren__in=sirens)
    return {siren: tuple(said) for siren, *said in units.values_list("siren", "name", "usual_name", "category",
                                                                     "undisclosed")}  # fmt: skip
