"""Where somebody stands with the spaces of their structures, and who gives them what they lack. Only reads."""

from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.urls import reverse

from attachments.models import Role
from plumbing.text import either
from spaces.deciders import deciders_on
from spaces.models import Space, StructureSpace, Subscription
from structures.models import Structure

# Services named beside a state; « Mes abonnements » names all.
PARTS_SHOWN = 4


class State(TextChoices):
    HELD = "active", "Ouvert pour vous"
    UPCOMING = "upcoming", "À venir"
    SUSPENDED = "inactive", "Suspendu"
    PENDING = "pending", "En cours de validation"
    FREE = "free", "À ajouter vous-même"
    TO_ASK = "to_ask", "À demander"
    NOT_OPEN = "not_open", "Pas encore ouvert sur la structure"


# Of several lines, the first of these that one of them gives.
LIVE_STATES = (State.HELD, State.UPCOMING, State.PENDING, State.SUSPENDED)


@dataclass
class Standing:
    """One space on one structure, for one person in force there; `givers` can give it: they decide, and open it where
    it is not open, whatever waits already.
    """

    space: Space
    structure: Structure
    role: str
    state: State
    is_open: bool = True
    givers: list = field(default_factory=list)
    # Their own lines that the state is about.
    lines: list = field(default_factory=list)
    # The line that was last refused, when nothing was asked for since.
    refused: Subscription | None = None

    @property
    def starts_on(self):
        """The first day of what is granted for later."""
        return min(line.starts_on for line in self.lines) if self.state is State.UPCOMING else None

    @property
    def accesses(self):
        """« Consultation et modification », « Intendance : consultation »: the first few, as a page names them."""
        parts = {}
        for line in self.lines:
            parts.setdefault(line.service.label if line.service else "", []).append(line.get_access_display())
        said = [
            " et ".join(sorted(names)).capitalize() if not part else f"{part} : {' et '.join(sorted(names)).lower()}"
            for part, names in sorted(parts.items())
        ]
        more = len(said) - PARTS_SHOWN
        return said[:PARTS_SHOWN] + ([f"et {more} autre{'s' if more > 1 else ''}"] if more > 0 else [])

    @property
    def named(self):
        return either(self.givers[:3])

    @property
    def is_held(self):
        return self.state is State.HELD

    @property
    def waits(self):
        return self.state in (State.PENDING, State.UPCOMING, State.SUSPENDED)

    @property
    def opens_by_asking(self):
        """Whether their asking opens it on the structure at once: that is confirmed first."""
        return self.is_own_to_give and not self.is_open

    @property
    def is_own_to_give(self):
        """Whether they wait for nobody: a free space, or a principal manager."""
        return self.space.is_free or self.role == Role.PRINCIPAL


def standings(user, places, spaces=None):
    """Each space that `user` has or may ask for in these places, in force; always in as many queries."""
    spaces = list(Space.objects.all()) if spaces is None else spaces
    structures = [place.structure_id for place in places]
    mine = Subscription.objects.filter(user=user, structure__in=structures).order_by()
    held = set(mine.effective().values_list("pk", flat=True))
    live, refused = {}, {}
    for line in mine.filter(space__in=spaces).select_related("service").order_by("pk"):
        key = line.space_id, line.structure_id
        refused[key] = line if line.status == Subscription.Status.REFUSED else None
        if line.is_live:
            live.setdefault(key, {}).setdefault(_state_of(line, held), []).append(line)
    opened = StructureSpace.objects.current().filter(structure__in=structures).order_by()
    opened = set(opened.values_list("space", "structure"))
    found = []
    for space in spaces:
        for place in places:
            key = space.pk, place.structure_id
            is_open = space.is_open_everywhere or key in opened
            lines = live.get(key, {})
            if lines:
                state = next(state for state in LIVE_STATES if state in lines)
            elif space.hindrance(place):
                continue
            elif space.is_free:
                state = State.FREE
            else:
                state = State.TO_ASK if is_open else State.NOT_OPEN
            told = {"lines": lines.get(state, []), "refused": refused.get(key)}
            found.append(Standing(space, place.structure, place.role, state, is_open, **told))
    _tell_givers(user, found)
    return found


def _state_of(line, held):
    """What this live line gives, `held` being the keys of those that give something today."""
    if line.is_pending:
        return State.PENDING
    return State.HELD if line.pk in held else State.UPCOMING if line.is_to_come else State.SUSPENDED


def _tell_givers(user, found):
    given = [standing for standing in found if not standing.is_own_to_give]
    givers = deciders_on({standing.structure.pk for standing in given}, besides=user) if given else {}
    for standing in given:
        there = givers[standing.structure.pk]
        standing.givers = there.deciders if standing.is_open else there.openers


@dataclass
class Missing:
    """A space that somebody has nowhere, and where they stand with it on each structure that may have it."""

    space: Space
    there: list

    # Of more structures its own page tells, and has the buttons.
    NAMED = 20

    @property
    def is_on_many(self):
        return len(self.there) > self.NAMED

    @property
    def askable(self):
        return [standing for standing in self.there if not standing.waits]

    @property
    def is_chosen(self):
        """Whether one of several structures is chosen to ask for it on."""
        return len(self.askable) > 1 and not self.is_on_many

    @property
    def is_on_several(self):
        return len(self.there) > 1

    @property
    def is_own_to_give(self):
        return all(standing.is_own_to_give for standing in self.askable)


class OwnSpaces:
    """What home shows: the spaces one has, or will from a day to come, with their structures, and those one lacks."""

    def __init__(self, user, places):
        self.held, self.lacking, coming = {}, {}, {}
        for standing in standings(user, places) if places else ():
            of_kind = self.held if standing.is_held else coming if standing.starts_on else self.lacking
            of_kind.setdefault(standing.space, []).append(standing)
        # (space, from when) of each they were granted, and have nowhere yet.
        self.coming = [
            (space, min(standing.starts_on for standing in there))
            for space, there in coming.items()
            if space not in self.held
        ]

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
        """The Missing of those they have nowhere."""
        known = {*self.held, *(space for space, _day in self.coming)}
        return [Missing(space, there) for space, there in self.lacking.items() if space not in known]

    @property
    def shared(self):
        """A Standing whose « who gives it » is that of all they lack; None when they differ."""
        lacking = [standing for missing in self.missing for standing in missing.there]
        sentences = {
            (standing.is_open, standing.waits, standing.is_own_to_give, tuple(standing.givers)) for standing in lacking
        }
        return lacking[0] if len(lacking) > 1 and len(sentences) == 1 else None


def address_of(space):
    """Its page here: the portal's own, or what says what another application holds."""
    return reverse(space.route) if space.route else reverse("spaces:space", args=[space.code])
