from attachments.views.asking import request_attachment
from attachments.views.decisions import decide_request, refuse_request
from attachments.views.desk import export_requests, pending_requests
from attachments.views.extending import extend
from attachments.views.leaving import leave_structures, succession
from attachments.views.mine import export_my_attachments, my_attachments, withdraw_request
from attachments.views.rights import deputy, end_deputy, personal_rights, secondary_rights

__all__ = [
    "decide_request",
    "deputy",
    "end_deputy",
    "export_my_attachments",
    "export_requests",
    "extend",
    "leave_structures",
    "my_attachments",
    "pending_requests",
    "personal_rights",
    "refuse_request",
    "request_attachment",
    "secondary_rights",
    "succession",
    "withdraw_request",
]
