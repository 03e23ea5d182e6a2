from attachments.views.asking import request_attachment
from attachments.views.desk import decide_request, pending_requests, refuse_request

__all__ = ["decide_request", "pending_requests", "refuse_request", "request_attachment"]
