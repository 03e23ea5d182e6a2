from attachments.actions.attachments import (
    Place,
    attach,
    change_dates,
    change_role,
    change_scope,
    copy_attachments,
    end,
    end_all,
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
from attachments.actions.deputies import (
    copy_deputy,
    end_deputies_by,
    end_deputies_for,
    end_deputies_of,
    end_deputy,
    name_deputy,
)
from attachments.actions.endings import end_what_ran_out, extend, leave_to_support, move_dates, warn_of_endings
from attachments.actions.notices import hand_over_requests, report_broken
from attachments.actions.people import (
    attach_from_file,
    attach_people,
    change_place,
    create_attached_account,
    duplicate_place,
)
from attachments.actions.planned import (
    cancel_handovers,
    carry_out_due,
    move_handovers,
    plan_handovers,
    stop_handovers_to,
)
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
from attachments.actions.rights import copy_rights, leave_personal_rights, leave_rights
from attachments.actions.rows import lock_structures_with
from attachments.actions.transfers import transfer_principal, undo_transfers

__all__ = [
    "Place",
    "answer_by",
    "approve_request",
    "approve_requests",
    "attach",
    "attach_from_file",
    "attach_people",
    "cancel_handovers",
    "carry_out_due",
    "change_dates",
    "change_place",
    "change_role",
    "change_scope",
    "copy_attachments",
    "copy_deputy",
    "copy_rights",
    "create_attached_account",
    "detach",
    "duplicate_place",
    "end",
    "end_all",
    "end_deputies_by",
    "end_deputies_for",
    "end_deputies_of",
    "end_deputy",
    "end_what_ran_out",
    "extend",
    "foresee",
    "forget_comments",
    "hand_over_requests",
    "lapse_unactivated_principals",
    "leave_personal_rights",
    "leave_rights",
    "leave_structures",
    "leave_to_support",
    "lock_structures_of",
    "lock_structures_with",
    "move_dates",
    "move_handovers",
    "move_requests",
    "name_deputy",
    "plan_handovers",
    "refuse_request",
    "refuse_requests",
    "report_broken",
    "send_request",
    "settle_on_activation",
    "stop_handovers_to",
    "transfer_principal",
    "undo_transfers",
    "warn_of_endings",
    "widen",
    "withdraw_request",
    "withdraw_requests",
]
