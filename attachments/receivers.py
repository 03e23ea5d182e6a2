"""What the life of a structure means for the people attached to it."""

from django.dispatch import receiver
from django.template.defaultfilters import pluralize

from attachments.models import Attachment, AttachmentRequest
from structures import events


@receiver(events.service_deactivating)
def of_deactivating_service(sender, service, **kwargs):
    lasting, pending = Attachment.objects.lasting(), AttachmentRequest.objects.pending()
    alone = _naming_only(service, lasting).count()
    asked = pending.filter(services=service).count()
    asked_alone = _naming_only(service, pending).count()
    said = []
    if alone:
        said.append(
            f"{alone} personne{pluralize(alone)} {pluralize(alone, 'est rattachée,sont rattachées')} à ce seul "
            f"service : {pluralize(alone, 'elle le reste,elles le restent')}, mais sans autre service où travailler "
            "tant qu'il est désactivé."
        )
    if asked:
        said.append(
            f"{asked} demande{pluralize(asked)} de rattachement en cours {pluralize(asked, 'nomme,nomment')} ce "
            f"service : il ne pourra plus y être coché."
            + (f" {asked_alone} ne {pluralize(asked_alone, 'nomme,nomment')} que lui." if asked_alone else "")
        )
    return said or ["Personne n'est rattaché à ce seul service, et aucune demande en cours ne le nomme."]


def _naming_only(service, scopes):
    """Of `scopes`, attachments or requests: those for this service and no other."""
    named = scopes.model.services.through.objects
    column = f"{scopes.model._meta.model_name}_id"
    return scopes.filter(services=service).exclude(pk__in=named.exclude(service=service).values(column))
