"""« Modifier l'identifiant »: the structure lives on under another number."""

from copy import copy

from django.db import IntegrityError, transaction
from django.utils import timezone

from history.actions import record
from history.data import change_data
from history.models import Event
from plumbing.changes import changes
from plumbing.errors import ActionError
from structures.actions.structures import deactivate_structure
from structures.events import identifier_changing
from structures.lookup import check_new_identifier, look_up
from structures.models import Structure


@transaction.atomic
def change_identifier(structure_id, *, actor, identifier_type, identifier):
    """Copy the structure under a new identifier with all that hangs on it, and deactivate the old one.

    Services and bank accounts are copied here; attachments and what else hangs on a structure by
    the receivers of `identifier_changing`. All or nothing (domain: « Modifier l'identifiant »).
    Raises ActionError when the structure is inactive or the identifier not for it.
    """
    old = Structure.objects.select_for_update(of=("self",)).get(pk=structure_id)
    if not old.is_active:
        raise ActionError(
            "structure_inactive", "Cette structure est inactive : activez-la avant de modifier son identifiant."
        )
    lookup = look_up(identifier_type, identifier)
    check_new_identifier(old, lookup)
    new = _copy(old, identifier_type=identifier_type, identifier=identifier, created_at=timezone.now())
    # What was kept private stays so under a number that would not tell.
    new.undisclosed = old.keeps_private or (lookup.establishment is not None and lookup.establishment.keeps_private)
    try:
        with transaction.atomic():
            new.save()
    except IntegrityError as error:
        raise ActionError("identifier_taken", "Une structure porte déjà cet identifiant.") from error
    services = {}
    for service in old.services.all():
        services[service.pk] = _copy(service, structure=new)
        services[service.pk].save()
    for account in old.bank_accounts.all():
        _copy(account, structure=new).save()
    identifier_changing.send(
        sender=None, old=old, new=new, services={before: service.pk for before, service in services.items()}
    )
    change = change_data(old, changes(old, {"identifier_type": identifier_type, "identifier": identifier}))
    record(Event.IDENTIFIER_CHANGED, actor=actor, structure=old, **change)
    record(Event.IDENTIFIER_CHANGED, actor=actor, structure=new, **change)
    deactivate_structure(old.pk, actor=actor)
    return new


def _copy(row, **changes):
    twin = copy(row)
    twin.pk, twin._state.adding = None, True
    for name, value in changes.items():
        setattr(twin, name, value)
    return twin
