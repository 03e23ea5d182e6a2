from documents.actions.library import (
    MOST_DOCUMENTS,
    add_document,
    change_document,
    delete_documents,
    finish_unfinished,
    forget_documents_of,
)

__all__ = [
    "MOST_DOCUMENTS",
    "add_document",
    "change_document",
    "delete_documents",
    "finish_unfinished",
    "forget_documents_of",
]
