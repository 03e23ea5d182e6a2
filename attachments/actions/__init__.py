from attachments.actions.attachments import (
    attach,
    change_dates,
    change_role,
    copy_attachments,
    end,
    end_all,
    lock_structures_with,
    widen,
)
from attachments.actions.departures import detach, leave_structures
from attachments.actions.deputies import (
    copy_deputy,
    end_deputies_by,
    end_deputies_for,
    end_deputies_of,
    end_deputy,
    name_deputy,
)
from attachments.actions.endings import end_what_ran_out, extend, warn_of_endings
from attachments.actions.notices import hand_over_requests
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
from attachments.actions.rights import copy_rights, leave_personal_rights, leave_rights

__all__ = [
    "answer_by",
    "approve_request",
    "attach",
    "change_dates",
    "change_role",
    "copy_attachments",
    "copy_deputy",
    "copy_rights",
    "detach",
    "end",
    "end_all",
    "end_deputies_by",
    "end_deputies_for",
    "end_deputies_of",
    "end_deputy",
    "end_what_ran_out",
    "extend",
    "forget_comments",
    "hand_over_requests",
    "lapse_unactivated_principals",
    "leave_personal_rights",
    "leave_rights",
    "leave_structures",
    "lock_structures_of",
    "lock_structures_with",
    "move_requests",
    "name_deputy",
    "refuse_request",
    "send_request",
    "settle_on_activation",
    "warn_of_endings",
    "widen",
    "withdraw_request",
    "withdraw_requests",
]
