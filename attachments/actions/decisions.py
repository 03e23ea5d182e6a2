"""Requests for attachment are decided, several at once: deciding one is a set of one.

Locked in this order: the structures by their keys, the requests, the accounts. All that can be done is done, in a
number of queries that does not grow with the requests; the rest is skipped, each with its ActionError. One by one go
only the places that people who hold one already get widened, and the principal managers that support names.
"""

from typing import NamedTuple

from django.db import transaction
from django.db.models import prefetch_related_objects

from accounts.actions import approve_accounts, close_accounts_never_active
from attachments import emails
from attachments.actions.attachments import HAS_PRINCIPAL, Place, attach_or_widen, hindrances, start_all
from attachments.actions.principals import drop_unseen_principal
from attachments.actions.requests import check_pending, entry_of
from attachments.actions.rows import check_open, decide, lock_accounts, lock_structures
from attachments.models import Attachment, AttachmentRequest, Role
from attachments.permissions import roles_given_by
from history.actions import record_all
from history.data import row_data
from history.models import Event
from plumbing.batches import Batch
from plumbing.errors import ActionError
from plumbing.reach import held_among
from plumbing.text import of

Status = AttachmentRequest.Status


class Grant(NamedTuple):
    """What a request is given if it is approved; `held` is the place its person has there already."""

    request: AttachmentRequest
    place: Place
    held: Attachment | None

    @property
    def is_alone(self):
        """Whether it goes by itself: what somebody holds is widened, and support names a principal manager."""
        return self.held is not None or self.place.role == Role.PRINCIPAL


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
    """Attach the requesters, each as they asked (or all to `part`: whole structure, services), and tell them: a Batch.

    Approved ones have their `attachment`. `actor` is None for the portal itself, which needs no right.
    """
    batch = Batch.empty()
    grants = _grants(_lock(request_ids, batch, actor=actor), batch, actor=actor, role=role, part=part)
    at_once = [grant for grant in grants if not grant.is_alone]
    requests = [grant.request for grant in at_once]
    # Before the attachments, which answer by themselves what still waits: see `answer_by`.
    decide(requests, Status.APPROVED, actor=actor)
    started = start_all([grant.place for grant in at_once], actor=actor)
    for request, attachment in zip(requests, started, strict=True):
        request.attachment = attachment
    batch.done.extend(requests)
    named = set()
    for grant in grants:
        if grant.is_alone:
            try:
                _approve_alone(grant, named, actor)
                batch.done.append(grant.request)
            except ActionError as refusal:
                batch.skipped.append((grant.request, refusal))
    _tell_approved(batch.done, actor=actor)
    return batch


def foresee(requests, *, actor, role=None):
    """What deciding these requests would do if nothing changed meanwhile: a Batch. Without `role`, refusing them.

    They come with their people, structures and services. Only reads.
    """
    batch = Batch.empty()
    decidable = _decidable(actor, {request.structure_id for request in requests})
    requests = batch.passing(requests, lambda request: _check(request, request.structure_id, actor, decidable))
    if role is not None:
        requests = [grant.request for grant in _grants(requests, batch, actor=actor, role=role, part=None)]
    batch.done.extend(requests)
    return batch


def _grants(requests, batch, *, actor, role, part):
    """The Grant of each of these that can be approved, in their order; the others are skipped."""
    people, structures = {request.user_id for request in requests}, {request.structure_id for request in requests}
    lasting = Attachment.objects.lasting().filter(user__in=people, structure__in=structures)
    held = {(row.user_id, row.structure_id): row for row in lasting.prefetch_related("services")}
    roles = roles_given_by(actor, structures, on_request=True)
    grants = []
    for request in requests:
        held_there = held.get((request.user_id, request.structure_id))
        try:
            _check_grant(request, held_there, role, part, roles[request.structure_id])
        except ActionError as refusal:
            batch.skipped.append((request, refusal))
        else:
            grants.append(Grant(request, _place_of(request, held_there, role, part), held_there))
    new = [grant for grant in grants if not grant.is_alone]
    found = zip(new, hindrances([grant.place for grant in new]), strict=True)
    hindered = {grant.request.pk: hindrance for grant, hindrance in found if hindrance}
    batch.skipped.extend((grant.request, hindered[grant.request.pk]) for grant in new if grant.request.pk in hindered)
    return [grant for grant in grants if grant.request.pk not in hindered]


