from structures.actions.identifiers import change_identifier, check_new_identifier
from structures.actions.structures import (
    DirectoryDifference,
    activate_structure,
    change_structure,
    create_from_directory,
    create_private,
    deactivate_structure,
    found_structure,
    update_from_directory,
)

__all__ = [
    "DirectoryDifference",
    "activate_structure",
    "change_identifier",
    "change_structure",
    "check_new_identifier",
    "create_from_directory",
    "create_private",
    "deactivate_structure",
    "found_structure",
    "update_from_directory",
]
