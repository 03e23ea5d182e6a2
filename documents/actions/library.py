"""Every change to somebody's library of files."""

from django.conf import settings
from django.db import transaction

from accounts.models import User
from documents.actions.files import mark_ready, received, remove, sweep, write
from documents.models import SupportingDocument
from history.actions import record
from history.data import row_data
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from plumbing.text import bytes_in_words

MOST_DOCUMENTS = 2_000
State = SupportingDocument.State


def add_document(file, *, owner, designation, type):
    """Put an uploaded file into `owner`'s library; the SupportingDocument.

    Raises ActionError when the file is empty, too large, of a kind that is not taken or not what its name says, when
    the library is full, or when the store does not answer.
    """
    document = _receive(received(SupportingDocument, file, owner=owner, designation=designation, type=type))
    write(document, file)
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


@transaction.atomic
def _make_ready(document):
    mark_ready(document)
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
    remove(SupportingDocument.objects.filter(pk__in=[document.pk for document in doomed]))
    return len(doomed)


def forget_documents_of(users):
    """Everything of people whose accounts are anonymised is marked for the sweep, which removes it; how many."""
    return SupportingDocument.objects.filter(owner__in=users).update(state=State.DELETING)


def finish_unfinished():
    """Delete what a dead process left: files not wholly received, and those marked for deletion."""
    sweep(SupportingDocument)
