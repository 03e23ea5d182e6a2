class FileRefused(Exception):
    """A file that cannot be imported, or no further; its message is a French sentence."""


class MostlyFaulty(FileRefused):
    """Hardly a line of the file can be imported: reading on would not help."""


class Fault(Exception):
    """Why one line is left out: a French sentence."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason
