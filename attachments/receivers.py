"""What the life of a structure means for the people attached to it."""

from django.dispatch import receiver
from django.template.defaultfilters import pluralize

from attachments import actions
from attachments.models import Attachment, AttachmentRequest
from structures import events


@receiver(events.structure_founded)
def welcome_founder(sender, structure, founder, **kwargs):
    """Nobody manages it yet: its founder's request makes them principal manager at once."""
    actions.send_request(founder, structure, actor=founder)


@receiver(events.identifier_changing)
def carry_over(sender, old, new, services, **kwargs):
    actions.carry_over(old, new, services=services)


@receiver(events.structure_deactivating)
def of_deactivating_structure(sender, structure, **kwargs):
    attached = structure.attachments.lasting().count()
    pending = structure.attachment_requests.pending().count()
    said = ["Plus personne ne peut demander à y être rattaché."]
    if attached:
        said.append(
            f"{attached} personne{pluralize(attached)} y {pluralize(attached, 'reste,restent')} "
            f"rattachée{pluralize(attached)} : les rôles ne changent pas."
        )
    if pending:
        said.append(
            f"{pending} demande{pluralize(pending)} en cours ne {pluralize(pending, 'pourra,pourront')} plus être "
            f"validée{pluralize(pending)} tant que la structure est désactivée."
        )
    return said


@receiver(events.identifier_change_asked)
def of_changing_identifier(sender, structure, **kwargs):
    attached = structure.attachments.lasting().count()
    pending = structure.attachment_requests.pending().count()
    said = [f"{attached} rattachement{pluralize(attached)}, avec rôles, services et dates"] if attached else []
    if pending:
        said.append(f"{pending} demande{pluralize(pending)} en cours de validation, sous le même dossier n°")
    return said


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
