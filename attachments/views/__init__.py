from attachments.views.activities import activities
from attachments.views.asking import request_attachment
from attachments.views.attaching import (
    attach_person,
    choose_structure_for_account,
    choose_structure_to_attach,
    create_account,
)
from attachments.views.decisions import decide_request, refuse_request
from attachments.views.desk import export_requests, pending_requests
from attachments.views.duplicating import duplicate_rights
from attachments.views.extending import extend, extend_people
from attachments.views.finding import export_found, find_people, resend_activations
from attachments.views.handovers import cancel_handover, handover, undo_transfer
from attachments.views.history import (
    export_history,
    export_structure_history,
    history,
    history_entry,
    structure_history,
)
from attachments.views.importing import file_applied, import_people, left_lines, people_model
from attachments.views.leaving import leave_structures
from attachments.views.mine import export_my_attachments, my_attachments, withdraw_request
from attachments.views.orphans import export_orphans, orphans
from attachments.views.people import export_people, people
from attachments.views.person import change_person, detach_person, person, resend_activation
from attachments.views.rights import deputy, end_deputy, personal_rights, secondary_rights
from attachments.views.several import approve_together, decided_together, refuse_together
from attachments.views.succession import choose_successor, confirm_succession, succession

__all__ = [
    "activities",
    "approve_together",
    "attach_person",
    "cancel_handover",
    "change_person",
    "choose_structure_for_account",
    "choose_structure_to_attach",
    "choose_successor",
    "confirm_succession",
    "create_account",
    "decide_request",
    "decided_together",
    "deputy",
    "detach_person",
    "duplicate_rights",
    "end_deputy",
    "export_found",
    "export_history",
    "export_my_attachments",
    "export_orphans",
    "export_people",
    "export_requests",
    "export_structure_history",
    "extend",
    "extend_people",
    "file_applied",
    "find_people",
    "handover",
    "history",
    "history_entry",
    "import_people",
    "leave_structures",
    "left_lines",
    "my_attachments",
    "orphans",
    "pending_requests",
    "people",
    "people_model",
    "person",
    "personal_rights",
    "refuse_request",
    "refuse_together",
    "request_attachment",
    "resend_activation",
    "resend_activations",
    "secondary_rights",
    "structure_history",
    "succession",
    "undo_transfer",
    "withdraw_request",
]
