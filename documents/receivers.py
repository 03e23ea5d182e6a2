"""What the end of an account means for its library."""

from django.dispatch import receiver

from accounts import events as account_events
from documents import actions


@receiver(account_events.accounts_anonymised)
def forget_library(sender, users, **kwargs):
    actions.forget_documents_of(users)
