"""« Mes rattachements aux structures »: where one is attached, and what one asked for."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import Q, prefetch_related_objects
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.deciders import annotate_deciders
from attachments.exports import SCOPE, SENT, STATUS
from attachments.models import AttachmentRequest
from attachments.people import tell_deputyships
from attachments.successions import handovers_of
from plumbing.exports import Column, download
from plumbing.reach import reach
from plumbing.requests import came_from, perform
from plumbing.text import grouped
from structures.models import Structure
from structures.views.parts import PER_PAGE

# A shorter list is read faster than it is searched.
SEARCHED_FROM = 10
# « vue » in the address.
PLACES, REQUESTS = "rattachements", "demandes"


class Mine:
    """What of one's own places and requests is asked for: a view, words."""

    def __init__(self, user, query):
        self.user = user
        self.words = query.get("q", "")[:100].strip()
        self.view = query.get("vue", "")
        if self.view not in (PLACES, REQUESTS):
            # Whoever has only asked sees what they wait for.
            self.view = REQUESTS if self.request_count and not self.place_count else PLACES

    @cached_property
    def place_count(self):
        return self.user.attachments.lasting().count()

    @cached_property
    def request_count(self):
        return self.user.attachment_requests.to_follow().count()

    @cached_property
    def refused_count(self):
        """How many were refused and not answered since: told on the other tab too."""
        refused = AttachmentRequest.Status.REFUSED
        return self.user.attachment_requests.to_follow().filter(status=refused).count() if self.request_count else 0

    @property
    def shows_requests(self):
        return self.view == REQUESTS

    @property
    def shows_places(self):
        return self.view == PLACES

    @property
    def searched(self):
        return self.words or (self.request_count if self.shows_requests else self.place_count) > SEARCHED_FROM

    @property
    def query(self):
        return urlencode({"vue": self.view} | ({"q": self.words} if self.words else {}))

    @property
    def places(self):
        places = self.user.attachments.lasting().select_related("structure").order_by("structure__legal_name_key", "pk")
        if self.words:
            places = places.filter(structure__in=Structure.objects.called(self.words).values("pk"))
        return places

    @property
    def requests(self):
        """Those that wait first, the last ones first."""
        requests = self.user.attachment_requests.to_follow().select_related("structure")
        if self.words:
            # By the names they may know only.
            known = Structure.objects.filter(reach("structures.view_structure", self.user))
            number = "".join(self.words.split())
            named = Q(structure__in=known.called(self.words).values("pk"))
            requests = requests.filter(named | Q(reference__startswith=number) if number.isdigit() else named)
        return requests.order_by("status", "-created_at", "-pk")


@require_safe
def my_attachments(request):
    """One's attachments, in force or to come, with ticks to leave several; one's requests behind a tab."""
    mine = Mine(request.user, request.GET)
    page = Paginator(mine.requests if mine.shows_requests else mine.places, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = rows = list(page.object_list)
    prefetch_related_objects([row for row in rows if not row.whole_structure], "services")
    if mine.shows_requests:
        _tell_what_follows(request.user, rows)
    else:
        tell_deputyships(request.user, rows)
    count = page.paginator.count
    context = {
        "page": page,
        "rows": rows,
        "mine": mine,
        "handovers": handovers_of(request.user),
        # « Tout cocher sur la page » without JavaScript; another page has no ticks.
        "all_ticked": "cocher" in request.GET,
        "ticking_query": _ticking(request.GET),
        "count_line": f"{grouped(count)} résultat{'s' if count > 1 else ''}" if mine.words else "",
    }
    template = "attachments/my_requests.html" if mine.shows_requests else "attachments/my_attachments.html"
    return render(request, template, context)


def _ticking(query):
    """The query of this list with all of the page ticked, or none any more."""
    query = query.copy()
    if "cocher" in query:
        del query["cocher"]
    else:
        query["cocher"] = "page"
    return query.urlencode()


def _tell_what_follows(user, rows):
    """Give each request who decides it, whether its structure may be seen, and whether it may be sent again."""
    annotate_deciders(rows)
    structures = [row.structure_id for row in rows]
    seen = Structure.objects.filter(reach("structures.view_structure", user), pk__in=structures)
    seen = set(seen.order_by().values_list("pk", flat=True))
    for row in rows:
        row.may_view = row.structure_id in seen
        row.may_resend = row.may_view and row.structure.is_active and not row.is_pending
        row.name = row.structure.full_identifier if _is_hidden(row) else str(row.structure)


def _is_hidden(row):
    """Whether all they may know of the structure is the identifier they typed."""
    return row.structure.keeps_private and not row.may_view


@require_safe
def export_my_attachments(request, kind):
    """The list at the screen, as it is filtered, as a file."""
    mine = Mine(request.user, request.GET)
    if not mine.shows_requests:
        rows = mine.places.prefetch_related("services")
        return download(request, kind, "mes-rattachements", _PLACE_COLUMNS, rows.iterator(chunk_size=1_000))
    rows = list(mine.requests.prefetch_related("services"))
    _tell_what_follows(request.user, rows)
    return download(request, kind, "mes-demandes-de-rattachement", _REQUEST_COLUMNS, rows)


_PLACE_COLUMNS = [
    Column("Structure", lambda row: str(row.structure)),
    Column("Type d'identifiant", lambda row: row.structure.get_identifier_type_display()),
    Column("Identifiant", lambda row: row.structure.identifier),
    Column("Rôle", lambda row: row.get_role_display()),
    *SCOPE,
    Column("Statut", lambda row: row.standing.label),
]
_REQUEST_COLUMNS = [
    Column("Dossier n°", lambda row: row.reference),
    Column("Structure", lambda row: row.name),
    Column("Identifiant", lambda row: row.structure.identifier),
    *SCOPE,
    STATUS,
    SENT,
    Column("Peuvent décider", lambda row: ", ".join(map(str, row.deciders)) if row.is_pending else ""),
    Column("Motif du refus", lambda row: row.reason),
]


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_request(request, reference):
    """« Retirer la demande »: says what follows; POST does it."""
    requests = request.user.attachment_requests.select_related("structure")
    attachment_request = get_object_or_404(requests, reference=reference)
    address = reverse("attachments:my_attachments")
    back = came_from(request, address) or f"{address}?vue={REQUESTS}"
    if request.method == "POST":
        perform(
            request,
            actions.withdraw_request,
            attachment_request.pk,
            actor=request.user,
            done=f"Votre demande est retirée : dossier n° {attachment_request.spaced_reference}.",
        )
        return redirect(back)
    if not attachment_request.is_pending:
        return redirect(back)
    _tell_what_follows(request.user, [attachment_request])
    return render(request, "attachments/withdraw_request.html", {"row": attachment_request, "back": back})
