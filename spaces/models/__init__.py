from spaces.models.reaches import Reach
from spaces.models.spaces import Access, Grant, Hindrance, Space, SpaceQuerySet, StructureSpace
from spaces.models.subscriptions import WHOLE, Subscription, SubscriptionQuerySet, by_person

__all__ = [
    "WHOLE",
    "Access",
    "Grant",
    "Hindrance",
    "Reach",
    "Space",
    "SpaceQuerySet",
    "StructureSpace",
    "Subscription",
    "SubscriptionQuerySet",
    "by_person",
]
