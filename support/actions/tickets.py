"""What the people who ask do: draft, send, write again, close."""

from contextlib import suppress
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from attachments.actions.rows import lock_accounts
from documents.actions.files import remove
from history.actions import record
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.errors import ActionError, AlreadyDone
from plumbing.rates import split_rate
from plumbing.references import draw_reference
from registration import captcha
from support import emails
from support.actions.claims import open_claim, warn_again
from support.actions.files import add_file
from support.actions.rows import lock_draft, lock_open, lock_structures_of, lock_ticket, turn_to, write_message
from support.models import Category, Message, Ticket, TicketFile

Status = Ticket.Status
# The same words from the same person within this time are the same press of a button.
SAME_PRESS = timedelta(minutes=1)


def write_ticket(ticket=None, *, actor, category, values, file=None, send=False):
    """Keep a draft, a new one without `ticket`, with one more `file`; `send` sends it. The Ticket.

    `values` are its `subject`, `structure`, `answers` and `text`. What is refused leaves no new draft behind: the page
    still shows what was typed, and would open another one.
    """
    if send and file is None:
        return _keep_and_send(ticket, actor=actor, category=category, values=values)
    kept = _keep(ticket, actor=actor, category=category, values=values)
    try:
        if file:
            add_file(kept.pk, file, actor=actor)
        return _keep_and_send(kept, actor=actor, category=category, values=values) if send else kept
    except ActionError:
        if ticket is None:
            # A store that does not answer keeps the draft: better than losing the reason.
            with suppress(ActionError):
                delete_draft(kept.pk, actor=actor)
        raise


@transaction.atomic
def _keep(ticket, *, actor, category, values):
    return _write(ticket, _lock_around(ticket, values), actor=actor, category=category, values=values)


def _lock_around(ticket, values):
    """Lock the structure of a draft, if there is one, and the one it is about from now on: their keys."""
    structure = values["structure"]
    return lock_structures_of(ticket and ticket.pk, structure and structure.pk)


def _write(ticket, structures, *, actor, category, values):
    if ticket is None:
        ticket = Ticket(reference=draw_reference(Ticket), author=actor, category=category)
    else:
        ticket = lock_draft(ticket.pk, structures)
    ticket.subject, ticket.structure = values["subject"], values["structure"]
    ticket.answers = values["answers"] | {"text": values["text"]}
    ticket.save()
    return ticket


@transaction.atomic
def _keep_and_send(ticket, *, actor, category, values):
    structures = _lock_around(ticket, values)
    # One person's sendings come one after the other, or a button pressed twice would open two.
    lock_accounts([actor.pk])
    _refuse_twice(actor, category, values)
    _refuse_another_claim(actor, category, values["structure"])
    ticket = _write(ticket, structures, actor=actor, category=category, values=values)
    ticket.answers = values["answers"]
    ticket.sent_at = timezone.now()
    if ticket.is_claim:
        open_claim(ticket, actor=actor)
    turn_to(ticket, Status.IN_PROGRESS)
    message = write_message(ticket, values["text"], actor=actor)
    record(Event.TICKET_OPENED, actor=actor, structure=ticket.structure, reference=ticket.reference)
    emails.send_ticket_received(ticket)
    emails.send_ticket_to_support(ticket, message)
    return ticket


def _refuse_twice(actor, category, values):
    lately = Ticket.objects.of(actor).filter(category=category, sent_at__gt=timezone.now() - SAME_PRESS)
    if lately.filter(subject=values["subject"], answers=values["answers"], messages__text=values["text"]).exists():
        raise AlreadyDone("already_sent", "Cette sollicitation est déjà envoyée.")


def _refuse_another_claim(actor, category, structure):
    if category == Category.MANAGER_GONE and Ticket.objects.of(actor).open().filter(
        category=category, structure=structure
    ):
        raise AlreadyDone("claim_open", "Vous l'avez déjà demandé pour cette structure : écrivez ici ce qui a changé.")


def delete_draft(ticket_id, *, actor):
    """Delete a draft and its files. What a store that does not answer keeps is left to the next sweep."""
    files = _delete_row(ticket_id)
    remove(TicketFile.objects.filter(pk__in=files))


@transaction.atomic
def _delete_row(ticket_id):
    """The keys of its files, which outlive it until the store has deleted them: nobody sends it meanwhile."""
    ticket = lock_draft(ticket_id)
    files = list(ticket.files.values_list("pk", flat=True))
    ticket.files.update(state=TicketFile.State.DELETING, ticket=None)
    ticket.delete()
    return files


