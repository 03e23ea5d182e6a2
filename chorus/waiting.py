"""What waits for one person's decision: requests for a place, and for spaces, as one. Only reads."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from spaces.desk import SpacesDesk


@dataclass(frozen=True)
class Waiting:
    """One dossier of either kind, as home shows it."""

    kind: str
    created_at: datetime
    user: object
    structure: object
    what: str
    address: str


def waiting_for(desk):
    """How many dossiers wait for the person of this Desk; None when they decide nothing anywhere."""
    spaces = SpacesDesk(desk.user, desk=desk)
    if desk.waiting is None and not spaces.decides:
        return None
    return (desk.waiting or 0) + spaces.waiting


def oldest_for(desk, number):
    """The Waiting that have waited longest, of both kinds."""
    requests = desk.awaiting.select_related("user", "structure").prefetch_related("services")
    found = [
        Waiting(
            "Rattachement",
            row.created_at,
            row.user,
            row.structure,
            row.part,
            reverse("attachments:decide_request", args=[row.reference]),
        )
        for row in requests.order_by("created_at", "pk")[:number]
    ]
    spaces = SpacesDesk(desk.user, desk=desk)
    if spaces.decides:
        found += [
            Waiting(
                "Espace",
                asked.created_at,
                asked.user,
                asked.structure,
                asked.what,
                reverse("spaces:decide_subscriptions", args=[asked.reference]),
            )
            for asked in spaces.dossiers(list(spaces.references[:number]))
        ]
    return sorted(found, key=lambda waiting: waiting.created_at)[:number]
