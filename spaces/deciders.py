"""Who gives what: who decides on subscriptions in a structure, and who opens spaces there. Only reads."""

from typing import NamedTuple

from attachments.models import Attachment, Right, Role


class Givers(NamedTuple):
    """People who can log in today, the principal manager first: who decides, and who decides and opens spaces."""

    deciders: list
    openers: list


def deciders_on(structure_ids, *, besides=None):
    """The Givers on each of these structures, by its key; without the person `besides`, who decides nothing for
    themselves.
    """
    places = Attachment.objects.may(Right.DECIDE_SUBSCRIPTIONS)
    places = places.with_rights(Right.DECIDE_SUBSCRIPTIONS, Right.OPEN_SPACES).select_related("user")
    places = places.filter(structure__in=structure_ids).order_by("pk")
    there = {key: Givers([], []) for key in structure_ids}
    for place in sorted(places, key=lambda place: (place.role != Role.PRINCIPAL, not place.stands_in)):
        if place.user.is_active and place.user != besides:
            givers = there[place.structure_id]
            if place.may_decide_subscriptions:
                givers.deciders.append(place.user)
                if place.may_open_spaces:
                    givers.openers.append(place.user)
    return there