@transaction.atomic
def open_reactivation(*, captcha_key, name, email, text):
    """Somebody who cannot log in asks for their account back: the same whoever has the address. The Ticket."""
    if not captcha.use_up(captcha_key):
        raise ActionError("wrong_captcha", captcha.WRONG, field="captcha_answer")
    now = timezone.now()
    ticket = Ticket.objects.create(
        reference=draw_reference(Ticket),
        category=Category.REACTIVATION,
        subject=Category.REACTIVATION.label,
        visitor_name=name,
        visitor_email=email,
        status=Status.IN_PROGRESS,
        sent_at=now,
        waiting_since=now,
    )
    message = write_message(ticket, text, actor=None)
    record(Event.TICKET_OPENED, reference=ticket.reference)
    if within_mail_rate("ticket_received", email, settings.MAIL_TO_ONE_RATE):
        emails.send_ticket_received(ticket)
    # Of what visitors send alone: whoever is logged in must not silence them.
    most, seconds = split_rate(settings.DECIDER_MAIL_RATE)
    if Ticket.objects.filter(author=None, sent_at__gt=now - timedelta(seconds=seconds)).count() <= most:
        emails.send_ticket_to_support(ticket, message)
    return ticket


def reply(ticket_id, *, actor, text, file=None):
    """Whoever asked writes again, which opens a closed ticket anew; `actor` is None for a visitor."""
    if file:
        add_file(ticket_id, file, actor=actor)
    return _reply(ticket_id, actor=actor, text=text)


@transaction.atomic
def _reply(ticket_id, *, actor, text):
    ticket = lock_ticket(ticket_id)
    if ticket.is_draft:
        raise ActionError("not_sent", "Cette sollicitation n'est pas encore envoyée.")
    last = ticket.messages.order_by("pk").last()
    if not last.from_support and last.text == text and last.sent_at > timezone.now() - SAME_PRESS:
        raise AlreadyDone("already_sent", "Votre message est déjà envoyé.")
    if actor is None and ticket.confirmed_at is None:
        ticket.confirmed_at = timezone.now()
    reopened = ticket.status == Status.SOLVED
    if reopened:
        warn_again(ticket)
    turn_to(ticket, Status.IN_PROGRESS)
    message = write_message(ticket, text, actor=actor)
    record(Event.TICKET_ANSWERED, actor=actor, structure=ticket.structure, reference=ticket.reference)
    emails.send_ticket_to_support(ticket, message, reopened=reopened, again=True)
    return ticket


@transaction.atomic
def close_own(ticket_id, *, actor):
    """Whoever asked needs nothing more. Writing again opens it anew."""
    ticket = lock_open(ticket_id)
    turn_to(ticket, Status.SOLVED)
    record(Event.TICKET_CLOSED, actor=actor, structure=ticket.structure, reference=ticket.reference)
    emails.send_ticket_closed_to_support(ticket)
    emails.send_claim_closed(ticket)
    return ticket


@transaction.atomic
def move_tickets(old, new):
    """What is open on a structure goes on under its new identifier."""
    Ticket.objects.filter(structure=old).exclude(status=Status.SOLVED).update(structure=new)


@transaction.atomic
def forget_tickets(users, addresses):
    """Of people whose accounts are anonymised: their words, and what others' claims say of them."""
    theirs = Ticket.objects.filter(author__in=users) | Ticket.objects.filter(visitor_email__in=addresses)
    mine = list(theirs.values_list("pk", flat=True))
    Ticket.objects.filter(pk__in=mine).update(
        subject="", answers={}, visitor_name="", visitor_email="", objection="", override_reason=""
    )
    Message.objects.filter(ticket__in=mine, from_support=False).update(text="")
    TicketFile.objects.filter(ticket__in=mine).update(state=TicketFile.State.DELETING)
    Ticket.objects.filter(sitting_manager__in=users).update(objection="", override_reason="")
    for role in ("principal", "target"):
        named = list(Ticket.objects.filter(**{f"answers__{role}_login__in": addresses}).select_for_update(of=("self",)))
        for ticket in named:
            ticket.answers = {key: value for key, value in ticket.answers.items() if not key.startswith(role)}
        Ticket.objects.bulk_update(named, ["answers"])
