"""Who did something in the place of a principal manager: made of the suppléances when a line is shown."""

from django.utils import timezone

from attachments.models import Deputy
from history.outcomes import OUTCOMES, Kind

# What a deputy decides as such; the rest they do as anybody.
_KINDS = (Kind.REQUESTS, Kind.ATTACHMENTS, Kind.SPACES)


def tell_standing_in(entries):
    """Give each of these lines of the history its `deputyship`: that of its author there at that time, None without."""
    actors, structures = {entry.actor_id for entry in entries}, {entry.structure_id for entry in entries}
    held = list(Deputy.objects.filter(deputy__in=actors, structure__in=structures).select_related("named_by"))
    for entry in entries:
        entry.deputyship = next((deputyship for deputyship in held if _stood_in(deputyship, entry)), None)


def _stood_in(deputyship, entry):
    return (
        (deputyship.deputy_id, deputyship.structure_id) == (entry.actor_id, entry.structure_id)
        # What one asks for, or gives up, for oneself is one's own.
        and entry.actor_id != entry.subject_id
        and entry.event in OUTCOMES
        and OUTCOMES[entry.event].kind in _KINDS
        and deputyship.starts_on <= timezone.localdate(entry.created_at) <= deputyship.ends_on
        and deputyship.named_at <= entry.created_at
        and (deputyship.ended_at is None or entry.created_at <= deputyship.ended_at)
    )
