"""What the life of a structure means for the people attached to it."""

from django.dispatch import receiver
from django.template.defaultfilters import pluralize

from attachments import actions
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
    said = [f"{attached} rattachement{pluralize(attached)}, avec rôles, services et dates"]
    if pending:
        said.append(f"{pending} demande{pluralize(pending)} en cours de validation, sous le même dossier n°")
    return said
