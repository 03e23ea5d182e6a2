from structures.models.bank_accounts import BankAccount
from structures.models.establishments import Referent, Requirement, Structure
from structures.models.services import Service

__all__ = [
    "BankAccount",
    "Referent",
    "Requirement",
    "Service",
    "Structure",
]
