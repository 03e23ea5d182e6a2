"""Requests for attachment are sent, moved and taken back; `decisions.py` decides them.

The Structure is locked first, always: see `attachments.py` beside.
"""

from django.db import transaction
from django.utils import timezone

from accounts.actions import approve_account
from attachments import emails
from attachments.actions.notices import note_with_support, tell_of_request, tell_of_withdrawal
from attachments.actions.principals import take_over
from attachments.actions.rows import check_active, decide, lock_account, lock_structure, services_of
from attachments.deciders import is_open_to_first_comer
from attachments.models import AttachmentRequest
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
        # Theirs once they activate their account, as they are told; until then support can decide it as well.
        note_with_support([request])
        emails.send_first_to_activate(request)
        approve_account(user.pk, actor=None, reference=request.reference)
    return request


@transaction.atomic
def withdraw_request(request_id, *, actor):
    """Take one request back, and tell those who were to decide it.

    Raises ActionError when it was decided, or taken back, meanwhile.
    """
    request = _lock_pending(request_id)
    decide([request], Status.WITHDRAWN, actor=actor)
    _journal(Event.REQUEST_WITHDRAWN, request, actor=actor)
    tell_of_withdrawal(request)
    return request


def withdraw_requests(users, *, actor, cause=""):
    """Take back all that `users` still ask for, in a number of queries that does not grow with it.

    The caller holds the locks of these structures.
    """
    pending = AttachmentRequest.objects.pending().filter(user__in=users).select_for_update(of=("self",))
    requests = list(pending.select_related("user", "structure").order_by("pk"))
    decide(requests, Status.WITHDRAWN, actor=actor)
    entries = [entry_of(request, cause=cause) for request in requests]
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
    check_pending(request, structure_id)
    request.structure = structure
    return request


def check_pending(request, structure_id):
    """Raises ActionError when it is decided, or left the structure that was locked with it."""
    if request.structure_id != structure_id:
        raise ActionError(
            "structure_moved",
            "La structure de cette demande vient de changer d'identifiant : rouvrez la demande.",
        )
    if not request.is_pending:
        raise AlreadyDone("already_decided", _already_decided(request))


def _already_decided(request):
    by = f" par {request.decided_by}" if request.decided_by else ""
    when = moment(request.decided_at) if request.decided_at else ""
    outcome = {Status.APPROVED: "validée", Status.REFUSED: "refusée", Status.WITHDRAWN: "retirée"}[
        Status(request.status)
    ]
    return f"Cette demande a déjà été {outcome}{by}{f' le {when}' if when else ''}."


def _journal(event, request, *, actor, **data):
    record(event, actor=actor, **entry_of(request, **data))


def entry_of(request, **data):
    """A line of the history about it, for `record_all`."""
    return {"subject": request.user, "structure": request.structure, "reference": request.reference, **data}
