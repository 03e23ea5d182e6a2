"""Several dossiers at once: what will happen to whom, the decision, and what became of it."""

import re

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.functional import cached_property
from django.views.decorators.http import require_http_methods, require_safe

from plumbing.references import LENGTH
from plumbing.requests import posted
from spaces import actions
from spaces.desk import SpacesDesk, dossiers
from spaces.forms import RefusalForm
from spaces.views.desk import list_address

# In the address: the numbers of those ticked, or that all of the list are meant. Posted: all numbers in one field.
TICKED, ALL_OF_LIST, NUMBERS = "demande", "ensemble", "demandes"
# A space opened on a structure asks for a decision for each person there.
AT_ONCE = 1_000
# The others are a click away on the same page.
SHOWN_AT_ONCE = 20
# Where the session keeps what became of the last ones decided together.
RESULT = "subscriptions_decided_together"


class Chosen:
    """The dossiers somebody ticked, or all of the list they filtered; of these, those that are theirs to decide."""

    def __init__(self, request):
        data = request.POST if request.method == "POST" else request.GET
        self.desk = SpacesDesk(request.user, data)
        self.all_of_list = request.method != "POST" and ALL_OF_LIST in data
        written = data.get(NUMBERS, "") if request.method == "POST" else " ".join(data.getlist(TICKED))
        self.numbers = list(dict.fromkeys(re.findall(rf"\b[0-9]{{{LENGTH}}}\b", written)))[:AT_ONCE]

    @cached_property
    def dossiers(self):
        return self.desk.dossiers(list(self.desk.references[:AT_ONCE]) if self.all_of_list else self.numbers)

    @property
    def lines(self):
        return [line for asked in self.dossiers for line in asked.lines]

    @property
    def unknown_count(self):
        """How many of those ticked are not, or no longer, theirs to decide."""
        return 0 if self.all_of_list else len(self.numbers) - len(self.dossiers)

    @cached_property
    def left_count(self):
        """How many of the list wait for another time."""
        full = self.all_of_list and len(self.dossiers) == AT_ONCE
        return self.desk.references.count() - AT_ONCE if full else 0


@require_http_methods(["GET", "HEAD", "POST"])
def approve_subscriptions(request):
    """« Valider les demandes cochées »: each as it was asked; POST does it."""
    chosen = Chosen(request)
    if not chosen.dossiers:
        return _nothing_ticked(request)
    if request.method == "POST":
        result = actions.approve([line.pk for line in chosen.lines], actor=request.user)
        return _to_result(request, "approved", result, chosen)
    return render(request, "spaces/approve_subscriptions.html", _told(request, chosen, approving=True))


@require_http_methods(["GET", "HEAD", "POST"])
def refuse_subscriptions(request):
    """« Refuser les demandes cochées »: asks why, once for all; POST refuses."""
    chosen, form = Chosen(request), RefusalForm(posted(request))
    if not chosen.dossiers:
        return _nothing_ticked(request)
    if request.method == "POST" and form.is_valid():
        keys = [line.pk for line in chosen.lines]
        result = actions.refuse(keys, actor=request.user, reason=form.cleaned_data["reason"])
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
    rows = desk.dossiers([*kept["done"], *kept["skipped"]], pending=False)
    skipped = [row for row in rows if row.reference in kept["skipped"]]
    for row in skipped:
        row.why = kept["skipped"][row.reference]
    done = [row for row in rows if row.reference in kept["done"]]
    context = {
        "approved": kept["outcome"] == "approved",
        "first": done[:SHOWN_AT_ONCE],
        "others": done[SHOWN_AT_ONCE:],
        "skipped": skipped,
        # A right lost since hides the rows, not what was done.
        "done_count": len(kept["done"]),
        "skipped_count": len(kept["skipped"]) + kept["unknown"],
        "unknown": kept["unknown"],
        "back": kept["back"],
        "names_structures": desk.names_structures,
    }
    return render(request, "spaces/decided_subscriptions.html", context)


def _told(request, chosen, *, approving):
    foreseen = actions.foresee(chosen.lines, actor=request.user, approving=approving)
    ready = dossiers(foreseen.done)
    return {
        "ready": ready,
        "first": ready[:SHOWN_AT_ONCE],
        "others": ready[SHOWN_AT_ONCE:],
        "hindered": foreseen.skipped,
        "numbers": " ".join(asked.reference for asked in ready),
        "unknown": chosen.unknown_count,
        "left": chosen.left_count,
        "back": list_address(request),
        "names_structures": chosen.desk.names_structures,
        "at_once": AT_ONCE,
    }


def _to_result(request, outcome, result, chosen):
    done = dict.fromkeys(row.reference for row in result.done)
    request.session[RESULT] = {
        "outcome": outcome,
        "done": list(done),
        "skipped": {row.reference: str(why) for row, why in result.skipped if row.reference not in done},
        "unknown": chosen.unknown_count,
        "back": list_address(request),
    }
    return redirect("spaces:decided_subscriptions")


def _nothing_ticked(request):
    if request.POST.get(NUMBERS) or request.GET.get(TICKED) or request.GET.get(ALL_OF_LIST):
        messages.warning(request, "Ces demandes ne sont plus dans votre liste : rien n'a été décidé.")
    else:
        messages.warning(request, "Rien n'est coché : cochez au moins une demande de la liste.")
    return redirect(list_address(request))
