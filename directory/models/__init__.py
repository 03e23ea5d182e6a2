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
from directory.models.imports import DirectoryImport, RejectedLine

__all__ = [
    "BEGINNINGS",
    "NAME_RANGES",
    "DirectoryEntry",
    "DirectoryImport",
    "Establishment",
    "EstablishmentQuerySet",
    "Nature",
    "RejectedLine",
    "address_lines",
    "search_indexes",
]
