class ActionError(Exception):
    """A change of state refused because of the state it would start from.

    `code` names the reason for programs and never changes (`structure_inactive`); the message is a
    French sentence for the person at the screen; `field` names the answer it is about, when there
    is one. Raised inside the transaction by `actions.py`, caught by the view outside of it.
    """

    def __init__(self, code, sentence, *, field=None):
        super().__init__(sentence)
        self.code = code
        self.field = field


class AlreadyDone(ActionError):
    """Somebody else was faster: nothing went wrong, and there is nothing to put right."""


class ChangedMeanwhile(ActionError):
    """Optimistic lock: somebody else wrote what the page at the screen no longer shows."""

    def __init__(self, sentence):
        super().__init__("changed_meanwhile", sentence)
