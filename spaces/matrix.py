"""People × spaces of a structure: who has what, or waits for it, of the spaces that are asked for. Only reads."""

import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode

from django.db.models import Q

from attachments.models import Attachment, Role
from spaces.models import Access, Grant, Space, Subscription


@dataclass
class Cell:
    """What one person has of one space, or waits for; `never` when it is not for their role."""

    space: Space
    lines: list = field(default_factory=list)
    never: bool = False

    @property
    def said(self):
        """(access, service, whether it waits) of each line; without a service, it is for all they are attached to."""
        return [
            (line.get_access_display(), line.service.label if line.service else "", line.is_pending)
            for line in self.lines
        ]

    @property
    def in_words(self):
        """All of it in one cell of a file."""
        said = [
            f"{access}{part and f' – {part}'}{' (en cours de validation)' if waits else ''}"
            for access, part, waits in self.said
        ]
        return " ; ".join(said)


class Matrix:
    """What of a structure's matrix the address asks for: words of people, a service, a space."""

    def __init__(self, structure, query):
        self.structure = structure
        self.words = query.get("q", "")[:100].replace("\x00", "").strip()
        self.services = list(structure.services.order_by("label", "pk"))
        chosen = query.get("service", "")
        self.service = next((service for service in self.services if str(service.pk) == chosen), None)
        self.all_spaces = [space for space in Space.objects.open_on(structure) if is_decided(space)]
        chosen = query.get("espace", "")
        self.space = next((space for space in self.all_spaces if space.code == chosen), None)

    @property
    def spaces(self):
        return [self.space] if self.space else self.all_spaces

    @property
    def is_set(self):
        return bool(self.words or self.service or self.space)

    @property
    def query(self):
        asked = {
            "q": self.words,
            "service": self.service and self.service.pk,
            "espace": self.space and self.space.code,
        }
        return urlencode({name: value for name, value in asked.items() if value})

    @property
    def places(self):
        """The people there, by name; with a service, those attached to it."""
        places = Attachment.objects.lasting().filter(structure=self.structure).of_people(self.words)
        if self.service:
            places = places.filter(Q(whole_structure=True) | Q(services=self.service))
        return places.select_related("user").order_by("user__last_name", "user__first_name", "pk")

    def told(self, places):
        """(place, its cells) of these places, in as many queries for one as for all."""
        lines = Subscription.objects.live().filter(
            structure=self.structure, user__in=[place.user_id for place in places], space__in=self.spaces
        )
        if self.service:
            lines = lines.filter(Q(service=None) | Q(service=self.service))
        found = {}
        for line in lines.select_related("service").order_by("access", "service__label", "pk"):
            found.setdefault((line.user_id, line.space_id), []).append(line)
        return [
            (
                place,
                [
                    Cell(space, found.get((place.user_id, space.pk), []), space.grant(place.role) == Grant.NEVER)
                    for space in self.spaces
                ],
            )
            for place in places
        ]


def is_decided(space):
    """Whether somebody gets it by a decision, and not all by their role or by themselves."""
    return not space.is_free and Grant.SUBSCRIPTION in (space.principal, space.secondary, space.simple)


def version_of(structure_id, user_ids, space_ids, service_id):
    """What changes as soon as a line of these people changes, in these spaces, for this service."""
    lines = Subscription.objects.live().filter(
        structure=structure_id, user__in=user_ids, space__in=space_ids, service=service_id
    )
    lines = lines.order_by("pk").values_list("pk", "status")
    return hashlib.sha256(repr((sorted(user_ids), sorted(space_ids), list(lines))).encode()).hexdigest()[:16]


class Page(NamedTuple):
    """The lines of some people that are changed together: those for one service, or for all they are attached to."""

    structure_id: int
    user_ids: list
    space_ids: list
    service_id: int | None

    @property
    def version(self):
        return version_of(*self)


class Editing:
    """One page of the matrix with ticks: the accesses of these places, for the service filtered or by default."""

    def __init__(self, matrix, places, *, editor):
        self.matrix, self.places, self.service = matrix, places, matrix.service
        spaces = [space.pk for space in matrix.spaces]
        self.page = Page(
            matrix.structure.pk,
            [place.user_id for place in places],
            spaces,
            self.service and self.service.pk,
        )
        lines = Subscription.objects.live().filter(structure=matrix.structure, user__in=self.page.user_ids)
        lines = lines.filter(space__in=spaces, service=self.service).select_related("space")
        self.live = {(line.user_id, line.space_id, line.access): line for line in lines}
        # Nobody decides for themselves, but a principal manager.
        self.fixed = {place.user_id for place in places if place.user == editor and place.role != Role.PRINCIPAL}
        self.version = self.page.version

    @property
    def rows(self):
        """(place, [(space, its boxes, empty when nothing can be changed there)])"""
        return [(place, [(space, self._boxes(place, space)) for space in self.matrix.spaces]) for place in self.places]

    def _boxes(self, place, space):
        if place.user_id in self.fixed or space.grant(place.role) != Grant.SUBSCRIPTION:
            return []
        boxes = []
        for access in Access:
            line = self.live.get((place.user_id, space.pk, str(access)))
            had = line is not None and not line.is_pending
            boxes.append((f"{place.user_id}-{space.pk}-{access}", access, had, line is not None and not had))
        return boxes

    def changes(self, ticked):
        """(what is given: (place, space, access), the lines taken back), of the boxes ticked."""
        ticked, given, taken = set(ticked), [], []
        for place, cells in self.rows:
            for space, boxes in cells:
                for value, access, had, _waits in boxes:
                    if value in ticked and not had:
                        given.append((place, space, access))
                    elif had and value not in ticked:
                        taken.append((place, self.live[place.user_id, space.pk, str(access)]))
        return given, taken
