"""What any application of the platform asks: may this person do this, there? (`can`)"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db import models
from django.utils import timezone

from attachments.models import Attachment, Right
from attachments.permissions import holding
from plumbing.reach import add_holding
from spaces.models import Access, StructureSpace, Subscription
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

    One query a person, whatever structures, services, spaces and accesses are asked after: what it read is kept on the
    `user` instance, which lives as long as the request. An action that changes something does not see its own effect on
    that instance.
    """
    if not user.is_active:
        return Answer(Step.ACCOUNT_INACTIVE)
    if not structure.is_active:
        return Answer(Step.STRUCTURE_INACTIVE)
    if service is not None and service.structure_id != structure.pk:
        return Answer(Step.SERVICE_NOT_ATTACHED)
    today, known = timezone.localdate(), _known(user)
    place = known.places.get(structure.pk)
    step = _place_step(place, service, today) or _space_step(space, structure, known.opened)
    return Answer(step or _line_step(space, place, known.lines_for(space, structure, service, access), today))


def _known(user):
    if "_spaces_known" not in user.__dict__:
        user._spaces_known = _Known(user)
    return user._spaces_known


@dataclass
class _Place:
    role: str
    is_whole: bool
    starts_on: date
    ends_on: date | None
    services: set = field(default_factory=set)


class _Known:
    """What `can` reads of one person: their places by structure, the (structure, space) opened there, their lines."""

    def __init__(self, user):
        self.places, self.opened, self.lines = {}, set(), defaultdict(list)
        for structure, space, service, access, status, line, role, whole, starts_on, ends_on in _rows(user):
            if line:
                self.lines[structure, space, service, access].append((line, status, starts_on))
            elif role:
                place = self.places.setdefault(structure, _Place(role, whole, starts_on, ends_on))
                place.services.add(service)
            else:
                self.opened.add((structure, space))

    def lines_for(self, space, structure, service, access):
        """(its key, status, first day) of their lines for this service and for all they are attached to."""
        services = {None, service and service.pk}
        return [line for key in services for line in self.lines.get((structure.pk, space.pk, key, str(access)), ())]


# One statement reads three tables: each row fills the columns of its own, and leaves the others null.
_COLUMNS = {
    "structure": models.BigIntegerField(),
    "space": models.BigIntegerField(),
    "service": models.BigIntegerField(),
    "access": models.CharField(),
    "status": models.CharField(),
    "line": models.BigIntegerField(),
    "role": models.CharField(),
    "whole_structure": models.BooleanField(),
    "starts_on": models.DateField(),
    "ends_on": models.DateField(),
}


def _rows(user):
    """Each line of theirs, past ones too; each place, once a service; each space opened where they have one."""
    lines = Subscription.objects.filter(user=user)
    places = Attachment.objects.current().filter(user=user)
    opened = StructureSpace.objects.current().filter(structure__in=places.order_by().values("structure"))
    return _filled(lines, "structure", "space", "service", "access", "status", "starts_on", line="pk").union(
        _filled(places, "structure", "role", "whole_structure", "starts_on", "ends_on", service="services"),
        _filled(opened, "structure", "space"),
        all=True,
    )


def _filled(rows, *names, **renamed):
    known = dict(zip(names, names, strict=True)) | renamed
    return rows.order_by().values_list(*(known.get(name, models.Value(None, kind)) for name, kind in _COLUMNS.items()))


def _place_step(place, service, today):
    if place is None:
        return Step.NOT_ATTACHED
    if place.starts_on > today:
        return Step.ATTACHMENT_NOT_BEGUN
    if place.ends_on and place.ends_on < today:
        return Step.ATTACHMENT_OVER
    if not place.is_whole and (service is None or service.pk not in place.services):
        return Step.NOT_ATTACHED_WHOLE if service is None else Step.SERVICE_NOT_ATTACHED
    if service is not None and service.standing != service.Standing.OPEN:
        return Step.SERVICE_CLOSED
    return None


def _space_step(space, structure, opened):
    if not space.is_offered_to(structure):
        return Step.NOT_OFFERED
    if not space.is_open_everywhere and (structure.pk, space.pk) not in opened:
        return Step.NOT_OPEN
    return None


def _line_step(space, place, lines, today):
    """Of (key, status, first day): what gives most counts, else what became of the last."""
    statuses = {status for _key, status, _starts_on in lines}
    if any(status == Status.APPROVED and starts_on <= today for _key, status, starts_on in lines):
        return Step.GRANTED
    if Status.APPROVED in statuses:
        return Step.NOT_BEGUN
    if Status.PENDING in statuses:
        return Step.PENDING
    if lines:
        return Step.REFUSED if max(lines)[1] == Status.REFUSED else Step.ENDED
    return Step.NOT_ASKED if space.is_for(place.role) else Step.NOT_FOR_ROLE
