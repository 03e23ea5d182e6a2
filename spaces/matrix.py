"""People × spaces of a structure: who has what, or waits for it, of the spaces that are asked for. Only reads."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Q

from attachments.models import Attachment
from spaces.models import Grant, Space, Subscription


@dataclass
class Cell:
    """What one person has of one space, or waits for; `never` when it is not for their role."""

    space: Space
    lines: list = field(default_factory=list)
    never: bool = False

    @property
    def said(self):
        """« Consultation : Intendance » of each line, in words, with whether it waits."""
        return [(line.get_access_display(), line.part, line.is_pending) for line in self.lines]

    @property
    def in_words(self):
        """All of it in one cell of a file."""
        said = [f"{access} – {part}{' (en cours de validation)' if waits else ''}" for access, part, waits in self.said]
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
