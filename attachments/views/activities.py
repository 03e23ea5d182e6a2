"""« Activités du gestionnaire »: what waits, whom and what one manages, what was done there, on one page."""

from datetime import timedelta

from django.db.models import Count, prefetch_related_objects
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from attachments.deciders import Desk
from attachments.models import Attachment, Right, Role
from attachments.people import offered
from attachments.permissions import SEEING_PEOPLE
from attachments.standing_in import tell_standing_in
from attachments.successions import handovers_of
from attachments.views.history import VIEW_HISTORY, readable
from plumbing.reach import held
from structures.models import Structure

# Rows of each block; the rest is a click away.
OLDEST_SHOWN, STRUCTURES_SHOWN, ENTRIES_SHOWN = 5, 6, 6
# Of the history, what these last days hold is counted.
DAYS_COUNTED = 7
# Blocks of the apps above: (template, what it shows).
_added_blocks = []


def add_block(template, told):
    """Give the page a block more, below the requests: `template`, which reads what `told(user)` returns as `block`.

    Its `per_structure` and `kind` are how many wait on each structure, and of what; its `address`, their list.
    """
    _added_blocks.append((template, told))


@require_safe
def activities(request):
    """The blocks, each with its count; a block says so when it is empty."""
    user = request.user
    desk = request.desk = Desk(user)
    oldest = list(desk.awaiting.select_related("user", "structure").order_by("created_at", "pk")[:OLDEST_SHOWN])
    prefetch_related_objects([row for row in oldest if not row.whole_structure], "services")
    places = user.attachments.may(*Right).with_rights(*SEEING_PEOPLE).select_related("structure")
    places = list(places.order_by("structure__legal_name_key", "pk"))
    blocks = [(template, told(user)) for template, told in _added_blocks] if desk.manages else []
    shown = _with_counts(places, desk, [block for _template, block in blocks])
    context = {
        "oldest": oldest,
        "waiting": desk.waiting or 0,
        "places": shown,
        "led": [place for place in shown if place.role == Role.PRINCIPAL],
        **offered(user, places),
        "is_left_nothing": not desk.manages and user.attachments.current().filter(role=Role.SECONDARY).exists(),
        "place_count": len(places),
        "manages": desk.manages,
        "decides": user.is_staff or bool(desk.structures),
        "names_structures": user.is_staff or len(places) > 1,
        "handovers": handovers_of(user),
        **_history_of(user),
        "blocks": blocks,
    }
    return render(request, "attachments/activities.html", context)


def _with_counts(places, desk, blocks):
    """The first of these places, those where most waits before the others, each with what is there."""
    requests = _per_structure(desk.awaiting.filter(structure__in=[place.structure_id for place in places]))
    kinds = [("de rattachement", reverse("attachments:pending_requests"), requests)]
    kinds += [(block["kind"], block["address"], block["per_structure"]) for block in blocks]
    for place in places:
        key = place.structure_id
        place.waiting = [
            (counts[key], kind, f"{address}?structure={key}") for kind, address, counts in kinds if counts.get(key)
        ]
    shown = sorted(places, key=lambda place: -sum(count for count, *_ in place.waiting))[:STRUCTURES_SHOWN]
    people = Attachment.objects.counted([place.structure_id for place in shown])
    for place in shown:
        place.people_count = people.get(place.structure_id, 0)
        place.shows_people = place.may(*SEEING_PEOPLE)
    return shown


def _per_structure(rows):
    return dict(rows.order_by().values_list("structure").annotate(Count("pk")))


def _history_of(user):
    """What was last done on the structures whose history is theirs to see (None for somebody who sees none), and how
    much of it these last days: since midnight, as the list that the count leads to.
    """
    entries = readable(user).folded().select_related("actor", "subject", "structure")
    keys, order = held(VIEW_HISTORY, user), ["-created_at", "-pk"]
    if keys is None:
        # In the order they were written: the only one that a table of millions gives at once.
        order = ["-pk"]
    elif seen := list(Structure.objects.filter(pk__in=keys).order_by().values_list("pk", flat=True)):
        entries = entries.filter(structure__in=seen)
    else:
        return {"entries": None, "entry_count": 0}
    since = timezone.localdate() - timedelta(days=DAYS_COUNTED - 1)
    last = list(entries.order_by(*order)[:ENTRIES_SHOWN])
    tell_standing_in(last)
    count = entries.between(since, None).order_by().count()
    return {"entries": last, "entry_count": count, "counted_since": since, "days_counted": DAYS_COUNTED}
