"""What is to be given, before it is: what it would be, and why it cannot be. Only reads."""

from datetime import date
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from attachments.actions.rows import check_active, check_open, services_of
from attachments.models import Attachment, Right, Role
from plumbing.errors import ActionError
from structures.models import Structure

# What else than its role a place loses when its holder becomes principal manager.
KEPT = ("whole_structure", "starts_on", "ends_on", *Right.values)
HAS_PRINCIPAL = "Cette structure a déjà un gestionnaire principal."


class Place(NamedTuple):
    """What somebody is to hold: a principal manager has the whole structure, from today, without end."""

    user: User
    structure: Structure
    role: Role = Role.SIMPLE
    whole_structure: bool = True
    services: tuple = ()
    starts_on: date | None = None
    ends_on: date | None = None
    reference: str = ""
    cause: str = ""

    @property
    def bounded(self):
        if self.role != Role.PRINCIPAL:
            return self
        return self._replace(whole_structure=True, services=(), starts_on=None, ends_on=None)


def hindrances(places):
    """For each of these places, why it cannot be given: an ActionError, or None.

    Only reads, in a number of queries that does not grow; to act upon it, the caller holds the locks of the
    structures and of the accounts.
    """
    held = {(row.user_id, row.structure_id) for row in held_by(places) if not is_over(row)}
    wanted = [place.structure.pk for place in places if place.role == Role.PRINCIPAL]
    managed = Attachment.objects.current().principal().filter(structure__in=wanted) if wanted else ()
    taken = {row.structure_id for row in managed}
    return [_hindrance(place.bounded, held, taken) for place in places]


def _hindrance(place, held, taken):
    user, structure = place.user, place.structure
    try:
        if place.ends_on and place.ends_on < timezone.localdate():
            over = f"Ce rattachement finirait le {place.ends_on:%d/%m/%Y} : cette date est passée."
            raise ActionError("dates_over", over)
        check_active(structure)
        check_open(user)
        if (user.pk, structure.pk) in held:
            raise ActionError("already_attached", f"{user} a déjà un rattachement à cette structure.", field="email")
        if structure.pk in taken:
            raise ActionError("has_principal", HAS_PRINCIPAL)
        services_of(structure, place.whole_structure, place.services)
    except ActionError as refusal:
        return refusal
    return None


def held_by(places):
    """What these people hold in these structures, run out or not."""
    return _of_these(places, Attachment.objects.current().select_related("user", "structure"))


def _of_these(places, rows):
    """Those of `rows` that are these people's in these structures."""
    wanted = {(place.user.pk, place.structure.pk) for place in places}
    people, structures = ({key[n] for key in wanted} for n in (0, 1))
    rows = rows.filter(user__in=people, structure__in=structures).order_by("pk")
    return [row for row in rows if (row.user_id, row.structure_id) in wanted]


def withdrawn_from(places):
    """What was withdrawn by name from these people in their last place there, by (person, structure)."""
    last = {(row.user_id, row.structure_id): row for row in _of_these(places, Attachment.objects.all())}
    return {key: withdrawn_of(row) for key, row in last.items() if row.role != Role.PRINCIPAL}


def withdrawn_of(attachment):
    return {str(right): False for right in Right if getattr(attachment, right) is False}


def is_over(attachment):
    return attachment.standing == Attachment.Standing.OVER


def kept_of(attachment):
    """What `give_back` gives back: its KEPT and the keys of its services."""
    values = {name: getattr(attachment, name) for name in KEPT}
    return values | {"services": [service.pk for service in attachment.services.all()]}
