"""Several requests at once: what will happen to whom, the decision, and what became of it."""

from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.deciders import Desk
from attachments.decisions import tell_attached
from attachments.forms import RefusalForm
from attachments.models import Role
from attachments.views.desk import Filters, list_address
from attachments.views.together import Ticked, became, keep, nothing_ticked, numbers_of, posted_or_asked, told
from plumbing.requests import posted

# Where the session keeps what became of the last ones decided together.
RESULT = "decided_together"
# How the pages that decide several are told that these are requests for a place.
WORDS = {
    "list_view": "attachments:pending_requests",
    "list_label": "Demandes à traiter",
    "decide_view": "attachments:decide_request",
    "person_template": "attachments/several_person.html",
    "back_label": "Revenir aux demandes à traiter",
}


class Chosen(Ticked):
    """The requests somebody ticked, or all of the list they filtered."""

    # Each writes two mails: more than this would keep the person waiting.
    at_once = 500

    def __init__(self, request):
        data = posted_or_asked(request)
        self.desk = request.desk = Desk(request.user)
        self.filters = Filters(self.desk, data)
        super().__init__(request, data)

    def listed(self):
        return self._read(self.filters.requests[: self.at_once])

    def numbered(self):
        return self._read(self.desk.known.filter(reference__in=self.numbers).order_by("created_at", "pk"))

    def _read(self, found):
        return list(found.select_related("user", "structure", "decided_by").prefetch_related("services"))

    def listed_count(self):
        return self.filters.requests.count()

    @property
    def keys(self):
        return [request.pk for request in self.dossiers]


@require_http_methods(["GET", "HEAD", "POST"])
def approve_together(request):
    """« Valider les demandes cochées »: each as it was asked, as a simple user; POST does it."""
    chosen = Chosen(request)
    if not chosen.dossiers:
        return nothing_ticked(request, back=list_address(request))
    if request.method == "POST":
        result = actions.approve_requests(chosen.keys, actor=request.user)
        return _to_result(request, "approved", result, chosen)
    foreseen = actions.foresee(chosen.dossiers, actor=request.user, role=Role.SIMPLE)
    return render(request, "attachments/approve_together.html", _told(request, chosen, foreseen))


@require_http_methods(["GET", "HEAD", "POST"])
def refuse_together(request):
    """« Refuser les demandes cochées »: asks why, once for all; POST refuses."""
    chosen = Chosen(request)
    if not chosen.dossiers:
        return nothing_ticked(request, back=list_address(request))
    form = RefusalForm(chosen.dossiers, posted(request))
    if request.method == "POST" and form.is_valid():
        result = actions.refuse_requests(chosen.keys, actor=request.user, reason=form.full_reason)
        return _to_result(request, "refused", result, chosen)
    foreseen = actions.foresee(chosen.dossiers, actor=request.user)
    context = _told(request, chosen, foreseen) | {"form": form}
    return render(request, "attachments/refuse_together.html", context, status=422 if form.errors else 200)


@require_safe
def decided_together(request):
    """What became of the last requests this person decided together; kept in their session."""
    kept = request.session.get(RESULT)
    if kept is None:
        return redirect("attachments:pending_requests")
    request.desk = Desk(request.user)
    known = request.desk.known.filter(reference__in=numbers_of(kept)).order_by("created_at", "pk")
    rows = list(known.select_related("user", "structure"))
    tell_attached(rows)
    names_structures = len({row.structure_id for row in rows}) > 1
    context = WORDS | became(kept, rows) | {"names_structures": names_structures}
    return render(request, "attachments/decided_together.html", context)


def _told(request, chosen, foreseen):
    return (
        WORDS
        | told(chosen, foreseen.done, foreseen.skipped, back=list_address(request))
        | {
            "newcomers": sum(not row.user.was_ever_active for row in foreseen.done),
            "names_structures": len({row.structure_id for row in chosen.dossiers}) > 1,
        }
    )


def _to_result(request, outcome, result, chosen):
    keep(request, RESULT, outcome, result, chosen, back=list_address(request))
    return redirect("attachments:decided_together")
