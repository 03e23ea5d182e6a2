"""Files as they leave: never shown by the browser on the portal's own address, never kept whole in memory."""

import logging
from operator import attrgetter
from pathlib import PurePosixPath

from django.http import FileResponse
from django.utils import timezone
from zipstream import ZipStream

from plumbing.errors import ActionError
from plumbing.exports import Column, download, stream

CHUNK = 2**16
# Were it opened all the same, it could run nothing, load nothing and act as nobody.
SANDBOX = "default-src 'none'; sandbox"
logger = logging.getLogger(__name__)


def file_response(document):
    """The response that downloads one file under the name it came with. Raises ActionError when it cannot be read."""
    try:
        opened = document.file.storage.open(document.file.name, "rb")
    except Exception as error:
        logger.exception("Document %s could not be read", document.pk)
        raise ActionError(
            "store_silent", "Ce fichier ne peut pas être lu pour le moment. Réessayez dans quelques minutes."
        ) from error
    response = FileResponse(
        opened, as_attachment=True, filename=document.original_name, content_type=document.content_type
    )
    response["Content-Length"] = document.size
    return sandboxed(response)


def zip_response(request, documents):
    """One ZIP of several files, made while it is sent; its length is known before, since nothing is compressed."""
    archive = ZipStream(sized=True)
    for document, name in zip(documents, different_names(documents), strict=True):
        archive.add(chunks_of(document), name, size=document.size)
    response = stream(request, "pieces-jointes.zip", "application/zip", iter(archive))
    if response.streaming:
        response["Content-Length"] = len(archive)
    return sandboxed(response) if response.streaming else response


def sandboxed(response):
    """The same response: should a browser open it on our own address, it can do nothing."""
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    return response


def chunks_of(document):
    """What is in its file, a little at a time."""
    with document.file.storage.open(document.file.name, "rb") as opened:
        yield from opened.chunks(CHUNK)


def different_names(documents):
    """A name in the ZIP for each: « devis.pdf », « devis (2).pdf »."""
    taken, names = set(), []
    for document in documents:
        path, number = PurePosixPath(document.original_name), 1
        name = document.original_name
        while name.casefold() in taken:
            number += 1
            name = f"{path.stem} ({number}){path.suffix}"
        taken.add(name.casefold())
        names.append(name)
    return names


_COLUMNS = [
    Column("Désignation", attrgetter("designation")),
    Column("Type", lambda document: document.get_type_display()),
    Column("Nom du fichier", attrgetter("original_name")),
    Column("Format", attrgetter("kind")),
    Column("Taille (octets)", attrgetter("size")),
    Column("Ajoutée le", lambda document: timezone.localdate(document.created_at)),
]


def list_response(request, kind, documents):
    """The list itself, without the files."""
    return download(request, kind, "mes-pieces-jointes", _COLUMNS, documents.iterator(chunk_size=1_000))
