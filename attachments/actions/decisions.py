"""Requests for attachment are decided, several at once: deciding one is a set of one.

Locked in this order: the structures by their keys, the requests, the accounts. All that can be done is done, in a
number of queries that does not grow with the requests; the rest is skipped, each with its ActionError. One by one go
only the places that people who hold one already get widened, and the principal managers that support names.
"""

from typing import NamedTuple

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils import timezone

from accounts.actions import approve_accounts, close_accounts_never_active
from attachments import emails
from attachments.actions.attachments import HAS_PRINCIPAL, Place, attach_or_widen, hindrances, start_all
from attachments.actions.principals import drop_unseen_principal
from attachments.actions.requests import check_pending, entry_of
from attachments.actions.rows import check_open, lock_accounts, lock_structures
from attachments.models import Attachment, AttachmentRequest, Role
from history.actions import record_all
from history.data import row_data
from history.models import Event
from plumbing.errors import ActionError
from plumbing.reach import held
from plumbing.text import of
from structures.models import Structure

Status = AttachmentRequest.Status


class Result(NamedTuple):
    """What became of several requests: those decided, and (request, ActionError) of those that were not.

    Approved ones have their `attachment`.
    """

    done: list
    skipped: list

    @property
    def only(self):
        """The one request of a set of one; raises its refusal."""
        for _request, refusal in self.skipped:
            raise refusal
        return self.done[0]


@transaction.atomic
def approve_request(request_id, *, actor, role=Role.SIMPLE, whole_structure=True, services=()):
    """Attach the requester as decided (or widen what they hold), let their account in, tell them: the attachment.

    `services` are those ticked, when not the whole structure. Role.PRINCIPAL is for support,
    on a structure that has no principal manager, or one nobody has seen. Raises ActionError when the request was
    decided meanwhile, or when the structure, the role or a right lost meanwhile does not allow it.
    """
    part = (whole_structure, tuple(services))
    return approve_requests([request_id], actor=actor, role=role, part=part).only.attachment


@transaction.atomic
def approve_requests(request_ids, *, actor, role=Role.SIMPLE, part=None):
    """Attach the requesters, each as they asked (or all to `part`: whole structure, services), and tell them: a Result.

    `actor` is None for the portal itself, which needs no right.
    """
    result = Result([], [])
    requests = _lock(request_ids, result, actor=actor)
    at_once, one_by_one, places = _granted(requests, result, actor=actor, role=role, part=part)
    # Before the attachments, which answer by themselves what still waits: see `answer_by`.
    _decide(at_once, Status.APPROVED, actor=actor)
    started = start_all([places[request.pk] for request in at_once], actor=actor)
    for request, attachment in zip(at_once, started, strict=True):
        request.attachment = attachment
    result.done.extend(at_once)
    named = set()
    for request in one_by_one:
        if _may(_approve_alone, request, places[request.pk], named, actor, result=result):
            result.done.append(request)
    _tell_approved(result.done, actor=actor)
    return result


def foresee(requests, *, actor, role=None):
    """What deciding these requests would do if nothing changed meanwhile: a Result. Without `role`, refusing them.

    They come with their people, structures and services. Only reads.
    """
    result = Result([], [])
    decidable = _decidable(actor, {request.structure_id for request in requests})
    requests = [
        request for request in requests if _may(_check, request, request.structure_id, actor, decidable, result=result)
    ]
    if role is None:
        result.done.extend(requests)
    else:
        at_once, one_by_one, _places = _granted(requests, result, actor=actor, role=role, part=None)
        result.done.extend(request for request in requests if request in at_once or request in one_by_one)
    return result


