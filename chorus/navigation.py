"""The site's sections, as the menu shows them: which there are for whom, what waits in each, where one is."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from attachments.deciders import Desk
from plumbing.requests import came_from

SEARCH = {"structures:search", "structures:directory_entry"}
# Of a structure, as its other tabs.
OF_STRUCTURES = {
    "attachments:request_attachment",
    "attachments:history",
    "attachments:history_entry",
    "attachments:structure_history",
}
# One's own, behind the name in the header: no section.
MINE = {
    "attachments:my_attachments",
    "attachments:leave_structures",
    "attachments:succession",
    "attachments:withdraw_request",
}


@dataclass(frozen=True)
class Section:
    """`current` is what aria-current says: « page » on the section itself, « true » on the pages below it."""

    label: str
    address: str
    current: str = ""
    count: int = 0


class Navigation(list):
    """The sections; how many requests wait for this person, None for somebody who decides nothing."""

    waiting = None

    @property
    def decides(self):
        return self.waiting is not None


def navigation(request):
    """Context processor: the sections for the person at the screen, worked out only by pages that show them."""
    return {"navigation": SimpleLazyObject(lambda: _sections(request))}


def _sections(request):
    # The pages of the desk have counted what waits already.
    waiting = (getattr(request, "desk", None) or Desk(request.user)).waiting
    views = [("home", "Accueil", 0)]
    if waiting is not None:
        views.append(("attachments:pending_requests", "Demandes à traiter", waiting))
    views += [("organisation", "Organisation", 0), ("structures:search", "Rechercher", 0)]
    section = _section_of(request, request.resolver_match.view_name if request.resolver_match else "")
    sections = Navigation()
    sections.waiting = waiting
    for view, label, count in views:
        address = reverse(view)
        current = "" if view != section else "page" if request.path == address else "true"
        sections.append(Section(label, address, current, count))
    return sections


def _section_of(request, view_name):
    if view_name in SEARCH or came_from(request, reverse("structures:search")):
        return "structures:search"
    if view_name in OF_STRUCTURES:
        return "organisation"
    if view_name in MINE:
        return view_name
    namespace = view_name.partition(":")[0]
    return {"attachments": "attachments:pending_requests", "structures": "organisation"}.get(namespace, view_name)
