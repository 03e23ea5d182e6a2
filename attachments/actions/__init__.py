from attachments.actions.attachments import (
    Place,
    attach,
    change_dates,
    change_role,
    change_scope,
    copy_attachments,
    end,
    end_all,
    lock_structures_with,
    widen,
)
from attachments.actions.decisions import (
    answer_by,
    approve_request,
    approve_requests,
    foresee,
    refuse_request,
    refuse_requests,
)
from attachments.actions.departures import detach, leave_structures
from attachments.actions.notices import hand_over_requests
from attachments.actions.people import attach_people, change_place, create_attached_account, duplicate_place
from attachments.actions.principals import (
    lapse_unactivated_principals,
    lock_structures_of,
    settle_on_activation,
)
from attachments.actions.requests import (
    forget_comments,
    move_requests,
    send_request,
    withdraw_request,
    withdraw_requests,
)

__all__ = [
    "Place",
    "answer_by",
    "approve_request",
    "approve_requests",
    "attach",
    "attach_people",
    "change_dates",
    "change_place",
    "change_role",
    "change_scope",
    "copy_attachments",
    "create_attached_account",
    "detach",
    "duplicate_place",
    "end",
    "end_all",
    "foresee",
    "forget_comments",
    "hand_over_requests",
    "lapse_unactivated_principals",
    "leave_structures",
    "lock_structures_of",
    "lock_structures_with",
    "move_requests",
    "refuse_request",
    "refuse_requests",
    "send_request",
    "settle_on_activation",
    "widen",
    "withdraw_request",
    "withdraw_requests",
]
