"""What somebody leaves behind in a structure, before they go."""

from django.db.models import Count

from attachments.models import Attachment, AttachmentRequest


def only_theirs(user, attachments):
    """The services that those of `user`'s `attachments` are for, and nobody else's by name."""
    mine = [service for held in attachments.prefetch_related("services") for service in held.services.all()]
    others = Attachment.objects.lasting().exclude(user=user).filter(services__in=mine)
    taken = set(others.values_list("services", flat=True))
    return [service for service in mine if service.pk not in taken]


def left_to_support(user):
    """The requests of others that nobody but support can decide once `user` is gone, and somebody can today."""
    pending = AttachmentRequest.objects.pending().for_manager(user)
    return pending.without_decider(were_gone=user)


def tell_losses(user, attachments):
    """Give each of `user`'s `attachments`, read `with_rights`, what goes with it: `manages`, whether they decide
    there today, `orphaned`, how many requests nobody but support can decide then, `unattended`, the services
    left without anybody, and `asked`, their own request there, which stays."""
    structures = [attachment.structure_id for attachment in attachments]
    pending = AttachmentRequest.objects.pending().filter(structure__in=structures)
    left = pending.exclude(user=user).without_decider(were_gone=user)
    orphaned = dict(left.order_by().values_list("structure").annotate(Count("pk")))
    asked = {request.structure_id: request for request in pending.filter(user=user)}
    unattended = {}
    for service in only_theirs(user, Attachment.objects.filter(pk__in=[row.pk for row in attachments])):
        unattended.setdefault(service.structure_id, []).append(service.label)
    for row in attachments:
        row.manages = row.may_decide_requests and row.standing in (row.Standing.IN_FORCE, row.Standing.ENDING)
        row.orphaned = orphaned.get(row.structure_id, 0) if row.manages else 0
        row.unattended = unattended.get(row.structure_id, [])
        row.asked = asked.get(row.structure_id)
