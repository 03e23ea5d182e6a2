"""« Gestionnaire inconnu ou parti »: the sitting manager warned, the certificate, the objection, the transfer."""

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from accounts.models import User, normalised_email
from attachments.actions import transfer_principal
from attachments.deciders import managers_of
from history.actions import record
from history.data import row_data
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.errors import ActionError, AlreadyDone
from support import emails
from support.actions.files import add_file, remove_file
from support.actions.rows import gone, lock_open, turn_to, write_message
from support.certificates import certificate_pdf
from support.models import Category, Ticket, TicketFile, objection_ends

Status = Ticket.Status
# What a signed certificate is scanned into.
SCANS = ("pdf", "png", "jpg", "jpeg", "tif", "tiff")
ISSUED = (
    "Voici l'attestation à signer. Imprimez-la, faites-la signer par la personne qui dirige la structure, "
    "puis déposez ici la page signée, numérisée ou photographiée."
)
DEPOSITED = "L'attestation signée est déposée."
CARRIED_OUT = (
    "Le changement est fait : {target} est gestionnaire principal de la structure. "
    "Les deux gestionnaires en sont avertis par courriel."
)
UNDONE = (
    "Le changement est défait : {principal} est de nouveau gestionnaire principal de la structure. L'assistance "
    "reprend votre demande. Pour qu'elle aboutisse, il faudra une nouvelle attestation signée."
)
SETTLED = "Le changement est déjà fait : {target} est gestionnaire principal de la structure."


def open_claim(ticket, *, actor):
    """Warn the sitting manager of a ticket being sent. Raises ActionError when they just were several times."""
    principal = _to_warn(ticket)
    # Refused, not sent without the mail: nobody is replaced unwarned.
    if principal and not within_mail_rate("claim_warning", principal.mail_address, settings.DECIDER_MAIL_RATE):
        words = "Le gestionnaire actuel vient d'être averti plusieurs fois : réessayez dans une heure."
        raise ActionError("too_many_claims", words)
    _warn(ticket)
    record(Event.CLAIM_OPENED, actor=actor, structure=ticket.structure, reference=ticket.reference)


def _to_warn(ticket):
    """The sitting manager, if somebody who reads mail is one.

    Not whoever asks, nor whom they name: nobody would be replaced.
    """
    principal = managers_of(ticket.structure).acting_principal
    return None if principal in (ticket.author, named_target(ticket)) else principal


def _warn(ticket):
    """Tell the sitting manager, and give them their delay."""
    warned = ticket.sitting_manager = _to_warn(ticket)
    ticket.warned_at = timezone.now() if warned else None
    ticket.objection_until = objection_ends(ticket.warned_at) if warned else None
    ticket.objected_at, ticket.objection = None, ""
    if warned:
        emails.send_claim_warning(ticket)


def warn_again(ticket):
    """A closed claim goes on: the sitting manager, told that it was closed, is warned anew."""
    if ticket.is_claim and ticket.transferred_at is None:
        _warn(ticket)


@transaction.atomic
def follow_principals(structures, *, actor):
    """Other principal managers: those of open claims are warned in their turn, or have what the claim asked for.

    Called with the structures locked.
    """
    claims = Ticket.objects.open().filter(category=Category.MANAGER_GONE, structure__in=structures)
    for ticket in claims.order_by("pk").select_for_update(of=("self",)):
        principal = managers_of(ticket.structure).acting_principal
        if principal is not None and principal == named_target(ticket):
            message = write_message(ticket, SETTLED.format(target=principal), actor=None, from_support=True)
            turn_to(ticket, Status.SOLVED)
            record(Event.TICKET_CLOSED, actor=actor, structure=ticket.structure, reference=ticket.reference)
            emails.send_ticket_answered(ticket, message)
        elif principal != ticket.sitting_manager:
            _warn(ticket)
            ticket.save()


@transaction.atomic
def take_up_again(handovers):
    """The claims by which these were done are open again, now that they are undone; what was signed has served.

    Called with the structures locked.
    """
    undone = {row.reference: row for row in handovers}
    done = Ticket.objects.filter(category=Category.MANAGER_GONE, reference__in=undone, transferred_at__isnull=False)
    for ticket in done.order_by("pk").select_for_update(of=("self",)):
        ticket.structure, principal = undone[ticket.reference].structure, undone[ticket.reference].outgoing
        ticket.transferred_at, ticket.override_reason = None, ""
        ticket.files.filter(role=TicketFile.Role.SIGNED).update(role=TicketFile.Role.SPENT)
        # Whoever objected is heard; others have their delay anew.
        if ticket.objected_at is None or ticket.sitting_manager != principal:
            _warn(ticket)
        turn_to(ticket, Status.IN_PROGRESS)
        message = write_message(ticket, UNDONE.format(principal=principal), actor=None, from_support=True)
        emails.send_ticket_answered(ticket, message)


def issue_certificate(ticket_id, *, actor):
    """Support sends the certificate to sign, filled in; the TicketFile."""
    ticket = Ticket.objects.select_related("structure").filter(pk=ticket_id).first()
    _check_claim(ticket)
    name = f"attestation-{ticket.reference}.pdf"
    file = ContentFile(certificate_pdf(ticket), name=name)
    kept = add_file(ticket_id, file, actor=actor, role=TicketFile.Role.CERTIFICATE)
    try:
        _send_certificate(ticket_id, kept, actor=actor)
    except ActionError:
        remove_file(kept.pk, actor=actor)
        raise
    return kept


