"""What an identifier stands for, here and in the directory; what follows for a structure that bears it, or will."""

from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import Exists

from directory.identifiers import full_identifier, names_public_body
from directory.models import DirectoryEntry, Establishment
from plumbing.changes import changes, version_of
from plumbing.errors import ActionError
from structures.models import Service, Structure


class LookupOutcome(StrEnum):
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

    outcome: LookupOutcome
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
        return self.outcome is LookupOutcome.NOTHING or (self.outcome is LookupOutcome.DIRECTORY and not self.may_show)

    @property
    def is_public(self):
        return self.establishment is not None and self.establishment.is_public


def look_up(identifier_type, identifier):
    """What a (clean) identifier stands for: a structure here, else a directory entry, else nothing."""
    here = Exists(Structure.objects.of_the_entry())
    entry = DirectoryEntry.objects.identified_by(identifier_type, identifier).annotate(lives_here=here).first()
    if entry is not None and not entry.lives_here:
        outcome = LookupOutcome.CLOSED if entry.closed_on else LookupOutcome.DIRECTORY
        return Lookup(outcome, identifier_type, identifier, entry)
    structure = Structure.objects.identified_by(identifier_type, identifier).first()
    if structure is None:
        return Lookup(LookupOutcome.NOTHING, identifier_type, identifier)
    outcome = LookupOutcome.STRUCTURE if structure.is_active else LookupOutcome.INACTIVE
    # The directory may have masked since what was disclosed when the structure came here.
    masked = not structure.is_public and entry is not None and entry.undisclosed
    services = [] if masked or structure.keeps_private else list(structure.services.open())
    return Lookup(outcome, identifier_type, identifier, structure, services, masked)


def check_new_identifier(structure, lookup):
    """Whether `structure` may live on under what `lookup` found; ActionError says why not.

    A public structure keeps its SIREN, and its new SIRET comes from the directory: anything else
    would let a manager take over somebody else's administration.
    """
    if lookup.structure == structure:
        raise ActionError("same_identifier", "C'est déjà l'identifiant de la structure.")
    if lookup.structure is not None:
        raise ActionError("identifier_taken", "Une autre structure du portail porte déjà cet identifiant.")
    if lookup.outcome is LookupOutcome.CLOSED:
        raise ActionError("establishment_closed", "D'après l'annuaire, cet établissement est fermé.")
    if structure.is_public and lookup.outcome is LookupOutcome.NOTHING:
        raise ActionError(
            "unknown_to_directory",
            "L'annuaire ne connaît pas ce SIRET. S'il vient d'être attribué, attendez quelques jours "
            "ou écrivez à l'assistance.",
        )
    if structure.is_public and lookup.identifier[:9] != structure.identifier[:9]:
        raise ActionError(
            "other_siren",
            "Ce SIRET n'a pas le même SIREN (ses 9 premiers chiffres) que la structure : "
            "c'est celui d'un autre organisme.",
        )
    known = lookup.establishment is not None
    public = lookup.is_public if known else names_public_body(lookup.identifier_type, lookup.identifier)
    if structure.is_public != public:
        nature = structure.get_nature_display().lower()
        raise ActionError("other_nature", f"Cet identifiant n'est pas celui d'une structure {nature}.")


class DirectoryDifference:
    """What « Mettre à jour depuis l'annuaire » would change in `structure`.

    What the directory leaves empty or keeps private erases nothing. `entry` is None when the
    directory does not know the structure.
    """

    def __init__(self, structure):
        entries = DirectoryEntry.objects.identified_by(structure.identifier_type, structure.identifier)
        self.structure = structure
        self.entry = entries.first()
        self.fields = list(self._differences()) if self.entry else []

    def _differences(self):
        """(field name, before, after)"""
        # What is kept private here stays so, whatever the directory says.
        filled_in = {n: v for n, v in self.entry.description.items() if v}
        for name, after in ({"undisclosed": True} if self.entry.undisclosed else filled_in).items():
            before = getattr(self.structure, name)
            if before != after:
                yield name, before, after

    @property
    def version(self):
        return version_of(self.fields)

    @property
    def changes(self):
        return changes(self.structure, {name: after for name, _, after in self.fields})
