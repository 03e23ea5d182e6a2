"""A structure as a workspace: what its band and its tabs show, on every page inside it."""

from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from plumbing.facts import gather
from plumbing.reach import held_on
from plumbing.requests import RETURN, came_from
from structures import events

CHANGE = "structures.change_structure"
VIEW_ACCOUNTS = "structures.view_bank_accounts"
BELONG = "structures.belong_to"
# Answered by the app that knows of requests.
ASK = "attachments.request_attachment"
# Which pages are tabs, by the name of their view.
INFORMATIONS, SERVICES, ACCOUNTS = "structures:structure", "structures:services", "structures:bank_accounts"
# Tabs of the apps above, declared by their `receivers.py`: (view, label, permission, count).
_added_tabs = []


def add_tab(view, label, permission, count=None):
    """Give every structure a tab more, for whoever holds `permission` on it, behind those it has.

    `view` takes the structure's id, and shows the page of the tab with a Workspace whose `tab` is its name;
    `count(structure)` is how many rows it lists.
    """
    _added_tabs.append((view, label, permission, count))


class Workspace:
    """`structure` as whoever asks (`request`) sees it.

    `tab` is the one the page belongs to. The tab itself is titled by the structure's name; a page below it has
    a title of its own (`is_below`), and `above` are the pages between the two: (label, address). Permissions `asked`
    are told by `held` with those of the tabs.
    """

    def __init__(self, request, structure, tab, *above, is_below=False, asked=()):
        self.request, self.user, self.structure = request, request.user, structure
        self.tab, self.above, self.is_below, self.asked = tab, above, is_below, asked
        self.search_address = came_from(request, reverse("structures:search"))
        # From tab to tab, the search one came from is kept.
        self.carried = f"?{urlencode({RETURN: request.GET[RETURN]})}" if self.search_address else ""

    def _address(self, view):
        return reverse(view, args=[self.structure.pk]) + self.carried

    @property
    def address(self):
        """The structure's own page."""
        return self._address(INFORMATIONS)

    @cached_property
    def tabs(self):
        """(label, address, whether it is the current one, how many rows it lists)"""
        tabs = [(INFORMATIONS, "Informations", None), (SERVICES, "Services", self.service_count)]
        if self.may_view_accounts:
            tabs.append((ACCOUNTS, "Coordonnées bancaires", self.account_count))
        for view, label, permission, count in _added_tabs:
            if permission in self.held:
                tabs.append((view, label, count(self.structure) if count else None))
        return [(label, self._address(view), view == self.tab, count) for view, label, count in tabs]

    @property
    def trail(self):
        """(label, address) of the two pages right above this one; lists get their filters back."""
        managed = came_from(self.request, reverse("structures:my_structures"))
        if self.search_address:
            trail = [("Résultats de la recherche", self.search_address)]
        elif managed:
            trail = [("Gérer une structure", managed)]
        else:
            trail = [("Organisation", reverse("organisation"))]
        if self.is_below:
            trail.append((str(self.structure), self.address))
        steps = [*trail, *self.above][-2:]
        return [(label, came_from(self.request, address) or address) for label, address in steps]

    @cached_property
    def held(self):
        """Those of the permissions that the tabs and the page ask about that the person has here: one query."""
        added = [permission for _, _, permission, _ in _added_tabs]
        return held_on(self.structure, self.user, {VIEW_ACCOUNTS, *added, *self.asked})

    @cached_property
    def may_change(self):
        return self.user.has_perm(CHANGE, self.structure)

    @property
    def may_view_accounts(self):
        return VIEW_ACCOUNTS in self.held

    @cached_property
    def may_ask(self):
        return self.structure.is_active and self.user.has_perm(ASK, self.structure)

    @cached_property
    def belongs(self):
        return self.user.has_perm(BELONG, self.structure)

    @cached_property
    def place(self):
        """What the person at the screen is here, as Facts."""
        return gather(events.place_asked, structure=self.structure, user=self.user)

    @cached_property
    def manager(self):
        """Who may change the structure, as Facts: their name, none when nobody does."""
        return gather(events.manager_asked, structure=self.structure)

    @cached_property
    def handover(self):
        """Its hand-over to another principal manager, as Facts: to those it is about, while they can act."""
        return gather(events.handover_asked, structure=self.structure, user=self.user)

    @cached_property
    def service_count(self):
        return self.structure.services.open().count()

    @cached_property
    def account_count(self):
        return self.structure.bank_accounts.open().count()


def below(request, structure, tab, *above):
    """The workspace of a page below `tab`; `above` are the pages that lead from the structure to it."""
    return Workspace(request, structure, tab, *above, is_below=True)
