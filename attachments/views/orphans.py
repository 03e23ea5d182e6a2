"""« Structures sans gestionnaire », for support."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import render
from django.views.decorators.http import require_safe

from attachments import exports
from attachments.deciders import Desk
from attachments.orphans import Orphans, tell
from attachments.views.desk import PER_PAGE
from plumbing.exports import download

MANAGE = "attachments.see_to_orphans"
OTHER_TABS = ("shows_waiting", "shows_all", "shows_decided")


@require_safe
def orphans(request):
    """Those where somebody waits first, each with why, since when, and what to do about it."""
    listed = _asked_by_support(request)
    desk = request.desk = Desk(request.user)
    page = Paginator(listed.rows, PER_PAGE).get_page(request.GET.get("page"))
    rows = tell(request.user, page.object_list)
    tabs = {"waiting": desk.waiting, "shows_orphans": True} | dict.fromkeys(OTHER_TABS, False)
    context = {"listed": listed, "page": page, "rows": rows, "months": settings.ORPHAN_SILENT_MONTHS}
    return render(request, "attachments/orphans.html", context | tabs)


@require_safe
def export_orphans(request, kind):
    """The same list as a file."""
    listed = _asked_by_support(request)
    rows = exports.told(listed.rows, lambda lot: tell(request.user, lot))
    return download(request, kind, "structures-sans-gestionnaire", exports.ORPHANS, rows)


def _asked_by_support(request):
    if not request.user.has_perm(MANAGE):
        raise PermissionDenied
    return Orphans(request.GET)
