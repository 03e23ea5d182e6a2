from structures.models.bank_accounts import BankAccount
from structures.models.establishments import (
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
