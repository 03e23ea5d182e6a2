"""The one writer of `Subscription`: lines begin, are decided, end and move here, any number in as many queries.

The Structure is locked first, as everywhere: whoever changes a place there, or opens a space, locks it too, so that
one lock is enough. Each function is called by an action that has checked, and that tells.
"""

from itertools import groupby
from typing import NamedTuple

from django.utils import timezone

from accounts.models import User
from attachments.actions.rows import lock_structures
from attachments.models import Attachment
from history.actions import record_all
from plumbing.errors import ActionError
from plumbing.references import new_reference
from plumbing.text import of
from spaces.models import Access, Hindrance, Space, Subscription
from structures.models import Service, Structure

Status = Subscription.Status


class Line(NamedTuple):
    """What somebody is to have; without a service, for all they are attached to."""

    user: User
    structure: Structure
    space: Space
    service: Service | None = None
    access: Access = Access.CONSULTATION

    @property
    def key(self):
        service_id = self.service.pk if self.service else None
        return self.user.pk, self.structure.pk, self.space.pk, service_id, str(self.access)


def lock_rows(subscription_ids):
    """These lines with all they name, read anew once nobody else can change them."""
    found = Subscription.objects.filter(pk__in=subscription_ids)
    structures = lock_structures(set(found.order_by().values_list("structure", flat=True)))
    locked = found.order_by("pk").select_for_update(of=("self",)).select_related("user", "space", "service")
    rows = list(locked)
    for row in rows:
        row.structure = structures.get(row.structure_id) or row.structure
    return rows


def live_by_key(user_ids, structure_ids, space_ids=None):
    """The live lines of these people on these structures, by their key."""
    rows = Subscription.objects.live().filter(user__in=set(user_ids), structure__in=set(structure_ids))
    if space_ids is not None:
        rows = rows.filter(space__in=set(space_ids))
    return {row.key: row for row in rows.select_related("user", "structure", "space", "service").order_by("pk")}


def places_of(pairs):
    """The place that each (person's id, structure's id) holds and that is not over, with its services."""
    wanted = set(pairs)
    people, structures = ({pair[n] for pair in wanted} for n in (0, 1))
    places = Attachment.objects.lasting().filter(user__in=people, structure__in=structures).order_by()
    places = places.select_related("user", "structure").prefetch_related("services")
    return {key: place for place in places if (key := (place.user_id, place.structure_id)) in wanted}


def covers(place, service):
    """Whether somebody in this place may have a line for `service` (None: for all they are attached to)."""
    return service is None or (
        service.structure_id == place.structure_id and (place.whole_structure or service in place.services.all())
    )


def check_line(line, place, opened):
    """Whether this line can be asked for or given. `opened` are the keys of the spaces open on the structure."""
    structure, space = line.structure, line.space
    if place is not None and place.user.state == User.State.DISABLED:
        raise ActionError("account_inactive", f"Le compte {of(line.user)} est désactivé.")
    if place is None:
        raise ActionError("not_attached", f"{line.user} n'est pas rattaché à {structure}.")
    hindrance = space.hindrance(place)
    if hindrance:
        named = {"space": space, "structure": structure, "role": place.get_role_display().lower()}
        raise ActionError(hindrance, _HINDRANCES[hindrance].format_map(named))
    if not covers(place, line.service):
        raise ActionError("service_not_attached", f"{line.user} n'est pas rattaché au service {line.service.label}.")
    if line.service is not None and line.service.standing != line.service.Standing.OPEN:
        raise ActionError("service_closed", f"Le service {line.service.label} n'est pas en service.")
    if not space.is_open_everywhere and space.pk not in opened:
        raise ActionError("space_not_open", f"« {space} » n'est pas ouvert sur {structure}.")


_HINDRANCES = {
    Hindrance.STRUCTURE_INACTIVE: "{structure} est désactivée : rien ne s'y demande.",
    Hindrance.NOT_OFFERED: "« {space} » n'existe que pour les structures publiques.",
    Hindrance.NOT_FOR_ROLE: "« {space} » n'est pas pour un {role}.",
}


def begin(lines, *, status, starts_on=None, comment="", reason="", reference=None, actor=None, by_default=False):
    """Write these lines, which nothing hinders. Those of one person on one structure share a new reference, unless
    all are of the dossier `reference`; empty for what nobody asked for.
    """
    lines = list(lines)
    drawn = _references({line.key[:2] for line in lines}) if reference is None else {}
    now, today = timezone.now(), timezone.localdate()
    decided = {} if status == Status.PENDING else {"decided_at": now, "decided_by": actor}
    return Subscription.objects.bulk_create(
        Subscription(
            **line._asdict(),
            reference=drawn.get(line.key[:2], reference),
            starts_on=starts_on or today,
            comment=comment,
            reason=reason,
            status=status,
            by_default=by_default,
            **decided,
        )
        for line in lines
    )


def _references(keys):
    """A « Dossier n° » that no line bears yet for each of `keys`, in a number of queries that does not grow."""
    drawn = set()
    while len(drawn) < len(keys):
        drawn |= {new_reference() for _ in range(len(keys) - len(drawn))}
        drawn -= set(Subscription.objects.filter(reference__in=drawn).values_list("reference", flat=True).order_by())
    return dict(zip(keys, drawn, strict=True))


def decide_rows(rows, status, *, actor, reason="", **also):
    """Write what became of these lines, locked by the caller; `actor` is None for the portal itself."""
    written = {"status": status, "decided_by": actor, "decided_at": timezone.now(), "reason": reason} | also
    Subscription.objects.filter(pk__in=[row.pk for row in rows]).update(**written)
    for row in rows:
        for name, value in written.items():
            setattr(row, name, value)


def move_rows(rows):
    """Write where these lines are from now on."""
    Subscription.objects.bulk_update(rows, ["structure", "service"], batch_size=500)


def copy_rows(rows):
    """Write these lines once more: what they have become, beside what they were."""
    for row in rows:
        row.pk, row._state.adding = None, True
    Subscription.objects.bulk_create(rows)


def forget_comments(users):
    """What these people wrote beside what they asked for."""
    Subscription.objects.filter(user__in=users).exclude(comment="").update(comment="")


def journal(event, rows, *, actor, **data):
    """An entry of the history for each person, structure and space among these lines."""
    rows = sorted(rows, key=lambda row: (row.user_id, row.structure_id, row.space_id, row.reference, row.pk))
    grouped = groupby(rows, key=lambda row: (row.user_id, row.structure_id, row.space_id, row.reference))
    entries = [
        {
            "subject": theirs[0].user,
            "structure": theirs[0].structure,
            "reference": theirs[0].reference,
            "name": str(theirs[0].space),
            "services": [f"{row.part} ({row.get_access_display().lower()})" for row in theirs],
            **data,
        }
        for _, group in grouped
        if (theirs := list(group))
    ]
    if entries:
        record_all(event, entries, actor=actor)
