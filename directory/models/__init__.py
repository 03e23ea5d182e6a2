from directory.models.establishments import (
    DirectoryEntry,
    Establishment,
    EstablishmentQuerySet,
    Nature,
    address_lines,
    search_indexes,
)
from directory.models.imports import DirectoryImport, LegalUnit, RejectedLine

__all__ = [
    "DirectoryEntry",
    "DirectoryImport",
    "Establishment",
    "EstablishmentQuerySet",
    "LegalUnit",
    "Nature",
    "RejectedLine",
    "address_lines",
    "search_indexes",
]
