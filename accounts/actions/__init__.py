from accounts.actions.accounts import (
    activate_account,
    answer_link_request,
    approve_account,
    change_rights,
    close_never_active,
    correct_address,
    deactivate_account,
    reactivate_account,
    register_account,
    resend_activation,
)
from accounts.actions.credentials import (
    change_password,
    change_secret_question,
    hashed_answer,
    reset_password,
    warn_of_expiry,
)
from accounts.actions.identities import link_identity, unlink_identity
from accounts.actions.login_address import (
    cancel_address_request,
    change_address,
    request_address,
    restore_address,
)
from accounts.actions.profile import (
    change_account,
    change_parameters,
    confirm_contact,
    resend_contact_confirmation,
)
from accounts.actions.rows import request_link
from accounts.actions.sessions import (
    close_session,
    end_own_sessions,
    forget_ended_sessions,
    open_session,
    renew_session,
)

__all__ = [
    "activate_account",
    "answer_link_request",
    "approve_account",
    "cancel_address_request",
    "change_account",
    "change_address",
    "change_parameters",
    "change_password",
    "change_rights",
    "change_secret_question",
    "close_never_active",
    "close_session",
    "confirm_contact",
    "correct_address",
    "deactivate_account",
    "end_own_sessions",
    "forget_ended_sessions",
    "hashed_answer",
    "link_identity",
    "open_session",
    "reactivate_account",
    "register_account",
    "renew_session",
    "request_address",
    "request_link",
    "resend_activation",
    "resend_contact_confirmation",
    "reset_password",
    "restore_address",
    "unlink_identity",
    "warn_of_expiry",
]
