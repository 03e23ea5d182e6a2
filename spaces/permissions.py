"""What any application of the platform asks: may this person do this, there? (`can`)"""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from django.db import models
from django.db.models import Exists, F, FilteredRelation, Q, Subquery
from django.utils import timezone

from attachments.models import Attachment, Right
from attachments.permissions import holding
from plumbing.reach import add_holding
from spaces.models import Access, Space, Subscription
from spaces.models.spaces import is_opened
from structures.models import Structure

Status = Subscription.Status

# Which spaces are open on a structure: what whoever opens them, or decides who has them, sees.
add_holding(
    "spaces.view_spaces",
    Structure,
    lambda user: None if user.is_staff else holding(user, Right.DECIDE_SUBSCRIPTIONS, Right.OPEN_SPACES),
)


class Step(models.TextChoices):
    """How far somebody is on the way to an access: the first step that is missing. The codes never change."""

    GRANTED = "granted", "Accès donné."
    ACCOUNT_INACTIVE = "account_inactive", "Le compte n'est pas actif."
    STRUCTURE_INACTIVE = "structure_inactive", "La structure est désactivée."
    NOT_ATTACHED = "not_attached", "Cette personne n'est pas rattachée à la structure."
    ATTACHMENT_NOT_BEGUN = "attachment_not_begun", "Le rattachement n'a pas encore commencé."
    ATTACHMENT_OVER = "attachment_over", "Le rattachement est terminé."
    NOT_ATTACHED_WHOLE = "not_attached_whole", "Le rattachement ne porte que sur des services."
    SERVICE_NOT_ATTACHED = "service_not_attached", "Le rattachement ne porte pas sur ce service."
    SERVICE_CLOSED = "service_closed", "Le service n'est pas en service."
    NOT_OFFERED = "not_offered", "Cet espace n'existe que pour les structures publiques."
    NOT_OPEN = "space_not_open", "Cet espace n'est pas ouvert sur la structure."
    NOT_FOR_ROLE = "not_for_role", "Cet espace n'est pas pour ce rôle."
    NOT_ASKED = "not_asked", "L'abonnement n'a pas été demandé."
    PENDING = "pending", "La demande d'abonnement attend une décision."
    REFUSED = "refused", "L'abonnement a été refusé."
    NOT_BEGUN = "not_begun", "L'abonnement n'a pas encore commencé."
    ENDED = "ended", "L'abonnement est désactivé."


@dataclass(frozen=True)
class Answer:
    """True or false; a « no » says which step is missing."""

    step: Step

    def __bool__(self):
        return self.step is Step.GRANTED

    @property
    def code(self):
        return str(self.step)

    @property
    def sentence(self):
        return self.step.label


def can(user, space, structure, service=None, access=Access.CONSULTATION):
    """Whether `user` may today do what `access` says in `space`, for this service of the structure: an Answer.

    Without a service, for the structure as such. A line for all they are attached to counts for each service of their
    place; one for a service, for that service alone; modification does not include consultation.

    One query a structure and service, whatever spaces and accesses are asked after: it is kept on the `user` instance,
    which lives as long as the request. An action that changes something does not see its own effect on that instance.
    """
    if not user.is_active:
        return Answer(Step.ACCOUNT_INACTIVE)
    if not structure.is_active:
        return Answer(Step.STRUCTURE_INACTIVE)
    if service is not None and service.structure_id != structure.pk:
        return Answer(Step.SERVICE_NOT_ATTACHED)
    today = timezone.localdate()
    known = user.__dict__.setdefault("_spaces_known", {})
    key = today, structure.pk, service and service.pk
    if key not in known:
        known[key] = _read(user, structure, service, today)
    place, opened, lines = known[key]
    step = _place_step(place, service) or _space_step(space, structure, opened)
    return Answer(step or _line_step(space, place, lines[space.pk, str(access)], today))


class _Place(NamedTuple):
    role: str
    upcoming: bool
    over: bool
    covers: bool


def _read(user, structure, service, today):
    """(the person's place, or None; the spaces opened there; their lines for this service by space and access)."""
    places = Attachment.objects.current().filter(user=user, structure=structure).order_by()
    covers, meant = Q(whole_structure=True), Q(subscriptions__service__isnull=True)
    if service is not None:
        covers |= Q(services=service)
        meant |= Q(subscriptions__service=service)
    rows = Space.objects.annotate(
        line=FilteredRelation(
            "subscriptions", condition=Q(subscriptions__user=user, subscriptions__structure=structure) & meant
        ),
        access=F("line__access"),
        status=F("line__status"),
        starts_on=F("line__starts_on"),
        role=Subquery(places.values("role")[:1]),
        upcoming=Exists(places.filter(starts_on__gt=today)),
        over=Exists(places.filter(ends_on__lt=today)),
        covers=Exists(places.filter(covers)),
        opened=is_opened(structure.pk),
    )
    rows = rows.order_by("line__pk")
    place, opened, lines = None, set(), defaultdict(list)
    columns = ("pk", "opened", "access", "status", "starts_on", "role", "upcoming", "over", "covers")
    for pk, is_open, access, status, starts_on, *held in rows.values_list(*columns):
        place = _Place(*held) if held[0] else None
        if is_open:
            opened.add(pk)
        if status:
            lines[pk, access].append((status, starts_on))
    return place, opened, lines


def _place_step(place, service):
    if place is None:
        return Step.NOT_ATTACHED
    if place.upcoming:
        return Step.ATTACHMENT_NOT_BEGUN
    if place.over:
        return Step.ATTACHMENT_OVER
    if not place.covers:
        return Step.NOT_ATTACHED_WHOLE if service is None else Step.SERVICE_NOT_ATTACHED
    if service is not None and service.standing != service.Standing.OPEN:
        return Step.SERVICE_CLOSED
    return None


def _space_step(space, structure, opened):
    if not space.is_offered_to(structure):
        return Step.NOT_OFFERED
    if not space.is_open_everywhere and space.pk not in opened:
        return Step.NOT_OPEN
    return None


def _line_step(space, place, lines, today):
    """Of (status, first day), the oldest first: what gives most counts, else what became of the last."""
    statuses = {status for status, _ in lines}
    if any(status == Status.APPROVED and starts_on <= today for status, starts_on in lines):
        return Step.GRANTED
    if Status.APPROVED in statuses:
        return Step.NOT_BEGUN
    if Status.PENDING in statuses:
        return Step.PENDING
    if lines:
        return Step.REFUSED if lines[-1][0] == Status.REFUSED else Step.ENDED
    return Step.NOT_ASKED if space.is_for(place.role) else Step.NOT_FOR_ROLE
