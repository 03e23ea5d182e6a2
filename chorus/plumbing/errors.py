class ActionError(Exception):
    """A change of state refused because of the state it would start from.

    Its message is a French sentence for the person at the screen. Raised inside the
    transaction by `actions.py`, caught by the view outside of it.
    """
