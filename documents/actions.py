"""Every change to somebody's library of files.

A row and its file cannot change in one transaction, so they change in an order that never leaves a file nobody
knows of: the row is committed as « receiving », the file is written under its key, the row is made « ready »; to
delete, the row is marked, the file removed, then the row. `finish_unfinished` carries on for whatever died between.
"""

import hashlib
import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from documents.intake import admit
from documents.models import SupportingDocument, new_key
from history.actions import record
from history.data import row_data
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from plumbing.text import bytes_in_words

MOST_DOCUMENTS = 2_000
REMOVED_AT_ONCE = 500
# A file is written in seconds, and no server lets a request live as long: whoever was writing is dead.
ABANDONED = timedelta(hours=1)
State = SupportingDocument.State
logger = logging.getLogger(__name__)


def add_document(file, *, owner, designation, type):
    """Put an uploaded file into `owner`'s library; the SupportingDocument.

    Raises ActionError when the file is empty, too large, of a kind that is not taken or not what its name says, when
    the library is full, or when the store does not answer.
    """
    name, kind = admit(file)
    document = _receive(
        SupportingDocument(
            owner=owner,
            designation=designation,
            type=type,
            original_name=name,
            size=file.size,
            content_type=kind.content_type,
            sha256=hashlib.file_digest(file, "sha256").hexdigest(),
            file=new_key(),
        )
    )
    try:
        _write(document, file)
    except Exception as error:
        logger.exception("Document %s could not be stored", document.pk)
        _remove(SupportingDocument.objects.filter(pk=document.pk, state=State.RECEIVING))
        raise ActionError(
            "store_silent", "Le fichier n'a pas pu être enregistré. Réessayez dans quelques minutes.", field="file"
        ) from error
    return _make_ready(document)


@transaction.atomic
def _receive(document):
    """Commit the row before its file is written, if the library has room for it."""
    # One person's additions come one after the other, or two at once would both find room.
    User.objects.select_for_update(of=("self",)).get(pk=document.owner_id)
    library = SupportingDocument.objects.filter(owner=document.owner_id)
    if library.count() >= MOST_DOCUMENTS:
        raise ActionError(
            "library_full", f"Vous avez déjà {MOST_DOCUMENTS} pièces jointes : supprimez-en avant d'en ajouter."
        )
    room = settings.DOCUMENTS_MAX_BYTES - library.bytes_taken()
    if document.size > room:
        raise ActionError(
            "no_room",
            f"Vos pièces jointes ne peuvent pas dépasser {bytes_in_words(settings.DOCUMENTS_MAX_BYTES)} en tout, et il "
            f"vous reste {bytes_in_words(max(room, 0))} : supprimez-en avant d'ajouter celle-ci.",
            field="file",
        )
    document.save()
    return document


def _write(document, file):
    file.seek(0)
    storage, key = document.file.storage, document.file.name
    if storage.save(key, file) != key:
        raise FileExistsError(key)


@transaction.atomic
def _make_ready(document):
    ours = SupportingDocument.objects.filter(pk=document.pk, state=State.RECEIVING)
    if not ours.update(state=State.READY):
        # The sweep took this process for dead, and its row away.
        _discard(document)
        raise ActionError("too_slow", "L'envoi a duré trop longtemps : recommencez.", field="file")
    document.state = State.READY
    record(Event.DOCUMENT_ADDED, actor=document.owner, subject=document.owner, **row_data(document, values=["type"]))
    return document


@transaction.atomic
def change_document(document_id, *, actor, values):
    """Write another designation or type; the Changes made. Raises ActionError when it was deleted meanwhile."""
    document = SupportingDocument.objects.of(actor).select_for_update(of=("self",)).filter(pk=document_id).first()
    if document is None:
        raise ActionError("document_deleted", "Cette pièce jointe a été supprimée entre-temps.")
    return write_changes(document, values)


def delete_documents(document_ids, *, actor):
    """Delete some of `actor`'s files, and say how many were still there."""
    with transaction.atomic():
        mine = SupportingDocument.objects.of(actor).select_for_update(of=("self",)).order_by("pk")
        doomed = list(mine.filter(pk__in=document_ids))
        SupportingDocument.objects.filter(pk__in=[document.pk for document in doomed]).update(state=State.DELETING)
        if doomed:
            what = {"model": SupportingDocument._meta.label, "count": len(doomed)}
            if len(doomed) == 1:
                what = row_data(doomed[0], values=["type"])
            record(Event.DOCUMENT_DELETED, actor=actor, subject=actor, **what)
    _remove(SupportingDocument.objects.filter(pk__in=[document.pk for document in doomed]))
    return len(doomed)


def forget_documents_of(users):
    """Everything of people whose accounts are anonymised is marked for the sweep, which removes it; how many."""
    return SupportingDocument.objects.filter(owner__in=users).update(state=State.DELETING)


def finish_unfinished():
    """Delete what a dead process left: files not wholly received, and those marked for deletion."""
    abandoned = SupportingDocument.objects.filter(state=State.RECEIVING, created_at__lt=timezone.now() - ABANDONED)
    _remove(abandoned)
    _remove(SupportingDocument.objects.filter(state=State.DELETING))


def _remove(documents):
    """The files of `documents`, then their rows. What the store does not delete now is left to the next sweep."""
    last = 0
    # Some at a time: a night's anonymised accounts may leave millions.
    while some := list(documents.filter(pk__gt=last).order_by("pk")[:REMOVED_AT_ONCE]):
        for document in some:
            # Whoever was writing it finds no row to make ready, and takes its file back.
            taken = SupportingDocument.objects.filter(pk=document.pk, state=document.state)
            if taken.update(state=State.DELETING) and _discard(document):
                SupportingDocument.objects.filter(pk=document.pk, state=State.DELETING).delete()
        last = some[-1].pk


def _discard(document):
    """Whether the file is gone from the store, if ever it was there."""
    try:
        document.file.storage.delete(document.file.name)
    except Exception:
        logger.exception("File of document %s could not be deleted", document.pk)
        return False
    return True
