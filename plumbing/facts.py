"""What receivers answer to an event that asks: facts, which a page, a mail or an API each word themselves."""

from dataclasses import dataclass

from django.template import Context
from django.template.loader import get_template


@dataclass(frozen=True)
class Fact:
    """Something that stands in the way of a change, or follows from it.

    `kind` names it for programs and its French sentence (templates/facts/<kind>.txt); `count` says how
    many rows are concerned and `who` which, as far as the sentence names them. `blocks`: the change
    cannot be made as long as this is so.
    """

    kind: str
    count: int
    who: tuple = ()
    blocks: bool = False


def gather(signal, **about):
    """What all receivers of `signal` answer: one list of Facts, less those that concern nothing."""
    return [fact for _, facts in signal.send(sender=None, **about) for fact in facts or () if fact.count]


def sentence(fact):
    """The fact in French, as plain text on one line."""
    template = get_template(f"facts/{fact.kind}.txt").template
    return " ".join(
        template.render(Context({"count": fact.count, "who": [str(row) for row in fact.who]}, autoescape=False)).split()
    )
