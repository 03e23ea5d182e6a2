"""A manager decides a whole dossier at once: what is kept, what is added, what is refused, and whom it is for."""

from django.db import transaction

from plumbing.batches import Batch
from plumbing.errors import ActionError, AlreadyDone
from spaces import emails
from spaces.actions.decisions import approve, give, refuse
from spaces.actions.reaches import Reached
from spaces.actions.rows import Line, lock_rows
from spaces.models import Reach, Subscription


@transaction.atomic
def decide(reference, *, actor, lines, reach=Reach.USER, comment="", reason="", others=None):
    """Give the asker of this dossier `lines`, (space, service, access): a Batch, of others too when `reach` says so.

    What was asked for and is not among them is refused: `reason` is why, told to nobody but the asker; `comment` is
    for all. `others` are the keys of the lines shown before: who came since gets nothing unseen. ActionError when
    nothing waits any more, or nothing of the asker's can be decided; what cannot be given to others is skipped.
    """
    keys = Subscription.objects.pending().filter(reference=reference).order_by().values_list("pk", flat=True)
    waiting = [row for row in lock_rows(list(keys)) if row.is_pending]
    if not waiting:
        raise AlreadyDone("decided", "Cette demande est déjà décidée.")
    asker, structure = waiting[0].user, waiting[0].structure
    wanted = [Line(asker, structure, *line) for line in lines]
    kept = {line.key for line in wanted}
    dropped = [row.pk for row in waiting if row.key not in kept]
    if dropped and not reason.strip():
        raise ActionError(
            "reason_missing", "Dites pourquoi les accès décochés sont refusés : c'est envoyé.", field="reason"
        )
    asked = {row.key for row in waiting}
    # What was asked for keeps its first day; what is added begins today.
    done = approve([row.pk for row in waiting if row.key in kept], actor=actor, comment=comment, tells=False).whole
    added = [line for line in wanted if line.key not in asked]
    spaces = {(structure.pk, row.space_id) for row in waiting}
    terms = {"actor": actor, "comment": comment}
    done += give(added, asked=spaces, reference=reference, tells=False, **terms).whole
    if dropped:
        done += refuse(dropped, actor=actor, reason=reason, tells=False).whole
    emails.send_subscriptions_decided(done, by=actor, comment=comment.strip(), reason=reason.strip())
    reached = Reached(asker, structure, decider=actor).lines(wanted, reach)
    given = give([line for line in reached if others is None or line.key in others], **terms)
    return Batch([*done, *given.done], given.skipped)
