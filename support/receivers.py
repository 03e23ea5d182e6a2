"""What the life of an account or a structure means for what was asked of support."""

from django.dispatch import receiver

from accounts import events as account_events
from structures import events as structure_events
from support import actions


@receiver(account_events.accounts_anonymised)
def forget_words(sender, users, addresses, **kwargs):
    actions.forget_tickets(users, list(addresses))


@receiver(structure_events.identifier_changing)
def carry_over(sender, old, new, **kwargs):
    actions.move_tickets(old, new)
