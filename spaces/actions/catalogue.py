"""The catalogue, as support keeps it. What people have already stays: a grant counts for the places given after."""

from django.db import transaction

from history.actions import record
from history.data import change_data, row_data
from history.models import Event
from plumbing.changes import write_changes
from spaces.actions.openings import write_openings
from spaces.models import Space, StructureSpace, Subscription


@transaction.atomic
def create_space(*, actor, values):
    space = Space.objects.create(**values)
    record(Event.SPACE_CREATED, actor=actor, **row_data(space, values=Space.EDITABLE))
    return space


@transaction.atomic
def change_space(space_id, *, actor, values):
    """Give a space these `values` (by field name): the Changes made."""
    space = Space.objects.select_for_update(of=("self",)).get(pk=space_id)
    was_everywhere = space.is_open_everywhere
    made = write_changes(space, values)
    if was_everywhere and not space.is_open_everywhere:
        _keep_open(space, actor)
    if made:
        record(Event.SPACE_CHANGED, actor=actor, name=str(space), **change_data(space, made))
    return made


def _keep_open(space, actor):
    """A space that nobody had to open is open from now on where somebody has it, or they would all lose it."""
    opened = StructureSpace.objects.current().filter(space=space).values("structure")
    lines = Subscription.objects.live().filter(space=space).exclude(structure__in=opened).order_by()
    write_openings(
        StructureSpace(structure_id=key, space=space, opened_by=actor)
        for key in lines.values_list("structure", flat=True).distinct()
    )
