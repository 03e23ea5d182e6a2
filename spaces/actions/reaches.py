"""« Appliquer à »: whom a decision of a manager is for, besides the person who asked. Only reads."""

from attachments.models import Attachment
from spaces.actions.rows import Line, covers
from spaces.models import Grant, Reach


class Reached:
    """Who else is there, and what each of them would be given as `asker` is."""

    def __init__(self, asker, structure, *, decider):
        places = Attachment.objects.effective().filter(structure=structure).select_related("user", "structure")
        self.places = {place.user_id: place for place in places.prefetch_related("services").order_by("pk")}
        self.own = self.places.pop(asker.pk, None)
        self.places.pop(decider.pk, None)

    def lines(self, kept, reach):
        """A Line for each other person this `reach` is for, of each of these `kept` lines of the asker."""
        if reach == Reach.USER:
            return []
        return [
            Line(place.user, place.structure, line.space, service, line.access)
            for place in self.places.values()
            for line in kept
            if line.space.is_free or line.space.grant(place.role) != Grant.NEVER
            for service in self._services(line, place, reach)
        ]

    def _services(self, line, place, reach):
        """For which services this place gets the line; None is all that it is for."""
        if reach == Reach.STRUCTURE:
            return [None]
        if line.service is not None:
            return [line.service] if covers(place, line.service) else []
        if self.own is None or self.own.whole_structure:
            return [None]
        return [service for service in self.own.services.all() if covers(place, service)]

    def count(self, kept, reach):
        """How many people, besides who asked."""
        return len({line.user.pk for line in self.lines(kept, reach)})
