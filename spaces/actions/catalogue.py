"""The catalogue, as support keeps it. What people have already stays: a grant counts for the places given after."""

from django.db import transaction

from history.actions import record
from history.data import change_data, row_data
from history.models import Event
from plumbing.changes import write_changes
from spaces.models import Space


@transaction.atomic
def create_space(*, actor, values):
    space = Space.objects.create(**values)
    record(Event.SPACE_CREATED, actor=actor, **row_data(space, values=Space.EDITABLE))
    return space


@transaction.atomic
def change_space(space_id, *, actor, values):
    """Give a space these `values` (by field name): the Changes made."""
    space = Space.objects.select_for_update(of=("self",)).get(pk=space_id)
    made = write_changes(space, values)
    if made:
        record(Event.SPACE_CHANGED, actor=actor, name=str(space), **change_data(space, made))
    return made
