from structures.actions.bank_accounts import (
    activate_bank_account,
    change_bank_account,
    create_bank_account,
    deactivate_bank_account,
)
from structures.actions.identifiers import change_identifier
from structures.actions.referents import change_referent, create_referent, delete_referent
from structures.actions.services import activate_service, change_service, create_service, deactivate_service
from structures.actions.structures import (
    activate_structure,
    change_structure,
    create_by_support,
    create_from_directory,
    create_private,
    deactivate_structure,
    found_structure,
    update_from_directory,
)

__all__ = [
    "activate_bank_account",
    "activate_service",
    "activate_structure",
    "change_bank_account",
    "change_identifier",
    "change_referent",
    "change_service",
    "change_structure",
    "create_bank_account",
    "create_by_support",
    "create_from_directory",
    "create_private",
    "create_referent",
    "create_service",
    "deactivate_bank_account",
    "deactivate_service",
    "deactivate_structure",
    "delete_referent",
    "found_structure",
    "update_from_directory",
]
