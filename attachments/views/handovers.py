"""« Transmission »: what one act hands over, done or planned; cancelled before its day, contested after it."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from attachments import actions
from attachments.models import Handover, Role
from attachments.successions import DEACTIVATING, LEAVING, NEXT
from attachments.views.person import changes_within
from history.data import CAUSES
from plumbing.requests import perform

# Posted: the key of each handover that is meant.
MEANT = "transmission"


@require_safe
def handover(request, reference):
    """What becomes of each structure, and what whoever reads it can do about it."""
    rows = _theirs(request.user, reference)
    undoable = set(Handover.objects.undoable().filter(reference=reference).values_list("pk", flat=True))
    context = {
        "rows": rows,
        "first": rows[0],
        "is_outgoing": any(row.outgoing_id == request.user.pk for row in rows),
        "pending": [row for row in rows if row.is_pending],
        "undoable": [row for row in rows if row.pk in undoable and _may_undo(request.user, row)],
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
    if request.GET.get(NEXT) == LEAVING and places:
        keys = urlencode([("rattachement", place.pk) for place in places])
        address = f"{reverse('attachments:leave_structures')}?{keys}"
        return {"next_url": address, "next_label": "Supprimer mes rattachements"}
    return {"next_url": ""}


@require_POST
def cancel_handover(request, reference):
    """« Annuler la transmission prévue », of the structures that are ticked."""
    meant = _meant(request, reference)
    if meant and changes_within(request):
        done = "La transmission prévue est annulée. Un courriel en informe chacun."
        perform(request, actions.cancel_handovers, meant, actor=request.user, done=done)
    return redirect("attachments:handover", reference)


@require_POST
def undo_transfer(request, reference):
    """« Contester »: the transfer is undone for the structures that are ticked."""
    meant = _meant(request, reference)
    if meant and changes_within(request):
        done = "La transmission est défaite. Un courriel en informe chacun."
        perform(request, actions.undo_transfers, meant, actor=request.user, done=done)
    return redirect("attachments:handover", reference)


def _theirs(user, reference):
    """The handovers of this act that are their business; 404 when none is."""
    rows = Handover.objects.filter(reference=reference).concerning(user)
    rows = list(rows.select_related("structure", "outgoing", "successor").order_by("structure__legal_name_key", "pk"))
    if not rows:
        raise Http404
    for row in rows:
        row.cause = CAUSES.get(row.reason, "")
    return rows


def _may_undo(user, row):
    return user.is_staff or row.outgoing_id == user.pk


def _meant(request, reference):
    """The keys of what is ticked of this act."""
    theirs = {str(row.pk): row.pk for row in _theirs(request.user, reference)}
    meant = [theirs[key] for key in request.POST.getlist(MEANT) if key in theirs]
    if not meant:
        messages.error(request, "Cochez au moins une structure.")
    return meant
