"""What support does: take a ticket, answer, ask for more, close; and its ready answers."""

from django.db import transaction

from history.actions import record
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError, AlreadyDone, ChangedMeanwhile
from support import emails
from support.actions.files import add_file
from support.actions.rows import lock_open, turn_to, write_message
from support.models import ReadyAnswer, Ticket

Status = Ticket.Status


@transaction.atomic
def assign(ticket_id, *, actor):
    """« Me l'attribuer »: from whoever had it."""
    ticket = lock_open(ticket_id)
    if ticket.assignee_id == actor.pk:
        raise AlreadyDone("already_assigned", "Vous suivez déjà cette sollicitation.")
    ticket.assignee = actor
    ticket.save()
    return ticket


def answer(ticket_id, *, actor, text, status, seen, file=None):
    """Write to whoever asked; `status` says who goes on, or that nobody need.

    `seen` is the key of the last message on the page: nobody answers without having read a colleague's answer.
    """
    if file:
        add_file(ticket_id, file, actor=actor)
    return _answer(ticket_id, actor=actor, text=text, status=status, seen=seen)


@transaction.atomic
def _answer(ticket_id, *, actor, text, status, seen):
    ticket = lock_open(ticket_id)
    if ticket.messages.filter(pk__gt=seen).exists():
        raise ChangedMeanwhile("Un message est arrivé pendant que vous écriviez : relisez, puis envoyez de nouveau.")
    if ticket.author is None and ticket.files.unsent(actor).exists():
        raise ActionError("no_reader", "Un visiteur ne peut pas recevoir de fichier : retirez-le.", field="file")
    ticket.assignee = ticket.assignee or actor
    turn_to(ticket, status)
    message = write_message(ticket, text, actor=actor, from_support=True)
    event = Event.TICKET_CLOSED if status == Status.SOLVED else Event.TICKET_ANSWERED
    record(event, actor=actor, structure=ticket.structure, reference=ticket.reference)
    emails.send_ticket_answered(ticket, message)
    if status == Status.SOLVED:
        emails.send_claim_closed(ticket)
    return ticket


@transaction.atomic
def create_ready_answer(*, actor, values):
    return ReadyAnswer.objects.create(**values)


@transaction.atomic
def change_ready_answer(ready_id, *, actor, values):
    ready = ReadyAnswer.objects.select_for_update().filter(pk=ready_id).first()
    if ready is None:
        raise ActionError("ready_answer_gone", "Cette réponse type vient d'être supprimée.")
    return write_changes(ready, values)


@transaction.atomic
def delete_ready_answer(ready_id, *, actor):
    ReadyAnswer.objects.filter(pk=ready_id).delete()
