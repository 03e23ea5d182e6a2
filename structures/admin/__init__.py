from structures.admin.bank_accounts import BankAccountAdmin
from structures.admin.structures import ReferentAdmin, ServiceInline, StructureAdmin

__all__ = ["BankAccountAdmin", "ReferentAdmin", "ServiceInline", "StructureAdmin"]
