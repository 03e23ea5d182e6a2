from attachments.views.asking import request_attachment
from attachments.views.decisions import decide_request, refuse_request
from attachments.views.desk import pending_requests

__all__ = ["decide_request", "pending_requests", "refuse_request", "request_attachment"]
