"""Where somebody stands with the spaces of their structures, and who gives them what they lack. Only reads."""

from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.urls import reverse

from attachments.models import Role
from spaces.deciders import deciders_on
from spaces.models import Grant, Space, StructureSpace, Subscription
from structures.models import Structure


class State(TextChoices):
    HELD = "active", "Ouvert pour vous"
    UPCOMING = "upcoming", "À venir"
    PENDING = "pending", "En cours de validation"
    FREE = "free", "À ajouter vous-même"
    TO_ASK = "to_ask", "À demander"
    NOT_OPEN = "not_open", "Pas encore ouvert sur la structure"


@dataclass
class Standing:
    """One space on one structure, for one person in force there; `givers` can give it: they open it, or decide."""

    space: Space
    structure: Structure
    role: str
    state: State
    givers: list = field(default_factory=list)

    @property
    def is_held(self):
        return self.state is State.HELD

    @property
    def waits(self):
        return self.state in (State.PENDING, State.UPCOMING)

    @property
    def is_own_to_give(self):
        """Whether they wait for nobody: a free space, or a principal manager."""
        return self.space.is_free or self.role == Role.PRINCIPAL


def standings(user, places, spaces=None):
    """Each space that `user` has or may ask for in these places, in force; always in as many queries."""
    spaces = list(Space.objects.all()) if spaces is None else spaces
    structures = [place.structure_id for place in places]
    mine = Subscription.objects.filter(user=user, structure__in=structures).order_by()
    held = set(mine.effective().values_list("space", "structure"))
    live = {}
    for space, structure, status in mine.live().values_list("space", "structure", "status"):
        live.setdefault((space, structure), set()).add(status)
    opened = StructureSpace.objects.current().filter(structure__in=structures).order_by()
    opened = set(opened.values_list("space", "structure"))
    found = []
    for space in spaces:
        for place in places:
            key = space.pk, place.structure_id
            if key in held:
                state = State.HELD
            elif key in live:
                state = State.PENDING if Subscription.Status.PENDING in live[key] else State.UPCOMING
            elif not place.structure.is_active or not space.is_offered_to(place.structure):
                continue
            elif space.is_free:
                state = State.FREE
            elif space.grant(place.role) == Grant.NEVER:
                continue
            else:
                state = State.TO_ASK if space.is_open_everywhere or key in opened else State.NOT_OPEN
            found.append(Standing(space, place.structure, place.role, state))
    _tell_givers(user, found)
    return found


def _tell_givers(user, found):
    given = [standing for standing in found if not standing.is_own_to_give]
    givers = deciders_on({standing.structure.pk for standing in given}, besides=user) if given else {}
    for standing in given:
        there = givers[standing.structure.pk]
        standing.givers = there.openers if standing.state is State.NOT_OPEN else there.deciders


class OwnSpaces:
    """What home shows: the spaces one has, with their structures, and those one lacks."""

    def __init__(self, user, places):
        self.held, self.lacking = {}, {}
        for standing in standings(user, places) if places else ():
            of_kind = self.held if standing.is_held else self.lacking
            of_kind.setdefault(standing.space, []).append(standing)

    @property
    def doors(self):
        """(space, where it opens, on which structures) of each they have; not the page they are on."""
        return [
            (space, address_of(space), [standing.structure for standing in there])
            for space, there in self.held.items()
            if space.route != "home"
        ]

    @property
    def missing(self):
        """(space, where they stand with it on each structure) of those they have nowhere."""
        return [(space, there) for space, there in self.lacking.items() if space not in self.held]


def address_of(space):
    """Its page here: the portal's own, or what says what another application holds."""
    return reverse(space.route) if space.route else reverse("spaces:space", args=[space.code])
