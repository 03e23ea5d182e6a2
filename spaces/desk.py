"""What waits for a manager's decision on spaces: lines of one person on one structure, by their « Dossier n° »."""

from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Count, Exists, Max, Min, OuterRef, Q
from django.utils import timezone
from django.utils.functional import cached_property

from attachments.deciders import Desk
from attachments.models import Attachment, Right, Role
from plumbing.text import loose_pattern
from spaces.models import Space, Subscription
from structures.models import Structure

# « vue » in the address.
DECIDED = "decidees"


class Dossier:
    """Who asks for what, in a structure. `lines` are those still to decide, or all that were asked for."""

    def __init__(self, lines):
        self.lines = lines
        first = lines[0]
        self.reference, self.spaced_reference = first.reference, first.spaced_reference
        self.user, self.structure, self.created_at, self.comment = (
            first.user,
            first.structure,
            first.created_at,
            first.comment,
        )
        self.starts_on, self.begins_later = first.starts_on, first.starts_on > timezone.localdate()
        self.is_pending = any(line.is_pending for line in lines)
        decided = [line for line in lines if line.decided_at]
        last = max(decided, key=lambda line: line.decided_at, default=first)
        self.decided_at, self.decided_by = last.decided_at, last.decided_by

    @property
    def keys(self):
        return [line.pk for line in self.lines]

    @property
    def spaces(self):
        """Each space asked for, in the catalogue's order."""
        return list(dict.fromkeys(line.space for line in self.lines))

    @property
    def outcomes(self):
        """(status, its name) of what became of the lines, each once."""
        return list(dict.fromkeys((line.status, line.get_status_display()) for line in self.lines))

    @property
    def what(self):
        return ", ".join(map(str, self.spaces))

    @property
    def parts(self):
        """« Service par défaut (consultation) » of each line."""
        return ", ".join(f"{line.part} ({line.get_access_display().lower()})" for line in self.lines)


def dossiers(lines):
    """The Dossiers of these lines, in the order they come."""
    grouped = {}
    for line in lines:
        grouped.setdefault(line.reference, []).append(line)
    return [Dossier(theirs) for theirs in grouped.values()]


def without_decider(lines):
    """Of these lines, those that nobody but support can decide."""
    places = Attachment.objects.may(Right.DECIDE_SUBSCRIPTIONS).order_by()
    places = places.filter(structure=OuterRef("structure"), user__state=get_user_model().State.ACTIVE)
    return lines.exclude(Exists(places.filter(~Q(user=OuterRef("user")) | Q(role=Role.PRINCIPAL))))


class SpacesDesk:
    """What one person decides, as the address asks for it: words, a structure, a space."""

    def __init__(self, user, query=None, *, desk=None):
        """`desk` is the attachments' Desk of this person, when the page has read it already."""
        query = query or {}
        self.user, self._desk = user, desk or Desk(user)
        self.words = query.get("q", "")[:100].replace("\x00", "").strip()
        self.shows_decided = query.get("vue") == DECIDED
        chosen = query.get("structure", "")
        self.structure = next((key for key in self.structures if str(key) == chosen), None) if chosen else None
        chosen = query.get("espace", "")
        self.space = chosen and next((space.code for space in self.spaces if space.code == chosen), "")

    @cached_property
    def structures(self):
        """The name of each structure where they decide, by its key; none for support, who decides for all."""
        return {} if self.user.is_staff else self._desk.may(Right.DECIDE_SUBSCRIPTIONS)

    @cached_property
    def spaces(self):
        return list(Space.objects.all())

    @property
    def shows_waiting(self):
        return not self.shows_decided

    @property
    def structure_choices(self):
        several = len(self.structures) > 1
        return sorted(self.structures.items(), key=lambda item: item[1].casefold()) if several else []

    @property
    def names_structures(self):
        return self.user.is_staff or len(self.structures) > 1

    @property
    def decides(self):
        return self.user.is_staff or bool(self.structures)

    @property
    def is_set(self):
        return bool(self.words or self.structure or self.space)

    @property
    def asked(self):
        asked = {"q": self.words, "structure": self.structure, "espace": self.space}
        return {name: value for name, value in asked.items() if value}

    @property
    def query(self):
        return urlencode(self.asked)

    @property
    def known(self):
        """All lines that they may know of: whatever was asked for there, and became of it.

        Their own only where they are principal manager.
        """
        lines = Subscription.objects.exclude(reference="")
        if self.user.is_staff:
            return lines.exclude(user=self.user)
        theirs_too = Q(structure__in=self._desk.principal_of)
        return lines.filter(~Q(user=self.user) | theirs_too, structure__in=list(self.structures))

    @property
    def awaiting(self):
        """The lines that wait for them; for support, what nobody else can decide."""
        waiting = self.known.pending()
        return without_decider(waiting) if self.user.is_staff else waiting

    @cached_property
    def waiting(self):
        """How many dossiers wait for them."""
        return self.awaiting.aggregate(number=Count("reference", distinct=True))["number"] if self.decides else 0

    def per_structure(self):
        """How many dossiers wait for them on each structure, by its key."""
        counted = self.awaiting.order_by().values_list("structure").annotate(Count("reference", distinct=True))
        return dict(counted)

    @property
    def references(self):
        """The numbers of the dossiers asked for: those that wait, the oldest first; or decided, the last first."""
        if self.shows_decided:
            lines = self._filtered(self.known.exclude(decided_at=None)).order_by().values("reference")
            lines = lines.annotate(until=Max("decided_at"), last=Max("pk")).order_by("-until", "-last")
            return lines.values_list("reference", flat=True)
        lines = self._filtered(self.awaiting).order_by().values("reference")
        lines = lines.annotate(since=Min("created_at"), first=Min("pk")).order_by("since", "first")
        return lines.values_list("reference", flat=True)

    def _filtered(self, lines):
        if self.structure:
            lines = lines.filter(structure=self.structure)
        if self.space:
            lines = lines.filter(space__code=self.space)
        for word in self.words.split():
            pattern = loose_pattern(word)
            lines = lines.filter(
                Q(user__first_name__iregex=pattern)
                | Q(user__last_name__iregex=pattern)
                | Q(user__email__iregex=pattern)
                | Q(space__label__iregex=pattern)
                | Q(structure__in=Structure.objects.called(word).values("pk"))
                | Q(reference__regex=pattern)
            )
        return lines

    def dossiers(self, references, *, pending=True):
        """The Dossiers under these numbers, in their order; with `pending`, of what waits only."""
        lines = self.known.pending() if pending else self.known
        lines = lines.filter(reference__in=references).select_related(
            "user", "structure", "space", "service", "decided_by"
        )
        found = dossiers(lines.order_by("created_at", "space__position", "service__label", "access", "pk"))
        places = {reference: place for place, reference in enumerate(references)}
        return sorted(found, key=lambda asked: places[asked.reference])
