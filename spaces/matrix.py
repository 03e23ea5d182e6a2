"""People × spaces of a structure: who has what, or waits for it, of the spaces that are asked for. Only reads."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlencode

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.formats import date_format

from attachments.models import Attachment, Role
from plumbing.text import is_key
from spaces.models import Access, Space, Subscription


@dataclass
class Cell:
    """What one person has of one space, or waits for; `never` when it is not for their role."""

    space: Space
    lines: list = field(default_factory=list)
    never: bool = False

    @property
    def parts(self):
        """[(service's label, its lines)]; the label is empty for what is for all they are attached to."""
        found = {}
        for line in self.lines:
            found.setdefault(line.service.label if line.service else "", []).append(line)
        return sorted(found.items())

    @property
    def in_words(self):
        """All of it in one cell of a file."""
        said = [
            f"{line.get_access_display()}{part and f' – {part}'}{self._besides(line)}"
            for part, lines in self.parts
            for line in lines
        ]
        return " ; ".join(said)

    @staticmethod
    def _besides(line):
        if line.is_to_come:
            return f" (à partir du {date_format(line.starts_on, 'd/m/Y')})"
        return " (en cours de validation)" if line.is_pending else ""


class Having(models.TextChoices):
    """Which people: by what they have of the spaces shown."""

    HAS = "ont", "Qui ont un accès"
    WAITS = "attendent", "Qui attendent une décision"
    LACKS = "rien", "Qui n'ont ni n'attendent rien"


class Matrix:
    """What of a structure's matrix the address asks for: words of people, a service, a space, what people have."""

    having_choices = Having.choices

    def __init__(self, structure, query):
        self.structure = structure
        self.words = query.get("q", "")[:100].replace("\x00", "").strip()
        self.services = list(structure.services.order_by("label", "pk"))
        chosen = query.get("service", "")
        self.service = next((service for service in self.services if str(service.pk) == chosen), None)
        self.all_spaces = [space for space in Space.objects.open_on(structure) if space.is_decided]
        chosen = query.get("espace", "")
        self.space = next((space for space in self.all_spaces if space.code == chosen), None)
        chosen = query.get("acces", "")
        self.having = chosen if chosen in Having else ""

    @property
    def spaces(self):
        return [self.space] if self.space else self.all_spaces

    @property
    def is_set(self):
        return bool(self.words or self.service or self.space or self.having)

    @property
    def query(self):
        return urlencode(self.asked)

    @property
    def asked(self):
        asked = {
            "q": self.words,
            "service": self.service and self.service.pk,
            "espace": self.space and self.space.code,
            "acces": self.having,
        }
        return {name: value for name, value in asked.items() if value}

    @property
    def query_of_all_spaces(self):
        """As it is asked, but for the space."""
        return urlencode({name: value for name, value in self.asked.items() if name != "espace"})

    @property
    def everybody(self):
        """The people there, by name; with a service, those attached to it."""
        places = Attachment.objects.lasting().filter(structure=self.structure)
        if self.service:
            places = places.filter(Q(whole_structure=True) | Q(services=self.service))
        return places.select_related("user").order_by("user__last_name", "user__first_name", "pk")

    @property
    def places(self):
        """Of everybody, those asked for."""
        places = self.everybody.of_people(self.words)
        if not self.having:
            return places
        lines = Subscription.objects.live().filter(
            structure=self.structure, user=OuterRef("user"), space__in=self.spaces
        )
        statuses = {Having.HAS: Subscription.Status.APPROVED, Having.WAITS: Subscription.Status.PENDING}
        if self.having == Having.LACKS:
            return places.exclude(Exists(lines.order_by()))
        return places.filter(Exists(lines.filter(status=statuses[self.having]).order_by()))

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
                    Cell(space, found.get((place.user_id, space.pk), []), not space.is_for(place.role))
                    for space in self.spaces
                ],
            )
            for place in places
        ]


class Sheet(NamedTuple):
    """The lines of some people that are changed together: those for one service, or for all they are attached to."""

    structure_id: int
    user_ids: list
    space_ids: list
    service_id: int | None

    @property
    def version(self):
        """What changes as soon as one of these lines does (an optimistic lock)."""
        lines = Subscription.objects.live().filter(
            structure=self.structure_id, user__in=self.user_ids, space__in=self.space_ids, service=self.service_id
        )
        lines = list(lines.order_by("pk").values_list("pk", "status"))
        return sha256(repr((sorted(self.user_ids), sorted(self.space_ids), lines)).encode()).hexdigest()[:16]


class Picks(NamedTuple):
    """The boxes somebody ticked, and those they unticked, on any number of pages: what they mean to change."""

    plus: set
    minus: set

    @classmethod
    def posted(cls, data, values):
        """As they were before the page with these boxes was sent, and that page's own.

        « avant » is what was ticked when it was shown: a colleague's change since is not undone by it.
        """
        values = set(values)
        ticked, before = set(data.getlist("cases")), set(data.get("avant", "").split())
        plus, minus = (set(data.get(name, "").split()) - values for name in ("donner", "retirer"))
        return cls(plus | (values & ticked - before), minus | (values & before - ticked))

    @property
    def people(self):
        """Ids of whom it is about."""
        found = (value.partition("-")[0] for value in self.plus | self.minus)
        return [int(key) for key in found if is_key(key)]


NOBODY = Picks(frozenset(), frozenset())


class Cross(NamedTuple):
    """One box: an access of a space, for one person."""

    value: str
    access: Access
    ticked: bool
    waits: bool
    # They have it by default, whatever is ticked for the service.
    by_default: bool


class Editing:
    """Some people with boxes to tick: their accesses for the service filtered or by default, as `picks` would have
    them.
    """

    def __init__(self, matrix, places, *, editor, picks=NOBODY):
        self.matrix, self.places, self.service, self.picks = matrix, places, matrix.service, picks
        self.editor = editor
        spaces = [space.pk for space in matrix.spaces]
        self.sheet = Sheet(
            matrix.structure.pk, [place.user_id for place in places], spaces, self.service and self.service.pk
        )
        lines = Subscription.objects.live().filter(structure=matrix.structure, user__in=self.sheet.user_ids)
        lines = lines.filter(space__in=spaces).select_related("space", "service").order_by("service__label", "pk")
        self.live = {(line.user_id, line.space_id, line.service_id, line.access): line for line in lines}

    @property
    def version(self):
        return self.sheet.version

    @property
    def rows(self):
        """(place, why nothing can be changed of it, [(space, its boxes, what they have of it besides)])"""
        return [
            (place, why, [(space, [] if why else self._crosses(place, space), self._besides(place, space))
                          for space in self.matrix.spaces])
            for place in self.places
            for why in [self._fixed(place)]
        ]  # fmt: skip

    def _fixed(self, place):
        if place.role == Role.PRINCIPAL and place.user != self.editor and not self.editor.is_staff:
            return "Gestionnaire principal : rien ne s'y change"
        if place.role != Role.PRINCIPAL and place.user == self.editor:
            return "Vous : un autre gestionnaire en décide"
        return ""

    def _crosses(self, place, space):
        if not space.is_asked_by(place.role):
            return []
        crosses = []
        for access in Access:
            value, line = f"{place.user_id}-{space.pk}-{access}", self._line(place, space, access)
            had = line is not None and not line.is_pending
            ticked = (had and value not in self.picks.minus) or value in self.picks.plus
            whole = self.live.get((place.user_id, space.pk, None, str(access))) if self.service else None
            by_default = whole is not None and not whole.is_pending
            crosses.append(Cross(value, access, ticked, line is not None and not had, by_default))
        return crosses

    def _line(self, place, space, access):
        return self.live.get((place.user_id, space.pk, self.service and self.service.pk, str(access)))

    def _besides(self, place, space):
        """The services for which they have the space apart, where what is by default is changed."""
        if self.service:
            return []
        found = {
            line.service.label: None
            for (user, key, service, _access), line in self.live.items()
            if (user, key) == (place.user_id, space.pk) and service is not None and not line.is_pending
        }
        return list(found)

    @property
    def values(self):
        return [cross.value for _, _, cells in self.rows for _, crosses, _ in cells for cross in crosses]

    @property
    def had(self):
        """The boxes that are ticked as things stand."""
        key = self.service and self.service.pk
        rows = [row for row in self.live.values() if row.service_id == key and not row.is_pending]
        return [f"{row.user_id}-{row.space_id}-{row.access}" for row in rows]

    def changes(self):
        """(what is given: (place, space, access), what is taken back: (place, line)), as things stand now."""
        given, taken, had = [], [], set(self.had)
        for place, _why, cells in self.rows:
            for space, crosses, _besides in cells:
                for cross in crosses:
                    if cross.ticked and cross.value not in had:
                        given.append((place, space, cross.access))
                    elif cross.value in had and not cross.ticked:
                        taken.append((place, self._line(place, space, cross.access)))
        return given, taken


def namesakes(users):
    """Keys of those who bear another's name among these: their address tells them apart."""
    named = {}
    for user in users:
        named.setdefault(str(user).casefold(), set()).add(user.pk)
    return {key for keys in named.values() if len(keys) > 1 for key in keys}
