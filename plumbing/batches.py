"""What became of several things that one action was to do: those that could not be done do not stop the others."""

from typing import NamedTuple

from plumbing.errors import ActionError


class Batch(NamedTuple):
    """What was done, and (what, ActionError) of what was skipped."""

    done: list
    skipped: list

    @classmethod
    def empty(cls):
        return cls([], [])

    @property
    def whole(self):
        """All that was done, of a batch of which nothing may be left out; raises the first refusal."""
        for _what, refusal in self.skipped:
            raise refusal
        return self.done

    @property
    def only(self):
        """What was done, of a batch of one; raises its refusal."""
        return self.whole[0]

    def passing(self, things, check):
        """Those of `things` for which `check(thing)` raises no ActionError; the others are skipped."""
        passing = []
        for thing in things:
            try:
                check(thing)
            except ActionError as refusal:
                self.skipped.append((thing, refusal))
            else:
                passing.append(thing)
        return passing
