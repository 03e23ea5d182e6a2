from spaces.views import person as _person  # noqa: F401
from spaces.views.asking import add_subscription, ask_space
from spaces.views.deciding import decide_subscriptions, refuse_subscription
from spaces.views.desk import export_subscription_requests, subscription_requests
from spaces.views.matrix import change_matrix, export_matrix, space_matrix
from spaces.views.mine import end_subscriptions, export_my_subscriptions, my_subscriptions
from spaces.views.openings import close_space, open_space, structure_spaces
from spaces.views.several import approve_subscriptions, decided_subscriptions, refuse_subscriptions
from spaces.views.space import space_page

__all__ = [
    "add_subscription",
    "approve_subscriptions",
    "ask_space",
    "change_matrix",
    "close_space",
    "decide_subscriptions",
    "decided_subscriptions",
    "end_subscriptions",
    "export_matrix",
    "export_my_subscriptions",
    "export_subscription_requests",
    "my_subscriptions",
    "open_space",
    "refuse_subscription",
    "refuse_subscriptions",
    "space_matrix",
    "space_page",
    "structure_spaces",
    "subscription_requests",
]
