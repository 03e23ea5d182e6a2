"""How a StoredFile comes into the store and leaves it, whatever table it is a row of.

A row and its file cannot change in one transaction, so they change in an order that never leaves a file nobody
knows of: the row is committed as « receiving », the file is written under its key, the row is made « ready »; to
delete, the row is marked, the file removed, then the row. `sweep` carries on for whatever died between.
"""

import hashlib
import logging
from datetime import timedelta

from django.utils import timezone

from documents.intake import admit
from documents.models import StoredFile, new_key
from plumbing.errors import ActionError

REMOVED_AT_ONCE = 500
# A file is written in seconds, and no server lets a request live as long: whoever was writing is dead.
ABANDONED = timedelta(hours=1)
State = StoredFile.State
logger = logging.getLogger(__name__)


def received(model, file, **values):
    """A new row of `model` for an uploaded file, to be committed, then given to `write` and `mark_ready`.

    Raises ActionError when the file is empty, too large, of a kind that is not taken or not what its name says.
    """
    name, kind = admit(file)
    told = {"original_name": name, "size": file.size, "content_type": kind.content_type, "file": new_key()}
    return model(**told, sha256=hashlib.file_digest(file, "sha256").hexdigest(), **values)


def write(row, file):
    """Write the file of a committed row; ActionError, and no row any more, when the store does not take it."""
    try:
        file.seek(0)
        storage, key = row.file.storage, row.file.name
        if storage.save(key, file) != key:
            raise FileExistsError(key)
    except Exception as error:
        logger.exception("%s %s could not be stored", row._meta.label, row.pk)
        remove(type(row).objects.filter(pk=row.pk, state=State.RECEIVING))
        raise ActionError(
            "store_silent", "Le fichier n'a pas pu être enregistré. Réessayez dans quelques minutes.", field="file"
        ) from error


def mark_ready(row):
    """The file of `row` is written: say so, in the caller's transaction."""
    if not type(row).objects.filter(pk=row.pk, state=State.RECEIVING).update(state=State.READY):
        # The sweep took this process for dead, and its row away.
        _discard(row)
        raise ActionError("too_slow", "L'envoi a duré trop longtemps : recommencez.", field="file")
    row.state = State.READY


def sweep(model):
    """Delete what a dead process left: files not wholly received, and those marked for deletion."""
    remove(model.objects.filter(state=State.RECEIVING, created_at__lt=timezone.now() - ABANDONED))
    remove(model.objects.filter(state=State.DELETING))


def remove(rows):
    """The files of `rows`, then the rows. What the store does not delete now is left to the next sweep."""
    last, model = 0, rows.model
    # Some at a time: a night's anonymised accounts may leave millions.
    while some := list(rows.filter(pk__gt=last).order_by("pk")[:REMOVED_AT_ONCE]):
        for row in some:
            # Whoever was writing it finds no row to make ready, and takes its file back.
            taken = model.objects.filter(pk=row.pk, state=row.state)
            if taken.update(state=State.DELETING) and _discard(row):
                model.objects.filter(pk=row.pk, state=State.DELETING).delete()
        last = some[-1].pk


def _discard(row):
    """Whether the file is gone from the store, if ever it was there."""
    try:
        row.file.storage.delete(row.file.name)
    except Exception:
        logger.exception("File of %s %s could not be deleted", row._meta.label, row.pk)
        return False
    return True
