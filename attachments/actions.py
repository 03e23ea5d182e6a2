"""What happens to requests for attachment and to attachments.

Whatever touches roles locks the Structure first, always in that order, so that two decisions on
one structure queue up instead of crossing.
"""

from django.db import transaction
from django.utils import timezone

from accounts.actions import approve_account, close_never_active
from accounts.models import User
from attachments import emails
from attachments.models import Attachment, AttachmentRequest, Role
from history.actions import record
from history.models import Event
from plumbing.errors import ActionError
from plumbing.references import draw_reference
from structures.models import Structure


@transaction.atomic
def send_request(user, structure, *, actor, whole_structure=True, services=(), comment="", reference=None):
    """File a request for attachment and tell both sides.

    The first person of a private structure without principal manager becomes it at once;
    everybody else waits for a manager, or for support when there is none.
    Someone attached to some services may ask for others. Raises ActionError when the structure
    is inactive, or when the person is attached to all of it or already waiting there.
    """
    structure = Structure.objects.select_for_update(of=("self",)).get(pk=structure.pk)
    if not structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est désactivée : personne ne peut s'y rattacher.")
    attachments = structure.attachments.current()
    if attachments.lasting().filter(user=user, whole_structure=True).exists():
        raise ActionError("already_attached", "Vous êtes déjà rattaché à cette structure.")
    services = _services_of(structure, whole_structure, services)
    if structure.attachment_requests.pending().filter(user=user).exists():
        raise ActionError("request_open", "Une demande est déjà en cours pour cette structure.")

    request = AttachmentRequest.objects.create(
        reference=reference or draw_reference(AttachmentRequest),
        user=user,
        structure=structure,
        whole_structure=whole_structure,
        comment=comment,
    )
    request.services.set(services)
    record(Event.REQUEST_SENT, actor=actor, subject=user, structure=structure, reference=request.reference)

    principal = attachments.principal().select_related("user").first()
    if principal is None and not structure.is_public:
        _take_over(request)
    else:
        emails.send_request_sent(request, principal=principal.user if principal else None)
        emails.send_request_to_decide(request, deciders=deciders_of(structure))
    return request


def deciders_of(structure):
    """The people who can decide requests on `structure`: its managers in force."""
    managing = Attachment.objects.effective().managers().filter(structure=structure)
    return User.objects.filter(attachments__in=managing, state__in=[User.State.ACTIVE, User.State.ACTIVATING]).order_by(
        "pk"
    )


def _take_over(request):
    """Make the requester principal manager of a private structure that has none."""
    Attachment.objects.create(user=request.user, structure=request.structure, role=Role.PRINCIPAL)
    request.status, request.decided_at, request.whole_structure = (
        AttachmentRequest.Status.APPROVED,
        timezone.now(),
        True,
    )
    request.save(update_fields=["status", "decided_at", "whole_structure"])
    request.services.clear()
    record(
        Event.PRINCIPAL_DESIGNATED,
        subject=request.user,
        structure=request.structure,
        reference=request.reference,
        comment="Première personne de la structure",
    )
    emails.send_became_principal(request)
    approve_account(request.user_id, actor=None, reference=request.reference)


@transaction.atomic
def approve_request(request_id, *, actor, role=Role.SIMPLE, whole_structure=True, services=()):
    """Attach the requester as decided (or widen what they hold), let their account in, tell them.

    `services` are those ticked, when not the whole structure. Role.PRINCIPAL is for support,
    on a structure that has no principal manager. Raises ActionError when the request was
    decided meanwhile, or when the structure or the role does not allow it.
    """
    request = _lock_pending(request_id)
    structure = request.structure
    if not structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est désactivée : la demande ne peut pas être validée.")
    if role == Role.PRINCIPAL:
        if structure.attachments.current().principal().exists():
            raise ActionError("has_principal", "Cette structure a déjà un gestionnaire principal.")
        whole_structure = True
    services = _services_of(structure, whole_structure, services)

    run_out = (
        structure.attachments.current()
        .filter(user=request.user)
        .exclude(pk__in=structure.attachments.lasting().values("pk"))
    )
    run_out.update(ended_at=timezone.now())
    attachment = structure.attachments.current().filter(user=request.user).first()
    if attachment is None:
        attachment = Attachment(
            user=request.user,
            structure=structure,
            starts_on=request.starts_on,
            ends_on=None if role == Role.PRINCIPAL else request.ends_on,
        )
    elif attachment.whole_structure:
        raise ActionError("already_attached", f"{request.user} est déjà rattaché à cette structure.")
    # Somebody who asks for more does not lose what they are.
    if attachment.pk is None or role != Role.SIMPLE:
        attachment.role = role
    attachment.whole_structure = whole_structure
    if role == Role.PRINCIPAL:
        attachment.ends_on = None
    attachment.save()
    attachment.services.set(services)
    _decide(request, AttachmentRequest.Status.APPROVED, actor)
    record(
        Event.REQUEST_APPROVED,
        actor=actor,
        subject=request.user,
        structure=structure,
        reference=request.reference,
        comment=attachment.get_role_display(),
    )
    if role == Role.PRINCIPAL:
        record(
            Event.PRINCIPAL_DESIGNATED,
            actor=actor,
            subject=request.user,
            structure=structure,
            reference=request.reference,
        )
    emails.send_request_approved(request, attachment=attachment)
    approve_account(request.user_id, actor=actor, reference=request.reference)
    return attachment


