"""What happens to a structure itself."""

from django.db import transaction

from history.actions import record
from history.models import Event
from structures.models import DirectoryEntry, Nature, Structure


@transaction.atomic
def create_from_directory(entry_id, *, actor, described=None):
    """The structure of a directory entry, created on first need.

    `described` gives the details the directory keeps private (DESCRIPTIVE, undisclosed). Two people
    at once get the same structure.
    """
    entry = DirectoryEntry.objects.get(pk=entry_id)
    return _create(entry, described or entry.description, actor)


@transaction.atomic
def create_private(*, identifier_type, identifier, described, actor):
    """A private structure nobody knew, as its first registrant describes it."""
    blank = Structure(identifier_type=identifier_type, identifier=identifier, nature=Nature.PRIVATE)
    return _create(blank, described, actor)


def _create(source, details, actor):
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
        record(Event.STRUCTURE_CREATED, actor=actor, subject=actor, structure=structure)
    return structure
