"""What the life of an account or a structure means for what was asked of support."""

from django.dispatch import receiver
from django.urls import reverse

from accounts import events as account_events
from attachments import events as attachment_events
from attachments.models import Role
from plumbing.facts import Fact
from structures import events as structure_events
from support import actions
from support.models import Category, Ticket


@receiver(account_events.accounts_anonymised)
def forget_words(sender, users, addresses, **kwargs):
    actions.forget_tickets(users, list(addresses))


@receiver(structure_events.identifier_changing)
def carry_over(sender, old, new, **kwargs):
    actions.move_tickets(old, new)


@receiver(attachment_events.principals_changed)
def follow_principals(sender, structures, actor, **kwargs):
    actions.follow_principals(structures, actor=actor)


@receiver(attachment_events.transfers_undone)
def take_up_again(sender, handovers, **kwargs):
    actions.take_up_again(handovers)


@receiver([attachment_events.attachments_started, attachment_events.attachments_ended])
def follow_places(sender, attachments, actor, **kwargs):
    structures = {place.structure_id: place.structure for place in attachments if place.role == Role.PRINCIPAL}
    if structures:
        actions.follow_principals(list(structures.values()), actor=actor)


@receiver(structure_events.handover_asked)
def of_claims_against(sender, structure, user, **kwargs):
    """To the manager a claim would replace, until it is decided."""
    claims = Ticket.objects.against(user).filter(structure=structure)
    return [Fact("claim_against", 1, (reference,)) for reference in claims.values_list("reference", flat=True)]


@receiver(attachment_events.claims_asked)
def of_claims(sender, structures, **kwargs):
    """« Gestionnaire principal inconnu ou parti », and what is like it: not closed yet, the oldest last."""
    opened = Ticket.objects.sent().exclude(status=Ticket.Status.SOLVED).filter(structure__in=structures)
    claims = opened.filter(category__in=[Category.MANAGER_GONE, Category.NO_PRINCIPAL]).order_by("-sent_at", "-pk")
    pairs = claims.values_list("structure", "pk")
    return [Fact("claimed", 1, (key, reverse("admin:support_ticket_change", args=[pk]))) for key, pk in pairs]
