"""What a batch of lines says: rows to write, establishments that closed, lines left out."""

from dataclasses import dataclass, field

from directory.importers.faults import Fault
from directory.models import LegalUnit

TOGETHER = 500  # records read at a time
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
    return Prepared(records, layout.marks(records), _said(layout, records) if reading else [])


def understood(layout, lines_prepared, table):
    """The Batch that a Prepared makes for `layout`. `table`, a Table, is None when nothing of it can be there.

    Of lines with the same identifier the last one counts, and the others are reported.
    """
    records = lines_prepared.records
    batch, lines, closing = Batch(), {}, "\t\\N" if layout.tells_closing else ""
    if layout.needs_units:
        layout.units = _units_of(layout, records)
    marks = lines_prepared.marks or layout.marks(records)
    keys = {key for key, _ in marks if key is not None}
    # A digest is of a line that names its identifier: found anywhere in the batch, it is that line's.
    known = table.digests(keys) if table else ()
    places = [place for place, (_, digest) in enumerate(marks) if digest not in known]
    all_said = lines_prepared.said or dict(
        zip(places, _said(layout, [records[place] for place in places]), strict=True)
    )
    if len(keys) == len(records):
        # No identifier comes twice: neither a line known from last time nor a row needs looking at for that.
        batch.unchanged = {key for key, digest in marks if digest in known}
        rest = []
        for place in places:
            said = all_said[place]
            if type(said) is tuple and said[2] is None and type(said[1]) is str:
                batch.rows[said[0]] = f"{said[1]}{closing}\t{marks[place][1]}"
            else:
                rest.append(place)
        places = rest
    else:
        places = range(len(records))
    for place in places:
        (line, record), (key, digest) = records[place], marks[place]
        if digest in known:
            text = closed = None
        else:
            said = all_said[place]
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
            batch.rows[key] = f"{text}{closing}\t{chr(92) + 'N' if digest is None else digest}"
    batch.there = table.known(batch.rows.keys()) if table else set()
    return batch


def _said(layout, records):
    """What each record says. A few hundred at a time: the cells of all need not be kept at once."""
    parts = (records[start : start + TOGETHER] for start in range(0, len(records), TOGETHER))
    return [said for part in parts for said in layout.read_all(part)]


def _units_of(layout, records):
    """SIREN → (name, usual name, category, undisclosed) of the units the records belong to."""
    sirens = {layout.siren(record) for _, record in records if not isinstance(record, Fault)}
    units = LegalUnit.objects.filter(siren__in=sirens)
    return {siren: tuple(said) for siren, *said in units.values_list("siren", "name", "usual_name", "category",
                                                                     "undisclosed")}  # fmt: skip
