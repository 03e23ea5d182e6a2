"""What the life of a place, a structure or an account means for what people may do."""

from django.dispatch import receiver

from accounts import events as account_events
from attachments import events as attachment_events
from plumbing.facts import Fact
from spaces import actions
from spaces import invariants as _invariants  # noqa: F401
from spaces.models import Subscription
from structures import events as structure_events
from structures.views.workspace import add_tab

add_tab("spaces:structure_spaces", "Espaces", "spaces.view_spaces")


@receiver(attachment_events.attachments_started)
def give_defaults(sender, attachments, actor, **kwargs):
    actions.give_defaults(attachments, actor=actor)


@receiver(attachment_events.attachments_ended)
def end_with(sender, attachments, actor, **kwargs):
    actions.end_with(attachments, actor=actor)


@receiver(attachment_events.roles_changed)
def follow_roles(sender, changed, actor, **kwargs):
    actions.follow_roles(changed, actor=actor)


@receiver(attachment_events.scope_changed)
def follow_scope(sender, attachments, actor, **kwargs):
    actions.follow_scope(attachments, actor=actor)


@receiver(attachment_events.place_duplicated)
def duplicate_spaces(sender, source, attachments, actor, **kwargs):
    actions.duplicate(source, attachments, actor=actor)


@receiver(attachment_events.duplication_asked)
def of_duplicating(sender, source, actor, **kwargs):
    return [Fact("subscriptions_duplicated", len(actions.duplicated(source, actor)))]


@receiver(structure_events.identifier_changing)
def carry_over(sender, old, new, services, **kwargs):
    actions.copy_spaces(old, new, services=services)


@receiver(structure_events.identifier_change_asked)
def of_changing_identifier(sender, structure, **kwargs):
    return [Fact("subscriptions_carried", structure.subscriptions.live().filter(by_default=False).count())]


@receiver(structure_events.structure_deactivating)
def of_deactivating_structure(sender, structure, **kwargs):
    """What people have there gives nothing meanwhile, and comes back with the structure."""
    return [Fact("subscriptions_suspended", structure.subscriptions.live().filter(by_default=False).count())]


@receiver(structure_events.service_deactivating)
def of_deactivating_service(sender, service, **kwargs):
    return [Fact("subscriptions_suspended", service.subscriptions.live().count())]


@receiver(account_events.account_deactivating)
def of_deactivating_account(sender, user, **kwargs):
    asked = Subscription.objects.pending().filter(user=user)
    return [Fact("subscription_requests_lost", asked.order_by().values("reference").distinct().count())]


@receiver(account_events.account_deactivated)
def withdraw(sender, user, actor, **kwargs):
    actions.withdraw_for(user, actor=actor)


@receiver(account_events.accounts_anonymised)
def forget_words(sender, users, **kwargs):
    actions.forget_comments(users)
