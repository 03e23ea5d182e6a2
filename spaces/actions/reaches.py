"""« Appliquer à »: whom a decision of a manager is for, besides the person who asked. Only reads."""

from django.utils import timezone

from accounts.models import User
from attachments.models import Attachment
from spaces.actions.rows import Line, covers
from spaces.models import Reach, Subscription


class Reached:
    """Who else is there, and what each of them would be given as `asker` is."""

    def __init__(self, asker, structure, *, decider):
        places = Attachment.objects.lasting().filter(structure=structure).exclude(user__state=User.State.DISABLED)
        places = places.select_related("user", "structure").prefetch_related("services").order_by("pk")
        there, today = {place.user_id: place for place in places}, timezone.localdate()
        # Who asks may be there from a day to come: their place is what « the services concerned » means.
        self.own = there.pop(asker.pk, None)
        # Nobody decides for themselves by deciding for others.
        self.leaves_out_decider = there.pop(decider.pk, None) is not None
        self.places = [place for place in there.values() if place.starts_on <= today]
        live = Subscription.objects.live().filter(structure=structure).order_by()
        self.had, self.waiting = set(), set()
        for status, *key in live.values_list("status", "user", "structure", "space", "service", "access"):
            (self.waiting if status == Subscription.Status.PENDING else self.had).add(tuple(key))

    def lines(self, kept, reach):
        """A Line for each other person this `reach` is for, of each of these `kept` lines of the asker: what they have
        already apart.
        """
        if reach == Reach.USER:
            return []
        lines = [
            Line(place.user, place.structure, line.space, service, line.access)
            for place in self.places
            for line in kept
            if line.space.is_for(place.role)
            for service in self._services(line, place, reach)
        ]
        return [
            line for line in dict.fromkeys(lines) if self.had.isdisjoint({line.key, line._replace(service=None).key})
        ]

    def _services(self, line, place, reach):
        """For which services this place gets the line; None is all that it is for."""
        if reach == Reach.STRUCTURE:
            return [None]
        if line.service is not None:
            return [line.service] if covers(place, line.service) else []
        if self.own is None:
            return []
        if self.own.whole_structure:
            return [None]
        return [service for service in self.own.services.all() if covers(place, service)]

    def asked(self, lines):
        """The keys of those of these lines that their people asked for: the decision is on their requests too."""
        return {line.key for line in lines} & self.waiting

    def count(self, kept, reach):
        """How many people, besides who asked."""
        return len({line.user.pk for line in self.lines(kept, reach)})
