from structures.admin.bank_accounts import BankAccountAdmin
from structures.admin.directory import DirectoryEntryAdmin, LegalUnitAdmin
from structures.admin.imports import DirectoryImportAdmin
from structures.admin.structures import ReferentAdmin, ServiceInline, StructureAdmin

__all__ = [
    "BankAccountAdmin",
    "DirectoryEntryAdmin",
    "DirectoryImportAdmin",
    "LegalUnitAdmin",
    "ReferentAdmin",
    "ServiceInline",
    "StructureAdmin",
]
