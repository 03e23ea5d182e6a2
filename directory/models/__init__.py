from directory.models.establishments import (
    BEGINNINGS,
    NAME_RANGES,
    DirectoryEntry,
    Establishment,
    EstablishmentQuerySet,
    Nature,
    address_lines,
    search_indexes,
)
from directory.models.imports import DirectoryImport, LegalUnit, RejectedLine

__all__ = [
    "BEGINNINGS",
    "NAME_RANGES",
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
