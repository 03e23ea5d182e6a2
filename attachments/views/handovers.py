"""« Transmission »: what one act hands over, done or planned; cancelled before its day, contested after it."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.models import Handover, Role
from attachments.successions import DEACTIVATING, LEAVING, NEXT
from attachments.views.leaving import HANDED_OVER
from attachments.views.parts import changes_within
from history.data import CAUSES
from plumbing.requests import perform
from plumbing.text import of

# Posted: the key of each handover that is meant.
MEANT = "transmission"
# Posted by the page on which they are ticked, for the page that asks again: hundreds of keys fit in no address.
ASKS_AGAIN = "relire"
PAGE = "attachments:handover"


@require_safe
def handover(request, reference):
    """What becomes of each structure, and what whoever reads it can do about it."""
    rows = _theirs(request.user, reference)
    undoable = set(Handover.objects.undoable().filter(reference=reference).values_list("pk", flat=True))
    by_support = [row for row in rows if row.pk in undoable and row.is_by_support]
    context = {
        "rows": rows,
        "first": rows[0],
        "to_object_to": []
        if request.user.is_staff
        else [row for row in by_support if row.outgoing_id == request.user.pk],
        "is_outgoing": any(row.outgoing_id == request.user.pk for row in rows),
        "pending": [row for row in rows if row.is_pending],
        "undoable": [row for row in rows if row.pk in undoable and row.may_be_undone_by(request.user)],
    }
    return render(request, "attachments/handover.html", context | _going_on(request, rows))


def _going_on(request, rows):
    """Where whoever handed over was going, now that nothing holds them there."""
    given = [row.structure_id for row in rows if row.outgoing_id == request.user.pk and row.done_at]
    places = request.user.attachments.lasting().filter(structure__in=given).exclude(role=Role.PRINCIPAL)
    if request.GET.get(NEXT) == DEACTIVATING and given:
        if request.user.attachments.current().principal().exists():
            address = f"{reverse('attachments:succession')}?{NEXT}={DEACTIVATING}"
            return {"next_url": address, "next_label": "Transmettre mes autres structures"}
        return {"next_url": reverse("accounts:deactivate"), "next_label": "Désactiver mon compte"}
    if request.GET.get(NEXT) == LEAVING and places.exists():
        address = f"{reverse('attachments:leave_structures')}?{HANDED_OVER}={rows[0].reference}"
        return {"next_url": address, "next_label": "Supprimer mes rattachements"}
    return {"next_url": ""}


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_handover(request, reference):
    """« Annuler la transmission prévue », of the structures that are ticked: what follows, then POST does it."""
    return _ask_then(request, reference, actions.cancel_handovers, "attachments/cancel_handover.html", _said_cancelled)


@require_http_methods(["GET", "HEAD", "POST"])
def undo_transfer(request, reference):
    """« Contester », for the structures that are ticked: what follows, then POST undoes the transfer."""
    return _ask_then(request, reference, actions.undo_transfers, "attachments/undo_transfer.html", _said_undone)


def _ask_then(request, reference, act, template, said):
    meant = _meant(request, reference)
    acts = request.method == "POST" and ASKS_AGAIN not in request.POST
    if acts and meant and changes_within(request):
        perform(request, act, [row.pk for row in meant], actor=request.user, done=said(meant))
    # What can no longer be is said by the page of the transfer.
    elif meant and all(row.is_pending or (row.may_be_undone_by(request.user) and not row.ended_at) for row in meant):
        first = meant[0]
        return render(request, template, {"rows": meant, "first": first, "back": reverse(PAGE, args=[first.reference])})
    return redirect(PAGE, reference)


def _said_cancelled(rows):
    what = f"{of(rows[0].structure)} est annulée" if len(rows) == 1 else f"de {len(rows)} structures est annulée"
    return f"La transmission prévue {what} : le gestionnaire principal ne change pas. Un courriel en informe chacun."


def _said_undone(rows):
    if len(rows) > 1:
        return f"La transmission de {len(rows)} structures est défaite. Un courriel en informe chacun."
    structure, principal = rows[0].structure, rows[0].outgoing
    again = f"{principal} en est de nouveau gestionnaire principal"
    return f"La transmission {of(structure)} est défaite : {again}. Un courriel en informe chacun."


def _theirs(user, reference):
    """The handovers of this act that are their business; 404 when none is."""
    rows = Handover.objects.filter(reference=reference).concerning(user)
    rows = list(
        rows.select_related("structure", "outgoing", "successor", "named_by").order_by(
            "structure__legal_name_key", "pk"
        )
    )
    if not rows:
        raise Http404
    for row in rows:
        row.cause = CAUSES.get(row.reason, "")
    return rows


def _meant(request, reference):
    """What is ticked of this act."""
    theirs = {str(row.pk): row for row in _theirs(request.user, reference)}
    data = request.POST if request.method == "POST" else request.GET
    meant = [theirs[key] for key in dict.fromkeys(data.getlist(MEANT)) if key in theirs]
    if not meant:
        messages.error(request, "Cochez au moins une structure.")
    return meant
