"""« Les demandes d'abonnement aux espaces »: the block of « Activités du gestionnaire », and its list."""

from django.core.paginator import Paginator
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from attachments.views.activities import add_block
from plumbing.exports import download
from plumbing.requests import came_from
from spaces.desk import SpacesDesk
from spaces.exports import WAITING

PER_PAGE = 50
# Rows of the block; the rest is a click away.
OLDEST_SHOWN = 5


def _block(user):
    desk = SpacesDesk(user)
    rows = desk.dossiers(list(desk.references[:OLDEST_SHOWN])) if desk.decides else []
    counts = desk.per_structure() if desk.decides and not user.is_staff else {}
    address = reverse("spaces:subscription_requests")
    return {"desk": desk, "rows": rows, "kind": "d'abonnement", "address": address, "per_structure": counts}


add_block("spaces/activities_block.html", _block)


@require_safe
def subscription_requests(request):
    """What waits for this person's decision, the oldest first, with ticks to decide several at once."""
    desk = SpacesDesk(request.user, request.GET)
    page = Paginator(desk.references, PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("coche", None)
    context = {
        "desk": desk,
        "page": page,
        "rows": desk.dossiers(list(page.object_list), pending=desk.shows_waiting),
        # « Tout cocher sur la page » without JavaScript; another page, or this one later, has no ticks.
        "all_ticked": request.GET.get("coche") == str(page.number),
        "list_query": query.urlencode(),
    }
    return render(request, "spaces/subscription_requests.html", context)


@require_safe
def export_subscription_requests(request, kind):
    """The same list as a file: a line for each access."""
    desk = SpacesDesk(request.user, request.GET)
    rows = desk.awaiting.filter(reference__in=desk.references.order_by().values("reference"))
    rows = rows.select_related("user", "structure", "space", "service").order_by("created_at", "pk")
    return download(request, kind, "demandes-d-abonnement", WAITING, rows.iterator(chunk_size=1_000))


def list_address(request):
    """The list a dossier was opened from, filters kept."""
    address = reverse("spaces:subscription_requests")
    return came_from(request, address) or address
