"""What happens to a structure's services. The code names a service: no two share one in a structure."""

from django.db import transaction

from history.models import Event
from structures.actions import parts
from structures.models import Service


@transaction.atomic
def create_service(structure_id, *, actor, values):
    """« Créer un service ». Raises ActionError on an inactive structure, or when the code is taken."""
    service = Service(structure_id=structure_id, **values)
    return parts.create(service, actor=actor, event=Event.SERVICE_CREATED, unique="code", journaled=Service.EDITABLE)


@transaction.atomic
def change_service(service_id, *, actor, values, version):
    """« Modifier »: the Changes made. Raises ActionError when the code is taken, ChangedMeanwhile
    when the page, of that `version`, no longer shows what is there."""
    service = parts.lock(Service, service_id)
    return parts.change(service, values, version=version, actor=actor, event=Event.SERVICE_CHANGED, unique="code")


@transaction.atomic
def activate_service(service_id, *, actor):
    return parts.switch(parts.lock(Service, service_id), True, actor=actor, event=Event.SERVICE_ACTIVATED)


@transaction.atomic
def deactivate_service(service_id, *, actor):
    """Nobody can choose it until it is activated again; whoever is attached to it stays so."""
    return parts.switch(parts.lock(Service, service_id), False, actor=actor, event=Event.SERVICE_DEACTIVATED)
