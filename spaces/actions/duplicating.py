"""« Dupliquer les droits » gives what somebody was given of spaces along with their place."""

from plumbing.batches import Batch
from spaces.actions.decisions import give
from spaces.actions.rows import Line
from spaces.models import Subscription


def duplicated(source, actor):
    """What somebody in this place was given, and others get with their place; nothing by who decides on none."""
    if not actor.has_perm("attachments.decide_subscriptions", source.structure):
        return []
    rows = source.user.subscriptions.filter(
        structure=source.structure_id, status=Subscription.Status.APPROVED, by_default=False, space__is_free=False
    )
    return list(rows.select_related("space", "service").order_by("pk"))


def duplicate(source, attachments, *, actor):
    """These people get what the source's person was given, as far as they may have it: a Batch."""
    rows = duplicated(source, actor)
    lines = [
        Line(place.user, source.structure, row.space, row.service, row.access)
        for place in attachments
        for row in rows
        if row.space.is_for(place.role)
    ]
    return give(lines, actor=actor) if lines else Batch.empty()
