"""What happens to a structure itself."""

from django.db import IntegrityError, transaction

from directory.identifiers import names_public_body
from directory.models import DirectoryEntry, Nature
from history.actions import record
from history.data import change_data, row_data
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError, ChangedMeanwhile
from structures.actions.referents import lock_referent
from structures.events import structure_founded
from structures.lookup import DirectoryDifference, LookupOutcome, look_up
from structures.models import Structure

JOURNALED = ("identifier_type", "identifier", "nature", *Structure.EDITABLE)
CHANGED_MEANWHILE = (
    "Quelqu'un d'autre a modifié la structure pendant que cette page était ouverte. "
    "Relisez ce qui suit avant de recommencer."
)


@transaction.atomic
def create_from_directory(entry_id, *, actor, described=None):
    """The structure of a directory entry, created on first need.

    `described` gives the details the directory keeps private (DESCRIPTIVE, undisclosed). Two people
    at once get the same structure.
    """
    entry = DirectoryEntry.objects.get(pk=entry_id)
    return _create(entry, described or entry.description, actor)[0]


@transaction.atomic
def create_private(*, identifier_type, identifier, described, actor):
    """A private structure nobody knew, as its first registrant describes it."""
    blank = Structure(identifier_type=identifier_type, identifier=identifier, nature=Nature.PRIVATE)
    return _create(blank, described, actor)[0]


@transaction.atomic
def create_by_support(*, actor, values):
    """A structure as support describes it, public or private. Raises ActionError when its identifier is taken."""
    structure = Structure(**values)
    try:
        with transaction.atomic():
            structure.save()
    except IntegrityError as error:
        raise ActionError("identifier_taken", "Une structure porte déjà cet identifiant.") from error
    record(Event.STRUCTURE_CREATED, actor=actor, structure=structure, **row_data(structure, values=JOURNALED))
    return structure


@transaction.atomic
def found_structure(*, identifier_type, identifier, described, actor):
    """« Créer une structure »: a private structure, of which `actor` becomes principal manager.

    `described` gives its details, None to take the directory's. Raises ActionError when the
    structure is here already, closed, or public: a public one comes from the directory or from support.
    """
    lookup = look_up(identifier_type, identifier)
    unknown_public = lookup.outcome is LookupOutcome.NOTHING and names_public_body(identifier_type, identifier)
    if lookup.is_public or unknown_public:
        raise ActionError("public_structure", "Une structure publique ne se crée pas sur le site.")
    if lookup.outcome is LookupOutcome.CLOSED:
        raise ActionError("establishment_closed", "D'après l'annuaire, cet établissement est fermé.")
    source = lookup.establishment or Structure(
        identifier_type=identifier_type, identifier=identifier, nature=Nature.PRIVATE
    )
    structure, created = _create(source, described or source.description, actor)
    if not created:
        raise ActionError(
            "identifier_taken", "Cette structure est déjà présente sur le portail : demandez à y être rattaché."
        )
    structure_founded.send(sender=None, structure=structure, founder=actor)
    return structure


def _create(source, details, actor):
    """(the structure, whether it is new): of two people at once (race), one creates it and both get it."""
    structure, created = Structure.objects.get_or_create(
        identifier_type=source.identifier_type,
        identifier=source.identifier,
        defaults={
            "undisclosed": source.undisclosed,
            **details,
            "nature": source.nature,
            "receives_invoices": source.nature == Nature.PUBLIC,
        },
    )
    if created:
        values = row_data(structure, values=JOURNALED)
        record(Event.STRUCTURE_CREATED, actor=actor, subject=actor, structure=structure, **values)
    return structure, created


@transaction.atomic
def change_structure(structure_id, *, actor, values, version=None):
    """« Modifier »: write `values` (by field name) over what the page of that `version` showed.

    Raises ActionError when somebody changed the structure meanwhile (optimistic lock; without a
    `version` none is asked for). Nothing changed: nothing is written nor journaled.
    """
    structure = _lock(structure_id)
    if values.get("referent"):
        lock_referent(values["referent"].pk)
    if version is not None and structure.version != version:
        raise ChangedMeanwhile(CHANGED_MEANWHILE)
    return _write(structure, values, actor, Event.STRUCTURE_CHANGED)


@transaction.atomic
def update_from_directory(structure_id, *, actor, names, version):
    """« Mettre à jour depuis l'annuaire »: take over the fields `names` as the page of that `version` showed them.

    Raises ActionError when the structure or the directory changed meanwhile.
    """
    structure = _lock(structure_id)
    difference = DirectoryDifference(structure)
    if difference.version != version:
        raise ChangedMeanwhile(CHANGED_MEANWHILE)
    values = {name: after for name, _, after in difference.fields if name in names}
    return _write(structure, values, actor, Event.STRUCTURE_UPDATED)


@transaction.atomic
def deactivate_structure(structure_id, *, actor):
    """Nobody can ask for it nor be attached to it until it is activated again; nothing else ends."""
    return _switch(structure_id, actor, Structure.State.INACTIVE, Event.STRUCTURE_DEACTIVATED)


@transaction.atomic
def activate_structure(structure_id, *, actor):
    return _switch(structure_id, actor, Structure.State.ACTIVE, Event.STRUCTURE_ACTIVATED)


def _switch(structure_id, actor, state, event):
    structure = _lock(structure_id)
    if structure.state == state:
        raise ActionError("unchanged", f"Cette structure est déjà {structure.get_state_display().lower()}.")
    structure.state = state
    structure.save(update_fields=["state"])
    record(event, actor=actor, structure=structure)
    return structure


def _lock(structure_id):
    return Structure.objects.select_for_update(of=("self",)).get(pk=structure_id)


def _write(structure, values, actor, event):
    made = write_changes(structure, values)
    if made:
        record(event, actor=actor, structure=structure, **change_data(structure, made))
    return made
