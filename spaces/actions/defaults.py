"""What follows of itself from people's places: the spaces of their role come and go with it.

The structures are locked by whoever changes the places. What comes by default, and goes with it, is told by the line
of the history that says so of the place itself.
"""

from history.models import Event
from spaces.actions.openings import write_openings
from spaces.actions.rows import Line, Status, begin, copy_rows, decide_rows, journal, live_by_key, move_rows
from spaces.models import Access, Grant, Space, StructureSpace, Subscription


def give_defaults(attachments, *, actor):
    """Give these people, who have just got their places, the spaces of their role there."""
    _give([(attachment, None) for attachment in attachments], actor=actor)


def follow_roles(changed, *, actor):
    """Of (place, role before): what the new one gives comes; what only the old gave, or the new may not have, goes."""
    _give(changed, actor=actor)
    roles = {(place.user_id, place.structure_id): place.role for place, _ in changed}
    rows = [row for row in _live_of([place for place, _ in changed]) if not row.space.is_free]
    grants = [(row, row.space.grant(roles[row.user_id, row.structure_id])) for row in rows]
    lost = [row for row, grant in grants if grant == Grant.NEVER or (row.by_default and grant != Grant.DEFAULT)]
    _end(lost, actor=actor, cause="role_changed")


def _give(changed, *, actor):
    """Of (place, role before): the spaces of the new role there, without those the role before gave already."""
    catalogue = list(Space.objects.all())
    wanted = [
        Line(place.user, place.structure, space, access=access)
        for place, before in changed
        for space in catalogue
        if space.grant(place.role) == Grant.DEFAULT and space.is_offered_to(place.structure)
        if before is None or space.grant(before) != Grant.DEFAULT
        for access in Access
    ]
    live = live_by_key({line.user.pk for line in wanted}, {line.structure.pk for line in wanted})
    asked = [live[line.key] for line in wanted if line.key in live and live[line.key].is_pending]
    if asked:
        # The role gives it, and takes it along: nobody decided on it.
        decide_rows(asked, Status.APPROVED, actor=actor, by_default=True)
        journal(Event.SUBSCRIPTION_APPROVED, asked, actor=actor)
    new = (line for line in wanted if line.key not in live)
    begin(new, status=Status.APPROVED, actor=actor, by_default=True, reference="")


def follow_scope(attachments, *, actor):
    """These places were given other services: the lines for those they lost end."""
    lost = set(_of(attachments, Subscription.objects.beyond_places()).values_list("pk", flat=True))
    _end([row for row in _live_of(attachments) if row.pk in lost], actor=actor, cause="attachment_over")


def end_with(attachments, *, actor):
    """These places ended: so does all that stood on them."""
    _end(_live_of(attachments), actor=actor, cause="attachment_over")


def withdraw_for(user, *, actor):
    """Somebody deactivates their account: what they asked for is lost, what they have waits for them."""
    rows = Subscription.objects.pending().filter(user=user).select_related("user", "structure", "space", "service")
    _end(list(rows.select_for_update(of=("self",)).order_by("pk")), actor=actor, cause="account_deactivated")


def copy_spaces(old, new, *, services):
    """What is open on `old` is on `new`, and what people have there; what waits moves. Both are locked by the caller.

    `services` maps the old services' ids to the new ones'.
    """
    write_openings(
        StructureSpace(structure=new, space=opened.space, opened_by=opened.opened_by, opened_at=opened.opened_at)
        for opened in old.opened_spaces.current().select_related("space", "opened_by")
    )
    rows = list(old.subscriptions.live().order_by("pk"))
    held = set(new.attachments.current().values_list("user", flat=True))
    rows = [row for row in rows if row.user_id in held]
    for row in rows:
        row.structure, row.service = new, services[row.service_id] if row.service_id else None
    move_rows([row for row in rows if row.is_pending])
    had = [row for row in rows if not row.is_pending]
    for row in had:
        # Its dossier stays where it was decided.
        row.reference = ""
    copy_rows(had)


def _of(attachments, rows):
    """Of these lines, those of these people on these structures; with others of the same, if places are crossed."""
    return rows.filter(
        user__in={place.user_id for place in attachments}, structure__in={place.structure_id for place in attachments}
    ).order_by()


def _live_of(attachments):
    places = {(attachment.user_id, attachment.structure_id) for attachment in attachments}
    people, structures = ({place[n] for place in places} for n in (0, 1))
    rows = live_by_key(people, structures).values()
    return [row for row in rows if (row.user_id, row.structure_id) in places]


def _end(rows, *, actor, cause):
    if rows:
        decide_rows(rows, Status.ENDED, actor=actor)
        journal(Event.SUBSCRIPTION_ENDED, [row for row in rows if not row.by_default], actor=actor, cause=cause)
