"""A manager decides a whole dossier at once: what is kept, what is added, what is refused, and whom it is for."""

from django.db import transaction

from plumbing.errors import ActionError, AlreadyDone
from spaces.actions.decisions import approve, give, refuse
from spaces.actions.reaches import Reached
from spaces.actions.rows import Line, Result, lock_rows
from spaces.models import Reach, Subscription


@transaction.atomic
def decide(reference, *, actor, lines, reach=Reach.USER, comment=""):
    """Give the asker of this dossier `lines`, (space, service, access): a Result, of others too when `reach` says so.

    What was asked for and is not among them is refused: `comment` is why. ActionError when nothing waits any more, or
    nothing of the asker's can be decided; what cannot be given to others is skipped.
    """
    comment = comment.strip()
    keys = Subscription.objects.pending().filter(reference=reference).order_by().values_list("pk", flat=True)
    waiting = [row for row in lock_rows(list(keys)) if row.is_pending]
    if not waiting:
        raise AlreadyDone("decided", "Cette demande est déjà décidée.")
    asker, structure = waiting[0].user, waiting[0].structure
    wanted = [Line(asker, structure, *line) for line in lines]
    dropped = [row for row in waiting if row.key not in {line.key for line in wanted}]
    if dropped and not comment:
        raise ActionError(
            "reason_missing", "Dites pourquoi les accès décochés sont refusés : c'est envoyé.", field="comment"
        )
    asked = {row.key for row in waiting}
    # What was asked for keeps its first day; what is added begins today.
    done = approve([row.pk for row in waiting if row not in dropped], actor=actor, comment=comment).only
    if dropped:
        done += refuse([row.pk for row in dropped], actor=actor, reason=comment).only
    done += give([line for line in wanted if line.key not in asked], actor=actor, comment=comment).only
    others = Reached(asker, structure, decider=actor).lines(wanted, reach)
    given = give(others, actor=actor, comment=comment) if others else Result([], [])
    return Result([*done, *given.done], given.skipped)
