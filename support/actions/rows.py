"""The rows that decide, locked; and what is checked of them."""

from django.utils import timezone

from attachments.actions.rows import lock_structure
from plumbing.errors import ActionError, AlreadyDone
from support.models import Ticket

Status = Ticket.Status


def lock_ticket(ticket_id):
    """The ticket, read anew once nobody else can change it.

    Its structure is locked before, as everywhere: what is journaled on it holds it too, until the end.
    """
    structure_id = Ticket.objects.values_list("structure", flat=True).get(pk=ticket_id)
    if structure_id is not None:
        lock_structure(structure_id)
    return Ticket.objects.select_for_update(of=("self",)).get(pk=ticket_id)


def lock_draft(ticket_id):
    ticket = lock_ticket(ticket_id)
    if not ticket.is_draft:
        raise AlreadyDone("already_sent", "Cette sollicitation est déjà envoyée.")
    return ticket


def lock_open(ticket_id):
    ticket = lock_ticket(ticket_id)
    if ticket.status == Status.SOLVED:
        raise AlreadyDone("ticket_closed", "Cette sollicitation vient d'être clôturée.")
    if ticket.is_draft:
        raise ActionError("not_sent", "Cette sollicitation n'est pas encore envoyée.")
    return ticket


def turn_to(ticket, status):
    """It is for support (IN_PROGRESS), for whoever asked (ACTION_REQUIRED) or for nobody (SOLVED) to go on."""
    now = timezone.now()
    if status == Status.IN_PROGRESS and ticket.status != Status.IN_PROGRESS:
        ticket.waiting_since = now
    ticket.closed_at = now if status == Status.SOLVED else None
    ticket.status = status
    ticket.save()


def write_message(ticket, text, *, actor, from_support=False):
    """Add a message, which takes along the files `actor` has added since their last one."""
    message = ticket.messages.create(author=actor, text=text, from_support=from_support)
    if actor is not None:
        ticket.files.unsent(actor).update(message=message)
    return message
