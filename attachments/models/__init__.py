from attachments.models.attachments import PERSONAL, WHOLE_STRUCTURE, Attachment, AttachmentQuerySet, Scope, soon
from attachments.models.handovers import FURTHEST_DAYS, Handover, HandoverQuerySet
from attachments.models.requests import AttachmentRequest, AttachmentRequestQuerySet
from attachments.models.rights import LEFT_BY_DEFAULT, MANAGERS, Deputy, Right, Role, SecondaryRights

__all__ = [
    "FURTHEST_DAYS",
    "LEFT_BY_DEFAULT",
    "MANAGERS",
    "PERSONAL",
    "WHOLE_STRUCTURE",
    "Attachment",
    "AttachmentQuerySet",
    "AttachmentRequest",
    "AttachmentRequestQuerySet",
    "Deputy",
    "Handover",
    "HandoverQuerySet",
    "Right",
    "Role",
    "Scope",
    "SecondaryRights",
    "soon",
]