@transaction.atomic
def refuse_request(request_id, *, actor, reason):
    """Refuse, say why; a newcomer with no other request and no attachment is closed.

    Raises ActionError when the request was decided meanwhile, or without a reason.
    """
    reason = reason.strip()
    if not reason:
        raise ActionError("reason_missing", "Indiquez le motif du refus : il est envoyé au demandeur.")
    request = _lock_pending(request_id)
    request.reason = reason
    _decide(request, AttachmentRequest.Status.REFUSED, actor)
    record(
        Event.REQUEST_REFUSED,
        actor=actor,
        subject=request.user,
        structure=request.structure,
        reference=request.reference,
        comment=reason,
    )
    emails.send_request_refused(request)
    user = request.user
    waits_elsewhere = user.attachment_requests.pending().exists() or user.attachments.current().exists()
    if user.state == User.State.PENDING and not waits_elsewhere:
        close_never_active(user.pk, actor=actor, reason=reason)
    return request


@transaction.atomic
def carry_over(old, new, *, services):
    """Everybody's place in `old`, and the requests still open there, in `new`.

    Called with both structures locked. `services` maps the old services' ids to the new ones'.
    What `old` holds stays as it was, except open requests: those are decided in `new`.
    """
    for attachment in old.attachments.lasting().prefetch_related("services"):
        held = [services[service.pk] for service in attachment.services.all()]
        attachment.pk, attachment._state.adding, attachment.structure = None, True, new
        attachment.save()
        attachment.services.set(held)
    for request in old.attachment_requests.pending().prefetch_related("services"):
        asked = [services[service.pk] for service in request.services.all()]
        request.structure = new
        request.save(update_fields=["structure"])
        request.services.set(asked)


def _services_of(structure, whole_structure, services):
    """The services meant, none for the whole structure; ActionError when they make no sense."""
    services = [] if whole_structure else list(services)
    if not whole_structure and not services:
        raise ActionError("no_service", "Choisissez au moins un service, ou la structure entière.")
    if any(service.structure_id != structure.pk for service in services):
        raise ActionError("foreign_service", "Un des services choisis n'appartient pas à cette structure.")
    return services


def _lock_pending(request_id):
    structure_id = AttachmentRequest.objects.values_list("structure_id", flat=True).get(pk=request_id)
    structure = Structure.objects.select_for_update(of=("self",)).get(pk=structure_id)
    request = AttachmentRequest.objects.select_for_update(of=("self",)).select_related("user").get(pk=request_id)
    if request.structure_id != structure_id:
        raise ActionError(
            "structure_moved", "La structure de cette demande vient de changer d'identifiant : rouvrez la demande."
        )
    request.structure = structure
    if not request.is_pending:
        raise ActionError("already_decided", _already_decided(request))
    return request


def _already_decided(request):
    by = f" par {request.decided_by}" if request.decided_by else ""
    when = timezone.localtime(request.decided_at).strftime("%d/%m/%Y à %H:%M") if request.decided_at else ""
    outcome = {
        AttachmentRequest.Status.APPROVED: "validée",
        AttachmentRequest.Status.REFUSED: "refusée",
        AttachmentRequest.Status.WITHDRAWN: "retirée",
    }[AttachmentRequest.Status(request.status)]
    return f"Cette demande a déjà été {outcome}{by}{f' le {when}' if when else ''}."


def _decide(request, status, actor):
    request.status, request.decided_by, request.decided_at = status, actor, timezone.now()
    request.save(update_fields=["status", "decided_by", "decided_at", "reason"])
