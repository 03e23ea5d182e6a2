"""What the end of an account means for what was typed to create it."""

from django.dispatch import receiver

from accounts import events as account_events
from registration import actions


@receiver(account_events.accounts_anonymised)
def forget_registrations(sender, users, addresses, **kwargs):
    actions.forget_registrations(addresses, before=max(user.closed_at for user in users))