def _granted(requests, result, *, actor, role, part):
    """Of these, those who get a new place and those done one by one; and each one's Place, by key."""
    lasting = Attachment.objects.lasting().filter(
        user__in={request.user_id for request in requests}, structure__in={row.structure_id for row in requests}
    )
    held_places = {(row.user_id, row.structure_id): row for row in lasting.prefetch_related("services")}
    for request in requests:
        request.held = held_places.get((request.user_id, request.structure_id))
    names = _names(actor, role, requests)
    requests = [request for request in requests if _may(_check_grant, request, role, part, names, result=result)]
    places = {request.pk: _place_of(request, role, part) for request in requests}
    one_by_one = [request for request in requests if role == Role.PRINCIPAL or request.held]
    new = [request for request in requests if not (role == Role.PRINCIPAL or request.held)]
    found = dict(zip(new, hindrances([places[request.pk] for request in new]), strict=True))
    result.skipped.extend((request, hindrance) for request, hindrance in found.items() if hindrance)
    return [request for request, hindrance in found.items() if not hindrance], one_by_one, places


def _place_of(request, role, part):
    whole_structure, services = part or (request.whole_structure, _services_asked(request))
    return Place(
        request.user,
        request.structure,
        role=role,
        whole_structure=whole_structure,
        services=tuple(services),
        starts_on=request.starts_on,
        ends_on=request.ends_on,
        reference=request.reference,
    )


def _services_asked(request):
    """Those asked for, beside those they have: nobody loses one by asking for another."""
    has = [service for service in request.held.services.all() if _is_open(service)] if request.held else []
    return dict.fromkeys([*request.services.all(), *has])


def _is_open(service):
    return service.standing == service.Standing.OPEN


def _check_grant(request, role, part, names):
    """Whether the place can be given: what `hindrances` does not look at."""
    if role not in names[request.structure_id]:
        raise ActionError("role_refused", f"Vous ne pouvez pas donner ici le rôle « {role.label} ».")
    if not request.structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est inactive : la demande ne peut pas être validée.")
    if role != Role.PRINCIPAL and request.held and request.held.whole_structure:
        raise ActionError("already_attached", f"{request.user} a déjà un rattachement à toute cette structure.")
    if part is None and role != Role.PRINCIPAL and not request.whole_structure:
        closed = [service.label for service in request.services.all() if not _is_open(service)]
        if closed:
            raise ActionError(
                "service_closed",
                f"Un service demandé n'est pas en service ({', '.join(closed)}) : examinez la demande.",
            )


def _names(actor, role, requests):
    """The roles `actor` may give in each structure of these requests, by its key; asked once a structure."""
    one_of_each = {request.structure_id: request for request in requests}
    permission = {Role.SECONDARY: "attachments.name_secondary", Role.PRINCIPAL: "attachments.name_principal"}.get(role)
    return {
        key: {role} if actor is None or permission is None or actor.has_perm(permission, request) else set()
        for key, request in one_of_each.items()
    }


def _approve_alone(request, place, named, actor):
    """`named` are the structures that got their principal manager from the same set: nobody has seen those either."""
    # In part done, it is undone.
    with transaction.atomic():
        check_open(request.user)
        if place.role == Role.PRINCIPAL:
            if request.structure_id in named:
                raise ActionError("has_principal", HAS_PRINCIPAL)
            named.add(request.structure_id)
            drop_unseen_principal(request.structure)
        _decide([request], Status.APPROVED, actor=actor)
        request.attachment = attach_or_widen(**place._asdict(), actor=actor)


def _may(act, request, *arguments, result):
    """Do it; whether that was possible, and if not `result` says why."""
    try:
        act(request, *arguments)
    except ActionError as refusal:
        result.skipped.append((request, refusal))
        return False
    return True


def answer_by(attachments, *, actor):
    """People got places in structures without their requests being opened: these are approved as what they got.

    The structures are locked by whoever attached them.
    """
    given = {(attachment.user_id, attachment.structure_id): attachment for attachment in attachments}
    people, structures = ({key[n] for key in given} for n in (0, 1))
    asked = AttachmentRequest.objects.pending().filter(user__in=people, structure__in=structures).order_by("pk")
    asked = asked.select_for_update(of=("self",)).select_related("user", "structure")
    answered = [request for request in asked if (request.user_id, request.structure_id) in given]
    for request in answered:
        request.attachment = given[request.user_id, request.structure_id]
    _decide(answered, Status.APPROVED, actor=actor)
    _tell_approved(answered, actor=actor)


