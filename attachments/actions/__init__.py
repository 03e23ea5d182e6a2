from attachments.actions.attachments import (
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
from attachments.actions.departures import detach, leave_structures
from attachments.actions.notices import hand_over_requests
from attachments.actions.people import attach_person, change_place, create_attached_account
from attachments.actions.principals import (
    lapse_unactivated_principals,
    lock_structures_of,
    settle_on_activation,
)
from attachments.actions.requests import (
    answer_by,
    approve_request,
    forget_comments,
    move_requests,
    refuse_request,
    send_request,
    withdraw_request,
    withdraw_requests,
)

__all__ = [
    "answer_by",
    "approve_request",
    "attach",
    "attach_person",
    "change_dates",
    "change_place",
    "change_role",
    "change_scope",
    "copy_attachments",
    "create_attached_account",
    "detach",
    "end",
    "end_all",
    "forget_comments",
    "hand_over_requests",
    "lapse_unactivated_principals",
    "leave_structures",
    "lock_structures_of",
    "lock_structures_with",
    "move_requests",
    "refuse_request",
    "send_request",
    "settle_on_activation",
    "widen",
    "withdraw_request",
    "withdraw_requests",
]
