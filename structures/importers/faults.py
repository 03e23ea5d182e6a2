class FileRefused(Exception):
    """A file that cannot be imported, or no further; its message is a French sentence."""


class Fault(Exception):
    """Why one line is left out: a French sentence, and what the line gave as identifier."""

    def __init__(self, reason, typed=""):
        super().__init__(reason)
        self.reason = reason
        self.typed = typed
