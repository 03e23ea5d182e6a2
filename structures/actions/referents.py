"""The referents of administrations that use the PIGP: kept by support."""

from django.db import transaction

from history.actions import record
from history.data import change_data, row_data
from history.models import Event
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from structures.models import Referent

FIELDS = ("administration", "name", "email")


@transaction.atomic
def create_referent(*, actor, values):
    referent = Referent.objects.create(**values)
    record(Event.REFERENT_CREATED, actor=actor, **row_data(referent, values=FIELDS))
    return referent


@transaction.atomic
def change_referent(referent_id, *, actor, values):
    """Give a referent these `values` (by field name): the Changes made."""
    referent = _lock(referent_id)
    made = write_changes(referent, values)
    if made:
        record(Event.REFERENT_CHANGED, actor=actor, name=str(referent), **change_data(referent, made))
    return made


@transaction.atomic
def delete_referent(referent_id, *, actor):
    """Raises ActionError as long as a structure sends its people to this referent."""
    referent = _lock(referent_id)
    count = referent.structures.count()
    if count:
        raise ActionError(
            "referent_in_use", f"{referent} sert encore à {count} structure(s) : donnez-leur d'abord un autre référent."
        )
    record(Event.REFERENT_DELETED, actor=actor, **row_data(referent, values=FIELDS))
    referent.delete()


def _lock(referent_id):
    return Referent.objects.select_for_update(of=("self",)).get(pk=referent_id)
