from structures.actions.structures import create_from_directory, create_private

__all__ = ["create_from_directory", "create_private"]
