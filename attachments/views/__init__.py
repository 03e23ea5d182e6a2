from attachments.views.activities import activities
from attachments.views.asking import request_attachment
from attachments.views.decisions import decide_request, refuse_request
from attachments.views.desk import export_requests, pending_requests
from attachments.views.leaving import leave_structures, succession
from attachments.views.mine import export_my_attachments, my_attachments, withdraw_request
from attachments.views.several import approve_together, decided_together, refuse_together

__all__ = [
    "activities",
    "approve_together",
    "decide_request",
    "decided_together",
    "export_my_attachments",
    "export_requests",
    "leave_structures",
    "my_attachments",
    "pending_requests",
    "refuse_request",
    "refuse_together",
    "request_attachment",
    "succession",
    "withdraw_request",
]
