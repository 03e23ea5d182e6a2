"""Files of tickets: added first, then sent with the next message of whoever added them."""

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from documents.actions.files import mark_ready, received, remove, sweep, write
from plumbing.errors import ActionError
from plumbing.text import bytes_in_words
from support.actions.rows import lock_ticket
from support.models import TicketFile

MOST_FILES = 20
State = TicketFile.State


def add_file(ticket_id, file, *, actor, role=TicketFile.Role.OTHER, name=""):
    """Keep an uploaded file beside the ticket, under another `name` where one is given; the TicketFile.

    Raises ActionError when it is not taken, when there are too many, or when the store does not answer.
    """
    row = received(TicketFile, file, ticket_id=ticket_id, added_by=actor, role=role)
    row.original_name = name or row.original_name
    _receive(row)
    write(row, file)
    with transaction.atomic():
        mark_ready(row)
    return row


@transaction.atomic
def _receive(row):
    ticket = lock_ticket(row.ticket_id)
    # Each side's apart: what one sent and nobody can take back never keeps the other from answering.
    kept = ticket.files.exclude(state=State.DELETING).filter(added_by=row.added_by)
    if kept.count() >= MOST_FILES:
        raise ActionError("too_many_files", f"{MOST_FILES} fichiers au plus par sollicitation.", field="file")
    taken = kept.aggregate(taken=Sum("size", default=0))["taken"]
    if taken + row.size > settings.TICKET_FILES_MAX_BYTES:
        most = bytes_in_words(settings.TICKET_FILES_MAX_BYTES)
        raise ActionError("files_too_large", f"Vos fichiers ne peuvent pas dépasser {most} en tout.", field="file")
    row.save()


def remove_file(file_id, *, actor):
    """Take back a file that no message has taken along."""
    with transaction.atomic():
        row = TicketFile.objects.select_for_update(of=("self",)).filter(pk=file_id, added_by=actor).first()
        if row is None or row.state != State.READY:
            raise ActionError("file_gone", "Ce fichier est déjà retiré.")
        if row.message_id is not None:
            raise ActionError("file_sent", "Ce fichier est déjà envoyé : il reste dans la sollicitation.")
        TicketFile.objects.filter(pk=row.pk).update(state=State.DELETING)
    remove(TicketFile.objects.filter(pk=row.pk))


def finish_unfinished():
    """Delete what a dead process left."""
    sweep(TicketFile)
