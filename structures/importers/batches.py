"""What a batch of lines says: rows to write, establishments that closed, lines left out."""

from dataclasses import dataclass, field

from structures.importers.faults import Fault
from structures.models import LegalUnit

CLOSED = "L'établissement est fermé, et l'annuaire ne le connaissait pas."


@dataclass
class Batch:
    """`rows` and `closings` by key; `unchanged`: keys of rows the same line wrote; `there`: keys of all rows that
    are in the table already; `rejected` as (line, what was typed as identifier, reason)."""

    rows: dict = field(default_factory=dict)
    closings: dict = field(default_factory=dict)
    unchanged: set = field(default_factory=set)
    there: set = field(default_factory=set)
    rejected: list = field(default_factory=list)

    def reject(self, line, typed, reason):
        self.rejected.append((line, typed[:60], reason[:250]))


def understood(layout, records, known):
    """The Batch that `records`, (line number, cells or Fault), make for `layout`.

    `known(keys)` gives, by key, the line digest of those that are in the table. Of lines with the
    same identifier the last one counts, and the others are reported.
    """
    batch, lines = Batch(), {}
    if hasattr(layout, "units"):
        layout.units = _units_of(layout, records)
    marks = [(None, None) if isinstance(cells, Fault) else layout.mark(cells) for _, cells in records]
    asked = {key for key, _ in marks if key is not None}
    there = known(asked)
    for (line, cells), (key, digest) in zip(records, marks, strict=True):
        if isinstance(cells, Fault):
            batch.reject(line, "", cells.reason)
            continue
        if digest is not None and there.get(key) == digest:
            text = closed = None
        else:
            try:
                read = layout.read(cells)
            except Fault as fault:
                batch.reject(line, layout.typed(cells), fault.reason)
                continue
            if read is None:
                continue
            key, text, closed = read
            if isinstance(text, Fault) and closed is None:
                batch.reject(line, layout.typed(cells), text.reason)
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
    batch.there = there.keys() | known(batch.rows.keys() - asked)
    return batch


def _units_of(layout, records):
    """SIREN → (name, usual name, category, undisclosed) of the units the records belong to."""
    sirens = {layout.siren(cells) for _, cells in records if not isinstance(cells, Fault)}
    units = LegalUnit.objects.filter(siren__in=sirens)
    return {siren: tuple(said) for siren, *said in units.values_list("siren", "name", "usual_name", "category",
                                                                     "undisclosed")}  # fmt: skip
