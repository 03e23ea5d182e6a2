"""« Utilisateurs rattachés à la structure »: the tab that lists them."""

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.shortcuts import render
from django.views.decorators.http import require_safe

from attachments.exports import PEOPLE
from attachments.models import Attachment
from attachments.people import VIEW_PEOPLE, PeopleOf, tell_changeable, tell_requests
from attachments.views.parts import ATTACH, CREATE, SEE, TAB
from plumbing.exports import download
from structures.views.parts import PER_PAGE, within_reach
from structures.views.workspace import Workspace


@require_safe
def people(request, pk):
    """Who is attached to a structure, as what, from when to when."""
    structure = within_reach(request.user, pk, SEE, VIEW_PEOPLE)
    sought = PeopleOf(structure, request.GET)
    page = Paginator(sought.rows, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = rows = list(page.object_list)
    prefetch_related_objects([row for row in rows if not row.whole_structure], "services")
    tell_requests(structure, rows)
    tell_changeable(request.user, rows)
    workspace = Workspace(request, structure, TAB, asked=[ATTACH, CREATE])
    return render(
        request,
        "attachments/people.html",
        {
            "structure": structure,
            "workspace": workspace,
            "sought": sought,
            "ending": 0 if sought.standing else structure.attachments.standing(Attachment.Standing.ENDING).count(),
            "ending_days": settings.ATTACHMENT_ENDING_DAYS,
            "page": page,
            "may_tick": any(row.may_change and row.ends_on for row in rows),
            "all_ticked": "cocher" in request.GET,
            "rows": rows,
            "may_attach": structure.is_active and ATTACH in workspace.held,
            "may_create": structure.is_active and CREATE in workspace.held,
        },
    )


@require_safe
def export_people(request, pk, kind):
    """The same list as a file."""
    structure = within_reach(request.user, pk, SEE, VIEW_PEOPLE)
    rows = PeopleOf(structure, request.GET).rows.prefetch_related("services").iterator(chunk_size=1_000)
    return download(request, kind, f"personnes-{structure.identifier}", PEOPLE, rows)
