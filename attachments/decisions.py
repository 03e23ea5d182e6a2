"""What was decided on requests, as it was decided: the history knows, where the attachment may have changed since."""

from attachments.models import WHOLE_STRUCTURE, Attachment, AttachmentRequest, Role
from history.models import Event, HistoryEntry

# The portal itself makes principal managers without a line that says « validée ».
_GRANTS = (Event.PRINCIPAL_DESIGNATED, Event.REQUEST_APPROVED)


def tell_decisions(requests):
    """Give each of the decided `requests` its `granted_role` and `granted_part`, empty where nothing was granted, and
    whether its person is there today.
    """
    tell_attached(requests)
    approved = [request for request in requests if request.status == AttachmentRequest.Status.APPROVED]
    entries = HistoryEntry.objects.filter(
        event__in=_GRANTS,
        structure__in={request.structure_id for request in approved},
        reference__in=[request.reference for request in approved],
    ).order_by("pk")
    granted = {entry.reference: entry for entry in entries} if approved else {}
    for request in requests:
        entry = granted.get(request.reference)
        request.granted_role, request.granted_part = _granted(entry) if entry else ("", "")


def tell_attached(requests):
    """Give each of `requests` that is decided `is_attached`, whether its person has a place in its structure today."""
    decided = [request for request in requests if not request.is_pending]
    if not decided:
        return
    people, structures = {request.user_id for request in decided}, {request.structure_id for request in decided}
    places = Attachment.objects.lasting().filter(user__in=people, structure__in=structures).order_by()
    there = set(places.values_list("user", "structure"))
    for request in decided:
        request.is_attached = (request.user_id, request.structure_id) in there


def _granted(entry):
    """(role, part) in words, of a line of the history."""
    if entry.event == Event.PRINCIPAL_DESIGNATED:
        return Role.PRINCIPAL.label, WHOLE_STRUCTURE
    values = entry.data.get("values", {})
    role = Role(values["role"]).label if values.get("role") in Role.values else ""
    # « Intendance (CODE) »: the code helps nobody here.
    services = [name.rpartition(" (")[0] or name for name in entry.data.get("services", [])]
    return role, WHOLE_STRUCTURE if values.get("whole_structure") else ", ".join(services)
