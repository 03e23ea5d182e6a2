"""Whether a file may come into a library."""

from django.conf import settings

from documents.contents import examine
from documents.models import shown_name
from plumbing.errors import ActionError
from plumbing.text import bytes_in_words


def admit(file):
    """(name, Kind) of an uploaded file; ActionError when it is empty, too large, or not of a kind that is taken."""
    if not file.size:
        raise ActionError("file_empty", "Ce fichier est vide : choisissez-en un autre.", field="file")
    if file.size > settings.DOCUMENT_MAX_BYTES:
        raise ActionError(
            "file_too_large",
            f"Ce fichier dépasse {bytes_in_words(settings.DOCUMENT_MAX_BYTES)} : réduisez-le ou prenez-en un autre.",
            field="file",
        )
    name = shown_name(file.name)
    _, kind = examine(file, name)
    return name, kind
