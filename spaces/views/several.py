"""Several dossiers at once: what will happen to whom, the decision, and what became of it."""

from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from attachments.views.together import Ticked, became, keep, nothing_ticked, numbers_of, posted_or_asked, told
from plumbing.requests import posted
from spaces import actions
from spaces.desk import SpacesDesk, dossiers
from spaces.forms import RefusalForm
from spaces.views.desk import list_address

# Where the session keeps what became of the last ones decided together.
RESULT = "subscriptions_decided_together"
# How the pages that decide several are told that these are requests for spaces.
WORDS = {
    "list_view": "spaces:subscription_requests",
    "list_label": "Demandes d'abonnement",
    "decide_view": "spaces:decide_subscriptions",
    "person_template": "spaces/several_person.html",
    "back_label": "Revenir aux demandes d'abonnement",
}


class Chosen(Ticked):
    """The dossiers somebody ticked, or all of the list they filtered."""

    # A space opened on a structure asks for a decision for each person there.
    at_once = 1_000

    def __init__(self, request):
        data = posted_or_asked(request)
        self.desk = SpacesDesk(request.user, data)
        super().__init__(request, data)

    def listed(self):
        return self.desk.dossiers(list(self.desk.references[: self.at_once]))

    def numbered(self):
        return self.desk.dossiers(self.numbers)

    def listed_count(self):
        return self.desk.references.count()

    @property
    def lines(self):
        return [line for asked in self.dossiers for line in asked.lines]


@require_http_methods(["GET", "HEAD", "POST"])
def approve_subscriptions(request):
    """« Valider les demandes cochées »: each as it was asked; POST does it."""
    chosen = Chosen(request)
    if not chosen.dossiers:
        return nothing_ticked(request, back=list_address(request))
    if request.method == "POST":
        result = actions.approve([line.pk for line in chosen.lines], actor=request.user)
        return _to_result(request, "approved", result, chosen)
    return render(request, "spaces/approve_subscriptions.html", _told(request, chosen, approving=True))


@require_http_methods(["GET", "HEAD", "POST"])
def refuse_subscriptions(request):
    """« Refuser les demandes cochées »: asks why, once for all; POST refuses."""
    chosen, form = Chosen(request), RefusalForm(posted(request))
    if not chosen.dossiers:
        return nothing_ticked(request, back=list_address(request))
    if request.method == "POST" and form.is_valid():
        keys = [line.pk for line in chosen.lines]
        result = actions.refuse(keys, actor=request.user, reason=form.full_reason)
        return _to_result(request, "refused", result, chosen)
    context = _told(request, chosen, approving=False) | {"form": form}
    return render(request, "spaces/refuse_subscriptions.html", context, status=422 if form.errors else 200)


@require_safe
def decided_subscriptions(request):
    """What became of the last dossiers this person decided together; kept in their session."""
    kept = request.session.get(RESULT)
    if kept is None:
        return redirect("spaces:subscription_requests")
    desk = SpacesDesk(request.user)
    rows = desk.dossiers(list(dict.fromkeys(numbers_of(kept))), pending=False)
    context = WORDS | became(kept, rows) | {"names_structures": desk.names_structures}
    return render(request, "spaces/decided_subscriptions.html", context)


def _told(request, chosen, *, approving):
    foreseen = actions.foresee(chosen.lines, actor=request.user, approving=approving)
    shown = told(chosen, dossiers(foreseen.done), foreseen.skipped, back=list_address(request))
    return WORDS | shown | {"names_structures": chosen.desk.names_structures}


def _to_result(request, outcome, result, chosen):
    keep(request, RESULT, outcome, result, chosen, back=list_address(request))
    return redirect("spaces:decided_subscriptions")
