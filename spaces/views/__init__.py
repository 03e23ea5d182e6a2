from spaces.views.asking import add_subscription, ask_space
from spaces.views.mine import end_subscriptions, export_my_subscriptions, my_subscriptions
from spaces.views.space import space_page

__all__ = [
    "add_subscription",
    "ask_space",
    "end_subscriptions",
    "export_my_subscriptions",
    "my_subscriptions",
    "space_page",
]