def _place_of(request, held, role, part):
    whole_structure, services = part or (request.whole_structure, _services_asked(request, held))
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


def _services_asked(request, held):
    """Those asked for, beside those they have: nobody loses one by asking for another."""
    has = [service for service in held.services.all() if _is_open(service)] if held else []
    return dict.fromkeys([*request.services.all(), *has])


def _is_open(service):
    return service.standing == service.Standing.OPEN


def _check_grant(request, held, role, part, roles):
    """Whether the place can be given: what `hindrances` does not look at. `roles` are those the actor gives there."""
    if role not in roles:
        raise ActionError("role_refused", f"Vous ne pouvez pas donner ici le rôle « {role.label} ».")
    if not request.structure.is_active:
        raise ActionError("structure_inactive", "Cette structure est inactive : la demande ne peut pas être validée.")
    if role != Role.PRINCIPAL and held and held.whole_structure:
        raise ActionError("already_attached", f"{request.user} a déjà un rattachement à toute cette structure.")
    if part is None and role != Role.PRINCIPAL and not request.whole_structure:
        closed = [service.label for service in request.services.all() if not _is_open(service)]
        if closed:
            raise ActionError(
                "service_closed",
                f"Un service demandé n'est pas en service ({', '.join(closed)}) : examinez la demande.",
            )


def _approve_alone(grant, named, actor):
    """`named` are the structures that got their principal manager from the same set: nobody has seen those either."""
    request, place, _ = grant
    # In part done, it is undone.
    with transaction.atomic():
        check_open(request.user)
        if place.role == Role.PRINCIPAL:
            if request.structure_id in named:
                raise ActionError("has_principal", HAS_PRINCIPAL)
            named.add(request.structure_id)
            drop_unseen_principal(request.structure)
        decide([request], Status.APPROVED, actor=actor)
        request.attachment = attach_or_widen(**place._asdict(), actor=actor)


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
    decide(answered, Status.APPROVED, actor=actor)
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
    """Refuse these requests for one reason, as `refuse_request` does one: a Batch. ActionError without a reason."""
    reason = reason.strip()
    if not reason:
        raise ActionError("reason_missing", "Indiquez le motif du refus : il est envoyé au demandeur.", field="reason")
    batch = Batch.empty()
    requests = _lock(request_ids, batch, actor=actor)
    if not requests:
        return batch
    decide(requests, Status.REFUSED, actor=actor, reason=reason)
    record_all(Event.REQUEST_REFUSED, [entry_of(request, reason=reason) for request in requests], actor=actor)
    emails.send_requests_refused(requests)
    people = {request.user_id for request in requests}
    kept = {*AttachmentRequest.objects.pending().filter(user__in=people).values_list("user", flat=True).order_by()}
    kept |= {*Attachment.objects.current().filter(user__in=people).values_list("user", flat=True).order_by()}
    close_accounts_never_active(people - kept, actor=actor, reason=reason)
    batch.done.extend(requests)
    return batch


def _lock(request_ids, batch, *, actor):
    """Those of the requests that `actor` may decide, locked with structures and accounts; the others are skipped."""
    seen = dict(AttachmentRequest.objects.filter(pk__in=request_ids).values_list("pk", "structure_id"))
    structures = lock_structures(set(seen.values()))
    locked = AttachmentRequest.objects.filter(pk__in=seen).order_by("pk").select_for_update(of=("self",))
    requests = list(locked.select_related("decided_by").prefetch_related("services"))
    accounts = lock_accounts({request.user_id for request in requests})
    decidable = _decidable(actor, structures)
    for request in requests:
        request.user = accounts[request.user_id]
        request.structure = structures.get(request.structure_id) or request.structure
    return batch.passing(requests, lambda request: _check(request, seen[request.pk], actor, decidable))


def _decidable(actor, structure_ids):
    """Those of these structures whose requests `actor` decides at this moment: all, for the portal."""
    return set(structure_ids) if actor is None else held_among("attachments.decide_requests", actor, structure_ids)


def _check(request, structure_id, actor, decidable):
    check_pending(request, structure_id)
    if actor is not None and request.user_id == actor.pk:
        raise ActionError("own_request", "Nul ne décide de sa propre demande.")
    if request.structure_id not in decidable:
        raise ActionError("not_decider", f"Vous ne décidez plus des demandes {of(request.structure)}.")
