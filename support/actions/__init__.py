from support.actions.answers import (
    answer,
    assign,
    change_ready_answer,
    create_ready_answer,
    delete_ready_answer,
)
from support.actions.claims import (
    carry_out_transfer,
    deposit_signed,
    follow_principals,
    issue_certificate,
    named_target,
    object_to_claim,
    take_up_again,
)
from support.actions.files import finish_unfinished, remove_file
from support.actions.tickets import (
    close_own,
    delete_draft,
    forget_tickets,
    move_tickets,
    open_reactivation,
    reply,
    write_ticket,
)

__all__ = [
    "answer",
    "assign",
    "carry_out_transfer",
    "change_ready_answer",
    "close_own",
    "create_ready_answer",
    "delete_draft",
    "delete_ready_answer",
    "deposit_signed",
    "finish_unfinished",
    "follow_principals",
    "forget_tickets",
    "issue_certificate",
    "move_tickets",
    "named_target",
    "object_to_claim",
    "open_reactivation",
    "remove_file",
    "reply",
    "take_up_again",
    "write_ticket",
]
