from structures.actions.bank_accounts import (
    activate_bank_account,
    change_bank_account,
    create_bank_account,
    deactivate_bank_account,
)
from structures.actions.services import activate_service, change_service, create_service, deactivate_service
from structures.actions.structures import create_from_directory, create_private

__all__ = [
    "activate_bank_account",
    "activate_service",
    "change_bank_account",
    "change_service",
    "create_bank_account",
    "create_from_directory",
    "create_private",
    "create_service",
    "deactivate_bank_account",
    "deactivate_service",
]