def _tell_approved(requests, *, actor):
    """Journal and mail what approvals gave, and let the accounts in."""
    if not requests:
        return
    prefetch_related_objects([request.attachment for request in requests], "services")
    entries = [
        entry_of(
            request,
            services=[str(service) for service in request.attachment.services.all()],
            **row_data(request.attachment, values=("role", "whole_structure")),
        )
        for request in requests
    ]
    record_all(Event.REQUEST_APPROVED, entries, actor=actor)
    emails.send_requests_approved(requests)
    # Somebody with several requests is let in by the first of them.
    references = {request.user_id: request.reference for request in reversed(requests)}
    approve_accounts(references, actor=actor)


@transaction.atomic
def refuse_request(request_id, *, actor, reason):
    """Refuse, say why; a newcomer with no other request and no attachment is closed.

    Raises ActionError when the request was decided meanwhile, or without a reason.
    """
    return refuse_requests([request_id], actor=actor, reason=reason).only


@transaction.atomic
def refuse_requests(request_ids, *, actor, reason):
    """Refuse these requests for one reason, as `refuse_request` does one: a Result. ActionError without a reason."""
    reason = reason.strip()
    if not reason:
        raise ActionError("reason_missing", "Indiquez le motif du refus : il est envoyé au demandeur.", field="reason")
    result = Result([], [])
    requests = _lock(request_ids, result, actor=actor)
    if not requests:
        return result
    _decide(requests, Status.REFUSED, actor=actor, reason=reason)
    record_all(Event.REQUEST_REFUSED, [entry_of(request, reason=reason) for request in requests], actor=actor)
    emails.send_requests_refused(requests)
    people = {request.user_id for request in requests}
    kept = {*AttachmentRequest.objects.pending().filter(user__in=people).values_list("user", flat=True).order_by()}
    kept |= {*Attachment.objects.current().filter(user__in=people).values_list("user", flat=True).order_by()}
    close_accounts_never_active(people - kept, actor=actor, reason=reason)
    result.done.extend(requests)
    return result


def _lock(request_ids, result, *, actor):
    """Those of the requests that `actor` may decide, with their structures and accounts, locked; `result` says why not
    of the others.
    """
    seen = dict(AttachmentRequest.objects.filter(pk__in=request_ids).values_list("pk", "structure_id"))
    structures = lock_structures(set(seen.values()))
    locked = AttachmentRequest.objects.filter(pk__in=seen).order_by("pk").select_for_update(of=("self",))
    requests = list(locked.select_related("decided_by").prefetch_related("services"))
    accounts = lock_accounts({request.user_id for request in requests})
    decidable = _decidable(actor, structures)
    for request in requests:
        request.user = accounts[request.user_id]
        request.structure = structures.get(request.structure_id) or request.structure
    return [request for request in requests if _may(_check, request, seen[request.pk], actor, decidable, result=result)]


def _decidable(actor, structure_ids):
    """Those of these structures whose requests `actor` decides at this moment; None for all."""
    keys = None if actor is None else held("attachments.decide_requests", actor)
    return (
        None
        if keys is None
        else set(Structure.objects.filter(pk__in=structure_ids).filter(pk__in=keys).values_list("pk", flat=True))
    )


def _check(request, structure_id, actor, decidable):
    check_pending(request, structure_id)
    if actor is not None and request.user_id == actor.pk:
        raise ActionError("own_request", "Nul ne décide de sa propre demande.")
    if decidable is not None and request.structure_id not in decidable:
        raise ActionError("not_decider", f"Vous ne décidez plus des demandes {of(request.structure)}.")


def _decide(requests, status, *, actor, reason=""):
    """Write what became of them, locked by the caller; `actor` is None for the portal itself."""
    now = timezone.now()
    written = {"status": status, "decided_by": actor, "decided_at": now, "reason": reason}
    AttachmentRequest.objects.filter(pk__in=[request.pk for request in requests]).update(**written)
    for request in requests:
        for name, value in written.items():
            setattr(request, name, value)
