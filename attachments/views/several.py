"""Several requests at once: what will happen to whom, the decision, and what became of it."""

import re

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.functional import cached_property
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.deciders import Desk
from attachments.decisions import tell_attached
from attachments.forms import RefusalForm
from attachments.models import Role
from attachments.views.desk import Filters, list_address
from plumbing.references import LENGTH
from plumbing.requests import posted

# In the address: the numbers of those ticked, or that all of the list are meant. Posted: all numbers in one field.
TICKED, ALL_OF_LIST, NUMBERS = "demande", "ensemble", "demandes"
# Each writes two mails: more than this would keep the person waiting.
AT_ONCE = 500
# The others are a click away on the same page.
SHOWN_AT_ONCE = 20
# Where the session keeps what became of the last ones decided together.
RESULT = "decided_together"


class Chosen:
    """The requests somebody ticked, or all of the list they filtered; of these, those that are theirs to know of."""

    def __init__(self, request):
        self.desk = request.desk = Desk(request.user)
        data = request.POST if request.method == "POST" else request.GET
        self.filters = Filters(self.desk, data)
        self.all_of_list = request.method != "POST" and ALL_OF_LIST in data
        written = data.get(NUMBERS, "") if request.method == "POST" else " ".join(data.getlist(TICKED))
        self.numbers = list(dict.fromkeys(re.findall(rf"\b[0-9]{{{LENGTH}}}\b", written)))[:AT_ONCE]

    @cached_property
    def requests(self):
        if self.all_of_list:
            found = self.filters.requests[:AT_ONCE]
        else:
            found = self.desk.known.filter(reference__in=self.numbers).order_by("created_at", "pk")
        return list(found.select_related("user", "structure", "decided_by").prefetch_related("services"))

    @property
    def unknown_count(self):
        """How many of those ticked are not, or no longer, theirs to know of."""
        return 0 if self.all_of_list else len(self.numbers) - len(self.requests)

    @cached_property
    def left_count(self):
        """How many of the list wait for another time."""
        full = self.all_of_list and len(self.requests) == AT_ONCE
        return self.filters.requests.count() - AT_ONCE if full else 0

    @property
    def keys(self):
        return [request.pk for request in self.requests]


@require_http_methods(["GET", "HEAD", "POST"])
def approve_together(request):
    """« Valider les demandes cochées »: each as it was asked, as a simple user; POST does it."""
    chosen = Chosen(request)
    if not chosen.requests:
        return _nothing_ticked(request)
    if request.method == "POST":
        result = actions.approve_requests(chosen.keys, actor=request.user)
        return _to_result(request, "approved", result, chosen)
    foreseen = actions.foresee(chosen.requests, actor=request.user, role=Role.SIMPLE)
    return render(request, "attachments/approve_together.html", _told(request, chosen, foreseen))


@require_http_methods(["GET", "HEAD", "POST"])
def refuse_together(request):
    """« Refuser les demandes cochées »: asks why, once for all; POST refuses."""
    chosen = Chosen(request)
    if not chosen.requests:
        return _nothing_ticked(request)
    form = RefusalForm(chosen.requests, posted(request))
    if request.method == "POST" and form.is_valid():
        result = actions.refuse_requests(chosen.keys, actor=request.user, reason=form.full_reason)
        return _to_result(request, "refused", result, chosen)
    foreseen = actions.foresee(chosen.requests, actor=request.user)
    context = _told(request, chosen, foreseen) | {"form": form}
    return render(request, "attachments/refuse_together.html", context, status=422 if form.errors else 200)


@require_safe
def decided_together(request):
    """What became of the last requests this person decided together; kept in their session."""
    kept = request.session.get(RESULT)
    if kept is None:
        return redirect("attachments:pending_requests")
    request.desk = Desk(request.user)
    known = request.desk.known.filter(reference__in=[*kept["done"], *kept["skipped"]]).order_by("created_at", "pk")
    rows = list(known.select_related("user", "structure"))
    tell_attached(rows)
    skipped = [row for row in rows if row.reference in kept["skipped"]]
    for row in skipped:
        row.why = kept["skipped"][row.reference]
    done = [row for row in rows if row.reference in kept["done"]]
    context = {
        "approved": kept["outcome"] == "approved",
        "done": done,
        "first": done[:SHOWN_AT_ONCE],
        "others": done[SHOWN_AT_ONCE:],
        "skipped": skipped,
        # A right lost since hides the rows, not what was done.
        "done_count": len(kept["done"]),
        "skipped_count": len(kept["skipped"]) + kept["unknown"],
        "unknown": kept["unknown"],
        "back": kept["back"],
        "names_structures": len({row.structure_id for row in rows}) > 1,
    }
    return render(request, "attachments/decided_together.html", context)


def _told(request, chosen, foreseen):
    return {
        "ready": foreseen.done,
        "first": foreseen.done[:SHOWN_AT_ONCE],
        "others": foreseen.done[SHOWN_AT_ONCE:],
        "hindered": foreseen.skipped,
        "numbers": " ".join(row.reference for row in foreseen.done),
        "unknown": chosen.unknown_count,
        "left": chosen.left_count,
        "back": list_address(request),
        "newcomers": sum(not row.user.was_ever_active for row in foreseen.done),
        "names_structures": len({row.structure_id for row in chosen.requests}) > 1,
        "at_once": AT_ONCE,
    }


def _to_result(request, outcome, result, chosen):
    request.session[RESULT] = {
        "outcome": outcome,
        "done": [row.reference for row in result.done],
        "skipped": {row.reference: str(refusal) for row, refusal in result.skipped},
        "unknown": chosen.unknown_count,
        "back": list_address(request),
    }
    return redirect("attachments:decided_together")


def _nothing_ticked(request):
    if request.POST.get(NUMBERS) or request.GET.get(TICKED) or request.GET.get(ALL_OF_LIST):
        messages.warning(request, "Ces demandes ne sont plus dans votre liste : rien n'a été décidé.")
    else:
        messages.warning(request, "Rien n'est coché : cochez au moins une demande de la liste.")
    return redirect(list_address(request))
