"""One space: what it holds, where one has it, and who gives it elsewhere."""

from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from spaces.models import Space
from spaces.standing import standings

PER_PAGE = 50


@require_safe
def space_page(request, code):
    """Opens the space where one has it, and says of each of one's structures how one stands."""
    space = get_object_or_404(Space, code=code)
    places = request.user.attachments.effective().select_related("structure")
    page = Paginator(places.order_by("structure__legal_name_key", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    rows = standings(request.user, list(page), [space])
    held = any(row.is_held for row in rows) or request.user.subscriptions.effective().filter(space=space).exists()
    context = {
        "space": space,
        "page": page,
        "rows": rows,
        "held": held,
        "address": (reverse(space.route) if space.route else space.address) if held else "",
        "asks": any(not row.is_held and not row.waits for row in rows),
        # What waits may be asked for otherwise too.
        "lacks": any(not row.is_held for row in rows),
    }
    return render(request, "spaces/space.html", context)
