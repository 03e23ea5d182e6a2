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
    referent = lock_referent(referent_id)
    made = write_changes(referent, values)
    if made:
        record(Event.REFERENT_CHANGED, actor=actor, name=str(referent), **change_data(referent, made))
    return made


@transaction.atomic
def delete_referent(referent_id, *, actor):
    """Raises ActionError as long as a structure sends its people to this referent."""
    referent = lock_referent(referent_id)
    count = referent.structures.count()
    if count:
        raise ActionError(
            "referent_in_use", f"{referent} sert encore à {count} structure(s) : donnez-leur d'abord un autre référent."
        )
    record(Event.REFERENT_DELETED, actor=actor, **row_data(referent, values=FIELDS))
    referent.delete()


def lock_referent(referent_id):
    """The referent, read anew once nobody else can change it nor choose it for a structure."""
    referent = Referent.objects.select_for_update(of=("self",)).filter(pk=referent_id).first()
    if referent is None:
        raise ActionError("referent_gone", "Ce référent vient d'être supprimé.")
    return referent
