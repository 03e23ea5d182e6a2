from accounts.actions.accounts import (
    activate_account,
    approve_account,
    change_rights,
    close_never_active,
    correct_address,
    register_account,
    resend_activation,
)
from accounts.actions.asked_links import answer_link_request
from accounts.actions.credentials import (
    change_password,
    change_secret_question,
    hashed_answer,
    reset_password,
    warn_of_expiry,
)
from accounts.actions.endings import anonymise_closed, close_overdue, warn_of_closing
from accounts.actions.identities import forget_identities, link_identity, unlink_identity
from accounts.actions.leaving import (
    deactivate_account,
    deactivate_own_account,
    reactivate_account,
    reactivate_own_account,
)
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
from accounts.actions.second_factor import (
    add_passkey,
    add_totp,
    forget_factors,
    mail_login_code,
    remove_factor,
    remove_second_factor,
    renew_recovery_codes,
    turn_off_second_factor,
    turn_on_email_code,
    use_code,
    use_passkey,
)
from accounts.actions.sessions import (
    close_session,
    end_own_sessions,
    forget_ended_sessions,
    open_session,
    renew_session,
)

__all__ = [
    "activate_account",
    "add_passkey",
    "add_totp",
    "anonymise_closed",
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
    "close_overdue",
    "close_session",
    "confirm_contact",
    "correct_address",
    "deactivate_account",
    "deactivate_own_account",
    "end_own_sessions",
    "forget_ended_sessions",
    "forget_factors",
    "forget_identities",
    "hashed_answer",
    "link_identity",
    "mail_login_code",
    "open_session",
    "reactivate_account",
    "reactivate_own_account",
    "register_account",
    "remove_factor",
    "remove_second_factor",
    "renew_recovery_codes",
    "renew_session",
    "request_address",
    "request_link",
    "resend_activation",
    "resend_contact_confirmation",
    "reset_password",
    "restore_address",
    "turn_off_second_factor",
    "turn_on_email_code",
    "unlink_identity",
    "use_code",
    "use_passkey",
    "warn_of_closing",
    "warn_of_expiry",
]
