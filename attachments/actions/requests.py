"""What happens to requests for attachment. The Structure is locked first, always: see `attachments.py` beside."""

from django.db import transaction
from django.utils import timezone

from accounts.actions import approve_account, close_never_active
from accounts.models import User
from attachments import emails
from attachments.actions.attachments import attach_or_widen, check_active, lock_account, lock_structure, services_of
from attachments.actions.notices import tell_of_request, tell_of_withdrawal
from attachments.actions.principals import drop_unseen_principal, take_over
from attachments.deciders import is_open_to_first_comer
from attachments.models import AttachmentRequest, Right, Role
from attachments.permissions import may_among
from history.actions import record, record_all
from history.data import row_data
from history.models import Event
from plumbing.errors import ActionError, AlreadyDone
from plumbing.moments import moment
from plumbing.references import draw_reference

Status = AttachmentRequest.Status


@transaction.atomic
def send_request(
    user,
    structure,
    *,
    actor,
    whole_structure=True,
    services=(),
    comment="",
    starts_on=None,
    ends_on=None,
    reference=None,
):
    """File a request for attachment, under `reference` when one was given out already, and tell both sides.

    From `starts_on` (today unless said) to `ends_on` (included; None for no end).

    A private structure without principal manager is the first person's at once; where its principal
    manager never activated their account, it is that of whoever activates first (`principals.py`).
    Everybody else waits for a manager, or for support when there is none. Someone attached to some
    services may ask for others. Raises ActionError when the structure is inactive, when the person is
    attached to all of it or already waiting there, or when the dates make no sense.
    """
    starts_on = _check_dates(starts_on, ends_on)
    structure = lock_structure(structure.pk)
    check_active(structure)
    if structure.attachments.lasting().filter(user=user, whole_structure=True).exists():
        raise ActionError("already_attached", "Votre rattachement couvre déjà toute cette structure.")
    services = services_of(structure, whole_structure, services)
    lock_account(user.pk)
    if structure.attachment_requests.pending().filter(user=user).exists():
        raise ActionError("request_open", "Une demande est déjà en cours pour cette structure.")

    request = AttachmentRequest.objects.create(
        reference=reference or draw_reference(AttachmentRequest),
        user=user,
        structure=structure,
        whole_structure=whole_structure,
        comment=comment,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    request.services.set(services)
    _journal(
        Event.REQUEST_SENT,
        request,
        actor=actor,
        services=[str(service) for service in services],
        **row_data(request, values=("whole_structure", "starts_on", "ends_on")),
    )

    if not is_open_to_first_comer(structure):
        tell_of_request(request)
    elif user.was_ever_active or not structure.attachments.current().principal().exists():
        take_over(request)
    else:
        emails.send_first_to_activate(request)
        approve_account(user.pk, actor=None, reference=request.reference)
    return request


@transaction.atomic
def approve_request(request_id, *, actor, role=Role.SIMPLE, whole_structure=True, services=()):
    """Attach the requester as decided (or widen what they hold), let their account in, tell them.

    `services` are those ticked, when not the whole structure. Role.PRINCIPAL is for support,
    on a structure that has no principal manager, or one nobody has seen. Raises ActionError when the request was
    decided meanwhile, when the structure or the role does not allow it, or when `actor` no longer decides there.
    """
    request = _lock_pending(request_id)
    _check_decider(request, actor)
    if not request.structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est inactive : la demande ne peut pas être validée.")
    if role == Role.PRINCIPAL:
        drop_unseen_principal(request.structure)
    # Before the attachment, which answers by itself what still waits: see `answer_by`.
    request.decide(Status.APPROVED, actor=actor)
    attachment = attach_or_widen(
        request.user,
        request.structure,
        actor=actor,
        role=role,
        whole_structure=whole_structure,
        services=services,
        starts_on=request.starts_on,
        ends_on=request.ends_on,
        reference=request.reference,
    )
    _tell_approved(request, attachment, actor=actor)
    return attachment


def answer_by(attachment, *, actor):
    """Somebody got their place in a structure without their request being opened: it is approved as what they got.

    The structure is locked by whoever attached them.
    """
    asked = AttachmentRequest.objects.pending().filter(user=attachment.user_id, structure=attachment.structure_id)
    for request in asked.select_for_update(of=("self",)).select_related("user", "structure"):
        request.decide(Status.APPROVED, actor=actor)
        _tell_approved(request, attachment, actor=actor)


def _tell_approved(request, attachment, *, actor):
    """Journal and mail what an approval gave, and let the account in."""
    _journal(
        Event.REQUEST_APPROVED,
        request,
        actor=actor,
        services=[str(service) for service in attachment.services.all()],
        **row_data(attachment, values=("role", "whole_structure")),
    )
    emails.send_request_approved(request, attachment=attachment)
    approve_account(request.user_id, actor=actor, reference=request.reference)


@transaction.atomic
def refuse_request(request_id, *, actor, reason):
    """Refuse, say why; a newcomer with no other request and no attachment is closed.

    Raises ActionError when the request was decided meanwhile, without a reason, or when `actor` no longer decides
    there.
    """
    reason = reason.strip()
    if not reason:
        raise ActionError("reason_missing", "Indiquez le motif du refus : il est envoyé au demandeur.", field="reason")
    request = _lock_pending(request_id)
    _check_decider(request, actor)
    request.decide(Status.REFUSED, actor=actor, reason=reason)
    _journal(Event.REQUEST_REFUSED, request, actor=actor, reason=reason)
    emails.send_request_refused(request)
    user = request.user
    waits_elsewhere = user.attachment_requests.pending().exists() or user.attachments.current().exists()
    if not user.was_ever_active and user.state != User.State.CLOSED and not waits_elsewhere:
        close_never_active(user.pk, actor=actor, reason=reason)
    return request


@transaction.atomic
def withdraw_request(request_id, *, actor):
    """Take one request back, and tell those who were to decide it.

    Raises ActionError when it was decided, or taken back, meanwhile.
    """
    request = _lock_pending(request_id)
    request.decide(Status.WITHDRAWN, actor=actor)
    _journal(Event.REQUEST_WITHDRAWN, request, actor=actor)
    tell_of_withdrawal(request)
    return request


def withdraw_requests(users, *, actor, cause=""):
    """Take back all that `users` still ask for, in a number of queries that does not grow with it.

    The caller holds the locks of these structures.
    """
    pending = AttachmentRequest.objects.pending().filter(user__in=users).select_for_update(of=("self",))
    requests = list(pending.select_related("user", "structure").order_by("pk"))
    withdrawn = AttachmentRequest.objects.filter(pk__in=[request.pk for request in requests])
    withdrawn.update(status=Status.WITHDRAWN, decided_by=actor, decided_at=timezone.now())
    entries = [_entry_of(request, cause=cause) for request in requests]
    record_all(Event.REQUEST_WITHDRAWN, entries, actor=actor)


def forget_comments(users):
    """What these people wrote beside their requests."""
    AttachmentRequest.objects.filter(user__in=users).exclude(comment="").update(comment="")


def move_requests(old, new, *, services):
    """The requests still open on `old`, to be decided on `new`, under their number. Both are locked by the caller."""
    for request in old.attachment_requests.pending().prefetch_related("services"):
        asked = [services[service.pk] for service in request.services.all()]
        request.structure = new
        request.save(update_fields=["structure"])
        request.services.set(asked)


def _check_dates(starts_on, ends_on):
    """The first day meant; ActionError when it is past, or after the last one."""
    today = timezone.localdate()
    starts_on = starts_on or today
    if starts_on < today:
        raise ActionError(
            "starts_in_past", "La date de début est passée : choisissez aujourd'hui ou plus tard.", field="starts_on"
        )
    if ends_on and ends_on < starts_on:
        raise ActionError("dates_order", "La date de fin précède la date de début.", field="ends_on")
    return starts_on


def _lock_pending(request_id):
    structure_id = AttachmentRequest.objects.values_list("structure_id", flat=True).get(pk=request_id)
    structure = lock_structure(structure_id)
    request = AttachmentRequest.objects.select_for_update(of=("self",)).select_related("user").get(pk=request_id)
    if request.structure_id != structure_id:
        raise ActionError(
            "structure_moved",
            "La structure de cette demande vient de changer d'identifiant : rouvrez la demande.",
        )
    request.structure = structure
    if not request.is_pending:
        raise AlreadyDone("already_decided", _already_decided(request))
    return request


def _check_decider(request, actor):
    """That `actor`, None for the portal itself, still decides there: asked once nobody can withdraw it any more."""
    if actor is not None and not may_among(actor, Right.DECIDE_REQUESTS, [request.structure_id]):
        raise ActionError("right_withdrawn", f"Vous ne décidez plus des demandes de {request.structure}.")


def _already_decided(request):
    by = f" par {request.decided_by}" if request.decided_by else ""
    when = moment(request.decided_at) if request.decided_at else ""
    outcome = {Status.APPROVED: "validée", Status.REFUSED: "refusée", Status.WITHDRAWN: "retirée"}[
        Status(request.status)
    ]
    return f"Cette demande a déjà été {outcome}{by}{f' le {when}' if when else ''}."


def _journal(event, request, *, actor, **data):
    record(event, actor=actor, **_entry_of(request, **data))


def _entry_of(request, **data):
    return {"subject": request.user, "structure": request.structure, "reference": request.reference, **data}