@transaction.atomic
def _send_certificate(ticket_id, file, *, actor):
    ticket = lock_open(ticket_id)
    last = ticket.messages.order_by("pk").last()
    if last.files.filter(role=TicketFile.Role.CERTIFICATE).exists():
        raise AlreadyDone("already_issued", "L'attestation vient d'être envoyée.")
    message = write_message(ticket, ISSUED, actor=actor, from_support=True)
    ticket.assignee = ticket.assignee or actor
    turn_to(ticket, Status.ACTION_REQUIRED)
    _journal(Event.CLAIM_CERTIFICATE, ticket, actor, file)
    emails.send_ticket_answered(ticket, message)


def deposit_signed(ticket_id, file, *, actor):
    """The certificate comes back signed, as a scan; the TicketFile."""
    ending = file.name.rpartition(".")[2].lower()
    if ending not in SCANS:
        raise ActionError("not_a_scan", "Déposez la page signée en PDF ou en image (png, jpg, tiff).", field="file")
    ticket = Ticket.objects.filter(pk=ticket_id).first()
    _check_claim(ticket)
    if not ticket.files.ready().filter(role=TicketFile.Role.CERTIFICATE).exists():
        raise ActionError("no_certificate", "L'assistance n'a pas encore envoyé d'attestation à signer.", field="file")
    # Named by us: the history names it, and keeps no personal data.
    name = f"attestation-signee-{ticket.reference}.{ending}"
    kept = add_file(ticket_id, file, actor=actor, role=TicketFile.Role.SIGNED, name=name)
    _send_signed(ticket_id, kept, actor=actor)
    return kept


@transaction.atomic
def _send_signed(ticket_id, file, *, actor):
    ticket = lock_open(ticket_id)
    turn_to(ticket, Status.IN_PROGRESS)
    message = write_message(ticket, DEPOSITED, actor=actor)
    _journal(Event.CLAIM_SIGNED, ticket, actor, file)
    emails.send_ticket_to_support(ticket, message, again=True)


@transaction.atomic
def object_to_claim(ticket_id, *, actor, reason):
    """The sitting manager is there after all: support no longer carries it out without saying why."""
    ticket = lock_open(ticket_id)
    if ticket.objected_at is not None:
        raise AlreadyDone("already_objected", "Votre opposition est déjà enregistrée.")
    if not ticket.may_be_objected_to:
        raise ActionError("too_late", "Le délai d'opposition est passé : écrivez à l'assistance.")
    ticket.objected_at, ticket.objection = timezone.now(), reason
    turn_to(ticket, Status.IN_PROGRESS)
    _journal(Event.CLAIM_OBJECTED, ticket, actor)
    emails.send_claim_objected(ticket)
    return ticket


def carry_out_transfer(ticket_id, *, actor, reason="", saw_objection=False):
    """Make the person a claim names principal manager, and close it. The Ticket.

    `reason` is why support goes on before the sitting manager's delay is over, or in spite of an objection, which they
    must have seen (`saw_objection`): one made meanwhile is read first. What is refused is journaled too.
    """
    try:
        return _carry_out(ticket_id, actor=actor, reason=reason.strip(), saw_objection=saw_objection)
    except ActionError as refusal:
        _journal(Event.CLAIM_TRIED, Ticket.objects.get(pk=ticket_id), actor, cause=refusal.code)
        raise


@transaction.atomic
def _carry_out(ticket_id, *, actor, reason, saw_objection):
    ticket = lock_open(ticket_id)
    _check_claim(ticket)
    # Of a claim carried out once, then opened again, what was signed before has served.
    since = ticket.transferred_at or ticket.created_at
    signed = ticket.files.ready().filter(role=TicketFile.Role.SIGNED, created_at__gt=since).exclude(message=None).last()
    if signed is None:
        raise ActionError("no_signed_certificate", "L'attestation signée n'est pas encore revenue.")
    if ticket.held_back and not reason:
        code = "objection_made" if ticket.objected_at else "objection_possible"
        raise ActionError(code, f"{ticket.held_back} : dites pourquoi vous passez outre.", field="reason")
    if ticket.objected_at and not saw_objection:
        said = f"{ticket.held_back}, depuis que vous avez ouvert cette page : lisez pourquoi avant d'aller plus loin."
        raise ActionError("objection_unseen", said)
    target = named_target(ticket)
    if target is None:
        raise ActionError("no_such_account", "La personne désignée n'a pas de compte actif à l'adresse indiquée.")
    ticket.transferred_at, ticket.override_reason = timezone.now(), reason
    ticket.assignee = ticket.assignee or actor
    # Closed first: the other open claims follow the new principal manager, this one does not.
    turn_to(ticket, Status.SOLVED)
    transfer_principal({ticket.structure_id: target.pk}, actor=actor, cause="claim", reference=ticket.reference)
    message = write_message(ticket, CARRIED_OUT.format(target=target), actor=actor, from_support=True)
    _journal(Event.CLAIM_CARRIED_OUT, ticket, actor, signed, subject=target, reason=reason)
    emails.send_ticket_answered(ticket, message)
    if reason:
        emails.send_claim_overruled(ticket)
    return ticket


def named_target(ticket):
    """The active account of the person a claim names; None when there is none."""
    login = normalised_email(ticket.answers.get("target_login", ""))
    return User.objects.filter(email=login, state=User.State.ACTIVE).first()


def _check_claim(ticket):
    if ticket is None:
        raise gone()
    if not ticket.is_claim or ticket.structure_id is None:
        raise ActionError("not_a_claim", "Cette sollicitation ne demande pas de changer de gestionnaire principal.")
    if not ticket.is_open:
        raise AlreadyDone("ticket_closed", "Cette sollicitation est clôturée.")


def _journal(event, ticket, actor, file=None, **data):
    named = {"name": file.original_name, **row_data(file, values=["sha256"])} if file else {}
    record(event, actor=actor, structure=ticket.structure, reference=ticket.reference, **named, **data)
