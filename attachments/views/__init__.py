from attachments.views.asking import request_attachment
from attachments.views.decisions import decide_request, refuse_request
from attachments.views.desk import export_requests, pending_requests
from attachments.views.history import (
    export_history,
    export_structure_history,
    history,
    history_entry,
    structure_history,
)
from attachments.views.leaving import leave_structures, succession
from attachments.views.mine import export_my_attachments, my_attachments, withdraw_request

__all__ = [
    "decide_request",
    "export_history",
    "export_my_attachments",
    "export_requests",
    "export_structure_history",
    "history",
    "history_entry",
    "leave_structures",
    "my_attachments",
    "pending_requests",
    "refuse_request",
    "request_attachment",
    "structure_history",
    "succession",
    "withdraw_request",
]
