"""What a batch of lines says: rows to write, establishments that closed, lines left out."""

from dataclasses import dataclass, field

from structures.importers.faults import Fault
from structures.models import LegalUnit

CLOSED = "L'établissement est fermé, et l'annuaire ne le connaissait pas."


@dataclass
class Batch:
    """`rows` and `closings` by key; `rejected` as (line, what was typed as identifier, reason)."""

    rows: dict = field(default_factory=dict)
    closings: dict = field(default_factory=dict)
    rejected: list = field(default_factory=list)

    def reject(self, line, typed, reason):
        self.rejected.append((line, typed[:60], reason[:250]))


def understood(layout, records):
    """The Batch that `records`, (line number, cells or Fault), make for `layout`.

    Of lines with the same identifier the last one counts, and the others are reported.
    """
    batch, lines = Batch(), {}
    if hasattr(layout, "units"):
        layout.units = _units_of(layout, records)
    for line, cells in records:
        if isinstance(cells, Fault):
            batch.reject(line, "", cells.reason)
            continue
        try:
            read = layout.read(cells)
        except Fault as fault:
            batch.reject(line, layout.typed(cells), fault.reason)
            continue
        if read is None:
            continue
        key, text, closed = read
        if key in lines:
            earlier, typed = lines[key]
            reason = f"Le même identifiant revient à la ligne {line}, qui l'emporte."
            batch.reject(earlier, typed, reason)
            batch.rows.pop(key, None)
            batch.closings.pop(key, None)
        lines[key] = line, key.rpartition("\t")[2]
        if closed is not None:
            batch.closings[key] = line, closed
        elif isinstance(text, Fault):
            batch.reject(line, layout.typed(cells), text.reason)
        else:
            batch.rows[key] = f"{text}\t\\N" if layout.tells_closing else text
    return batch


def _units_of(layout, records):
    """SIREN → (name, usual name, category, undisclosed) of the units the records belong to."""
    sirens = {layout.siren(cells) for _, cells in records if not isinstance(cells, Fault)}
    units = LegalUnit.objects.filter(siren__in=sirens)
    return {siren: tuple(said) for siren, *said in units.values_list("siren", "name", "usual_name", "category",
                                                                     "undisclosed")}  # fmt: skip
