from directory.admin.entries import DirectoryEntryAdmin, LegalUnitAdmin
from directory.admin.establishments import EstablishmentAdmin
from directory.admin.imports import DirectoryImportAdmin

__all__ = ["DirectoryEntryAdmin", "DirectoryImportAdmin", "EstablishmentAdmin", "LegalUnitAdmin"]
