"""Finding an establishment by its identifier, for someone who is not logged in."""

from dataclasses import dataclass, field
from enum import StrEnum

from structures.identifiers import full_identifier
from structures.models import DirectoryEntry, Establishment, Service, Structure


class Found(StrEnum):
    STRUCTURE = "structure"
    INACTIVE = "inactive"
    DIRECTORY = "directory"
    CLOSED = "closed"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Lookup:
    """What an identifier stands for here.

    `establishment` is the structure or directory entry, None when nothing was found; a page for
    visitors shows its details only when `may_show` says so.
    """

    found: Found
    identifier_type: str
    identifier: str
    establishment: Establishment | None = None
    services: list[Service] = field(default_factory=list)
    is_masked: bool = False

    @property
    def structure(self):
        return self.establishment if isinstance(self.establishment, Structure) else None

    @property
    def full_identifier(self):
        return full_identifier(self.identifier_type, self.identifier)

    @property
    def may_show(self):
        return self.establishment is not None and not self.establishment.keeps_private and not self.is_masked

    @property
    def must_describe(self):
        """Whether the registrant has to say what the structure is: nothing is known of it, or
        the directory keeps its details private and it does not live here yet."""
        return self.found is Found.NOTHING or (self.found is Found.DIRECTORY and not self.may_show)

    @property
    def is_public(self):
        return self.establishment is not None and self.establishment.is_public


def look_up(identifier_type, identifier):
    """What a (clean) identifier stands for: a structure here, else a directory entry, else nothing."""
    entry = _directory_entry(identifier_type, identifier)
    if entry is not None and entry.here_id is None:
        found = Found.CLOSED if entry.closed_on else Found.DIRECTORY
        return Lookup(found, identifier_type, identifier, entry)
    structure = Structure.objects.identified_by(identifier_type, identifier).first()
    if structure is None:
        return Lookup(Found.NOTHING, identifier_type, identifier)
    found = Found.STRUCTURE if structure.is_active else Found.INACTIVE
    # The directory may have masked since what was disclosed when the structure came here.
    masked = not structure.is_public and entry is not None and entry.undisclosed
    services = [] if masked or structure.keeps_private else list(structure.services.open())
    return Lookup(found, identifier_type, identifier, structure, services, masked)


def _directory_entry(identifier_type, identifier):
    table = DirectoryEntry._meta.db_table
    rows = f"SELECT * FROM {table} WHERE identifier = %s AND identifier_type = %s"
    return next(iter(DirectoryEntry.objects.beside_structures(rows, [identifier, identifier_type])), None)
