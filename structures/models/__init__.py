from structures.models.bank_accounts import BankAccount
from structures.models.establishments import Referent, Requirement, Structure, entries_beside_structures
from structures.models.services import Service

__all__ = [
    "BankAccount",
    "Referent",
    "Requirement",
    "Service",
    "Structure",
    "entries_beside_structures",
]
