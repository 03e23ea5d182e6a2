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
from structures.models.services import Service

__all__ = [
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
