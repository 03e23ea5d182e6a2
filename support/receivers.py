"""What the life of an account or a structure means for what was asked of support."""

from django.dispatch import receiver
from django.urls import reverse

from accounts import events as account_events
from attachments import events as attachment_events
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


@receiver(attachment_events.claims_asked)
def of_claims(sender, structures, **kwargs):
    """« Gestionnaire principal inconnu ou parti », and what is like it: not closed yet, the oldest last."""
    opened = Ticket.objects.sent().exclude(status=Ticket.Status.SOLVED).filter(structure__in=structures)
    claims = opened.filter(category__in=[Category.MANAGER_GONE, Category.NO_PRINCIPAL]).order_by("-sent_at", "-pk")
    pairs = claims.values_list("structure", "pk")
    return [Fact("claimed", 1, (key, reverse("admin:support_ticket_change", args=[pk]))) for key, pk in pairs]
