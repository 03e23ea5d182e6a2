class ActionError(Exception):
    """A change of state refused because of the state it would start from.

    Its message is a French sentence for the person at the screen; `field` names the answer it is
    about, when there is one. Raised inside the transaction by `actions.py`, caught by the view
    outside of it.
    """

    def __init__(self, sentence, *, field=None):
        super().__init__(sentence)
        self.field = field


class ChangedMeanwhile(ActionError):
    """Somebody else wrote what the page at the screen no longer shows."""
