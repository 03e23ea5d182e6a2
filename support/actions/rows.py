"""The rows that decide, locked; and what is checked of them."""

from django.utils import timezone

from attachments.actions.rows import lock_structures
from plumbing.errors import ActionError, AlreadyDone, ChangedMeanwhile
from support.models import Ticket

Status = Ticket.Status


def lock_structures_of(ticket_id, *others):
    """Lock the ticket's structure and these `others`, in the order of their keys: the keys. None stands for none."""
    keys = {*Ticket.objects.filter(pk=ticket_id).values_list("structure", flat=True), *others} - {None}
    return lock_structures(keys).keys()


def lock_ticket(ticket_id, structures=None):
    """The ticket, read anew once nobody else can change it.

    Its structure is locked before, as everywhere: what is journaled on it holds it too, until the end. `structures`
    are the keys of those that the caller locked, who locks accounts too, which come between.
    """
    structures = lock_structures_of(ticket_id) if structures is None else structures
    ticket = Ticket.objects.select_for_update(of=("self",)).filter(pk=ticket_id).first()
    if ticket is None:
        raise gone()
    if ticket.structure_id is not None and ticket.structure_id not in structures:
        raise ChangedMeanwhile("Cette sollicitation vient de changer de structure : recommencez.")
    return ticket


def gone():
    """A draft was deleted, in another tab or by a button pressed twice."""
    return AlreadyDone("ticket_gone", "Cette sollicitation n'existe plus.")


def lock_draft(ticket_id, structures=None):
    ticket = lock_ticket(ticket_id, structures)
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
    if status != Status.IN_PROGRESS:
        ticket.waiting_since = None
    elif ticket.status != Status.IN_PROGRESS:
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
