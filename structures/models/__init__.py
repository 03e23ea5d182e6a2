from structures.models.bank_accounts import BankAccount
from structures.models.establishments import (
    NAME_RANGES,
    DirectoryEntry,
    Establishment,
    Nature,
    Referent,
    Requirement,
    Structure,
    address_lines,
)
from structures.models.imports import DirectoryImport, LegalUnit, RejectedLine
from structures.models.services import Service

__all__ = [
    "NAME_RANGES",
    "BankAccount",
    "DirectoryEntry",
    "DirectoryImport",
    "Establishment",
    "LegalUnit",
    "Nature",
    "Referent",
    "RejectedLine",
    "Requirement",
    "Service",
    "Structure",
    "address_lines",
]
