"""« Demandes à traiter »: the lists of requests."""

from urllib.parse import urlencode, urlsplit

from django.core.paginator import Paginator
from django.db.models import Subquery, prefetch_related_objects
from django.http import QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from attachments import exports
from attachments.deciders import Desk, annotate_deciders
from attachments.decisions import tell_decisions
from attachments.models import AttachmentRequest
from plumbing.exports import download
from plumbing.requests import came_from
from structures.views.parts import PER_PAGE

# « tri » in the address: what the links say, and the order.
OLDEST = ""
ORDERS = {
    OLDEST: ("Les plus anciennes", ("created_at", "pk")),
    "recentes": ("Les plus récentes", ("-created_at", "-pk")),
    "nom": ("Nom", ("user__last_name", "user__first_name", "created_at", "pk")),
    "structure": ("Structure", ("structure__legal_name_key", "created_at", "pk")),
}
# « vue » in the address: what waits for the person, everything that waits (support's), what was decided.
WAITING, ALL, DECIDED = "", "toutes", "decidees"
SHOWN = (
    "reference", "status", "whole_structure", "created_at", "decided_at", "reason",
    "user__first_name", "user__last_name", "user__email", "user__anonymised_at",
    "structure__legal_name", "structure__label",
)  # fmt: skip
# What a person's name is made of.
NAMED = ("first_name", "last_name", "anonymised_at")


class Filters:
    """What of the desk is asked for: a view, words, one structure."""

    def __init__(self, desk, query):
        self.desk = desk
        self.view = query.get("vue", "")
        if self.view not in ((WAITING, ALL, DECIDED) if desk.user.is_staff else (WAITING, DECIDED)):
            self.view = WAITING
        self.words = query.get("q", "")[:100].strip()
        self.order = query.get("tri", "")
        if self.order not in ORDERS or self.view == DECIDED:
            self.order = OLDEST
        chosen = query.get("structure", "")
        self.structure = next((key for key in self._offered if str(key) == chosen), None)

    @property
    def _offered(self):
        return () if self.desk.user.is_staff else self.desk.structures

    @property
    def structures(self):
        """(key, name) of those to choose from; none for whoever decides for a single one, or for all."""
        several = len(self._offered) > 1
        return sorted(self._offered.items(), key=lambda item: item[1].casefold()) if several else []

    @property
    def names_structures(self):
        """Whether each row says its structure: whoever decides for a single one knows it."""
        return self.desk.user.is_staff or bool(self.structures)

    @property
    def is_set(self):
        return bool(self.words or self.structure)

    @property
    def asked(self):
        """What the address of the same list says, as it says it."""
        asked = {"vue": self.view, "q": self.words, "structure": self.structure, "tri": self.order}
        return {name: value for name, value in asked.items() if value}

    @property
    def query(self):
        """What the address of the same list ends with, whichever file it is asked as."""
        return urlencode(self.asked)

    @property
    def orders(self):
        """(label, query, whether it is the one) of each order these rows can be shown in."""
        rest = {name: value for name, value in self.asked.items() if name != "tri"}
        offered = ORDERS if self.desk.user.is_staff or self.structures else set(ORDERS) - {"structure"}
        return [
            (label, urlencode(rest | ({"tri": key} if key else {})), key == self.order)
            for key, (label, _) in ORDERS.items()
            if key in offered
        ]

    @property
    def people(self):
        """Whom each row names."""
        return ("user", "structure", "decided_by") if self.view == DECIDED else ("user", "structure")

    @property
    def requests(self):
        """The requests asked for: what waits in the chosen order, what was decided the last one first."""
        if self.view == DECIDED:
            requests = self.desk.decided
        else:
            waiting = AttachmentRequest.objects.pending() if self.view == ALL else self.desk.awaiting
            requests = waiting.order_by(*ORDERS[self.order][1])
        if self.structure:
            requests = requests.filter(structure=self.structure)
        return requests.matching(self.words)

    def following(self, request):
        """The reference of the one behind `request` in this list; None at its end."""
        first = ORDERS[self.order][1][0]
        name, side = first.lstrip("-"), "lte" if first.startswith("-") else "gte"
        there = AttachmentRequest.objects.filter(pk=request.pk).order_by().values(name)
        after = self.requests.exclude(pk=request.pk).filter(**{f"{name}__{side}": Subquery(there)})
        return after.values_list("reference", flat=True).first()


@require_safe
def pending_requests(request):
    """What waits for this person's decision, oldest first; for support, what nobody else can decide."""
    desk = request.desk = Desk(request.user)
    filters = Filters(desk, request.GET)
    paginator = Paginator(filters.requests, PER_PAGE)
    if filters.view == WAITING and not filters.is_set:
        paginator.count = desk.waiting or 0
    page = paginator.get_page(request.GET.get("page"))
    decider = tuple(f"decided_by__{name}" for name in NAMED) if filters.view == DECIDED else ()
    people = [name for name in filters.people if name != "structure" or filters.names_structures]
    # As a list: asking a query set whether it is empty composes a statement, even one that is never sent.
    page.object_list = list(page.object_list.select_related(*people).only(*SHOWN, *decider))
    return render(
        request,
        "attachments/decided_requests.html" if filters.view == DECIDED else "attachments/pending_requests.html",
        {
            "page": page,
            "rows": _told(filters, page.object_list),
            "filters": filters,
            "shows_waiting": filters.view == WAITING,
            "shows_all": filters.view == ALL,
            "shows_decided": filters.view == DECIDED,
            "shows_orphans": False,
            "waiting": desk.waiting or 0,
            # « Tout cocher sur la page » without JavaScript; another page, or this one later, has no ticks.
            "all_ticked": request.GET.get("coche") == str(page.number),
            "list_query": _without_ticks(request.GET),
            "says_who_decides": request.user.is_staff,
            "names_structures": filters.names_structures,
        },
    )


def _without_ticks(query):
    query = query.copy()
    query.pop("coche", None)
    return query.urlencode()


@require_safe
def export_requests(request, kind):
    """The same list as a file."""
    filters = Filters(Desk(request.user), request.GET)
    if filters.view == DECIDED:
        name, columns = "demandes-decidees", exports.DECIDED
    else:
        name, columns = "demandes-de-rattachement", exports.WAITING
        if request.user.is_staff:
            columns = [*columns, *exports.DECIDERS]
    rows = exports.told(filters.requests.select_related(*filters.people), lambda lot: _told(filters, lot))
    return download(request, kind, name, columns, rows)


def _told(filters, rows):
    """The rows with what their view says of each."""
    if filters.view == DECIDED:
        tell_decisions(rows)
        return rows
    prefetch_related_objects([row for row in rows if not row.whole_structure], "services")
    if filters.desk.user.is_staff:
        annotate_deciders(rows)
    return rows


def list_address(request):
    """The list a request was opened from, filters kept."""
    address = reverse("attachments:pending_requests")
    return came_from(request, address) or address


def next_reference(request, attachment_request):
    """The one that waits and follows in the list it was opened from; None at its end, and in « Décidées »."""
    query = QueryDict(urlsplit(list_address(request)).query)
    filters = Filters(request.desk, query)
    if filters.view == DECIDED:
        return None
    return filters.following(attachment_request)
