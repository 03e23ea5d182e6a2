"""What services and bank accounts have in common: parts of a structure (`Validity`), switched on and off.

Each function is called inside the transaction of the action that names the noun. The structure is
locked first: of two people who give the same code at once, the second is told. An inactive structure
refuses all of them with ActionError `structure_inactive`.
"""

from django.core.exceptions import ValidationError

from history.actions import record
from history.data import change_data, row_data
from plumbing.changes import changes
from plumbing.errors import ActionError, ChangedMeanwhile
from structures.models import Structure


def create(part, *, actor, event, unique, journaled):
    """Add `part` to its structure. `unique` names the field no other part of the structure may share (race: the second
    of two people is told); `journaled` those whose values the history keeps."""
    structure = _lock_structure(part.structure_id)
    _require_active(structure)
    part.structure = structure
    _write(part, unique)
    record(event, actor=actor, structure=structure, name=str(part), **row_data(part, values=journaled))
    return part


def change(part, values, *, version, actor, event, unique, journaled=lambda change: change):
    """Give `part` (locked) these `values`; the Changes made, each as `journaled` returns it for the history.

    `version` is that of the part as the page showed it (optimistic lock). Nothing changed: nothing is
    written nor journaled.
    """
    _require_active(part.structure)
    if part.version != version:
        raise ChangedMeanwhile(
            "Quelqu'un d'autre a enregistré des modifications pendant que cette page était ouverte. "
            "Vos réponses sont gardées ; relisez-les à côté des valeurs actuelles, puis enregistrez de nouveau."
        )
    made, name = changes(part, values), str(part)
    if made:
        for field, value in values.items():
            setattr(part, field, value)
        _write(part, unique)
        record(event, actor=actor, structure=part.structure, name=name, **change_data(part, map(journaled, made)))
    return made


def switch(part, is_active, *, actor, event):
    """Put `part` (locked) in service or out of it."""
    _require_active(part.structure)
    if part.is_active == is_active:
        raise ActionError(
            "unchanged", f"{part} : déjà {'en service' if is_active else 'hors service'}, rien n'a changé."
        )
    part.is_active = is_active
    part.save(update_fields=["is_active"])
    record(event, actor=actor, structure=part.structure, name=str(part))
    return part


def lock(model, part_id):
    """The part, read anew once nobody else can change it."""
    structure = _lock_structure(model.objects.values_list("structure_id", flat=True).get(pk=part_id))
    part = model.objects.select_for_update(of=("self",)).get(pk=part_id)
    part.structure = structure
    return part


def _lock_structure(structure_id):
    return Structure.objects.select_for_update(of=("self",)).get(pk=structure_id)


def _require_active(structure):
    if not structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est inactive : activez-la d'abord.")


def _write(part, unique):
    try:
        part.validate_constraints()
    except ValidationError as error:
        raise ActionError("not_unique", error.messages[0], field=unique) from error
    part.save()
