"""The site's sections, as the menu shows them: which there are for whom, what waits in each, where one is."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from attachments.deciders import Desk
from chorus.waiting import waiting_for
from plumbing.requests import came_from
from support.models import Ticket

SEARCH = {"structures:search", "structures:directory_entry"}
# One's own, behind the name in the header: no section.
MINE = {
    "attachments:my_attachments",
    "attachments:leave_structures",
    "attachments:succession",
    "attachments:choose_successor",
    "attachments:confirm_succession",
    "attachments:handover",
    "attachments:cancel_handover",
    "attachments:undo_transfer",
    "attachments:withdraw_request",
}
# What waits for a manager.
DESK = {
    f"spaces:{name}"
    for name in (
        "subscription_requests",
        "approve_subscriptions",
        "refuse_subscriptions",
        "decided_subscriptions",
        "decide_subscriptions",
        "refuse_subscription",
    )
}
# Of structures, and of the people there.
ORGANISATION = {
    f"attachments:{name}"
    for name in (
        "request_attachment",
        "people",
        "person",
        "change_person",
        "detach_person",
        "attach_person",
        "create_account",
        "choose_structure_to_attach",
        "choose_structure_for_account",
        "duplicate_rights",
        "import_people",
        "file_applied",
        "secondary_rights",
        "personal_rights",
        "deputy",
        "end_deputy",
        "extend",
        "extend_people",
        "structure_history",
        "history_entry",
    )
} | {f"spaces:{name}" for name in ("structure_spaces", "open_space", "close_space", "space_matrix", "change_matrix")}


@dataclass(frozen=True)
class Section:
    """`current` is what aria-current says: « page » on the section itself, « true » on the pages below it."""

    label: str
    address: str
    current: str = ""
    count: int = 0


class Navigation(list):
    """The sections; how many dossiers wait for this person, None for somebody who decides nothing."""

    waiting = None
    # How many of their questions support waits for them to go on with.
    tickets_to_answer = 0

    @property
    def decides(self):
        return self.waiting is not None


def navigation(request):
    """Context processor: the sections for the person at the screen, worked out only by pages that show them."""
    return {"navigation": SimpleLazyObject(lambda: _sections(request))}


# Where support answers; the page of one ticket is below it.
DESK_OF_TICKETS = "admin:support_ticket_changelist"


def _sections(request):
    desk = getattr(request, "desk", None) or Desk(request.user)
    waiting = waiting_for(desk)
    views = [("home", "Accueil", 0)]
    if desk.manages:
        views.append(("attachments:activities", "Activités du gestionnaire", waiting or 0))
    views += [("organisation", "Organisation", 0), ("structures:search", "Rechercher", 0)]
    to_answer = 0
    if request.user.is_staff:
        views.append((DESK_OF_TICKETS, "Sollicitations", 0))
    else:
        to_answer = Ticket.objects.to_answer(request.user).count()
        views.append(("support:tickets", "Sollicitations", to_answer))
    section = _section_of(request, request.resolver_match.view_name if request.resolver_match else "")
    sections = Navigation()
    sections.waiting, sections.tickets_to_answer = waiting, to_answer
    for view, label, count in views:
        address = reverse(view)
        current = "" if view != section else "page" if request.path == address else "true"
        sections.append(Section(label, address, current, count))
    return sections


def _section_of(request, view_name):
    if view_name in SEARCH or came_from(request, reverse("structures:search")):
        return "structures:search"
    if view_name in ORGANISATION:
        return "organisation"
    if view_name in MINE:
        return view_name
    if view_name in DESK:
        return "attachments:activities"
    if view_name.startswith("admin:support_ticket_"):
        return DESK_OF_TICKETS
    namespace = view_name.partition(":")[0]
    sections = {"attachments": "attachments:activities", "structures": "organisation", "support": "support:tickets"}
    return sections.get(namespace, view_name)
