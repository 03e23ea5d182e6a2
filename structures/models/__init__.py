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
from structures.models.services import Service

__all__ = [
    "NAME_RANGES",
    "BankAccount",
    "DirectoryEntry",
    "Establishment",
    "Nature",
    "Referent",
    "Requirement",
    "Service",
    "Structure",
    "address_lines",
]
