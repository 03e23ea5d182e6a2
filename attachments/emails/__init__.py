"""Mails about requests, places and successions. What each is about has a module of its own."""

from attachments.emails.places import (
    given,
    send_attached,
    send_attachment_extended,
    send_attachments_ended,
    send_attachments_ending,
    send_place_changed,
    send_places_ending,
    terms,
)
from attachments.emails.requests import (
    send_became_principal,
    send_first_to_activate,
    send_request_sent,
    send_request_to_decide,
    send_request_to_support,
    send_request_withdrawn,
    send_requests_approved,
    send_requests_refused,
    send_role_lost,
)
from attachments.emails.successions import (
    send_deputies_ended,
    send_deputy_named,
    send_handovers_ended,
    send_handovers_planned,
    send_transferred,
    send_transfers_undone,
)

__all__ = [
    "given",
    "send_attached",
    "send_attachment_extended",
    "send_attachments_ended",
    "send_attachments_ending",
    "send_became_principal",
    "send_deputies_ended",
    "send_deputy_named",
    "send_first_to_activate",
    "send_handovers_ended",
    "send_handovers_planned",
    "send_place_changed",
    "send_places_ending",
    "send_request_sent",
    "send_request_to_decide",
    "send_request_to_support",
    "send_request_withdrawn",
    "send_requests_approved",
    "send_requests_refused",
    "send_role_lost",
    "send_transferred",
    "send_transfers_undone",
    "terms",
]
