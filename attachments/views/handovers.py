"""« Transmission »: what one act hands over, done or planned; cancelled before its day, contested after it."""

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.models import Handover, Role
from attachments.successions import DEACTIVATING, LEAVING, NEXT
from attachments.views.leaving import HANDED_OVER
from attachments.views.parts import changes_within, say_skipped
from history.data import CAUSES
from plumbing.errors import ActionError
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
    user, rows = request.user, _theirs(request.user, reference)
    undoable = _undoable(reference)
    by_support = [row for row in rows if row.pk in undoable and row.is_by_support]
    may_undo = [row for row in rows if row.pk in undoable and row.may_be_undone_by(user) and row.outgoing_is_active]
    context = {
        "rows": rows,
        "first": rows[0],
        "is_of_several": len(rows) > 1,
        "to_object_to": [] if user.is_staff else [row for row in by_support if row.outgoing_id == user.pk],
        "is_outgoing": any(row.outgoing_id == user.pk for row in rows),
        "pending": [row for row in rows if row.is_pending],
        "undoable": may_undo,
    }
    for row in rows:
        if row.is_done and row.pk not in undoable and row.undoable_until > timezone.now() and row.outgoing_id:
            row.cause = "Le gestionnaire principal a changé depuis"
    return render(
        request, "attachments/handover.html", context | _to_name_again(user, rows, may_undo) | _going_on(request, rows)
    )


def _to_name_again(user, rows, may_undo):
    """For whom somebody else is to be named: what was stopped, and, by support, what it cannot undo."""
    stopped = Handover.objects.to_name_again(user).filter(pk__in=[row.pk for row in rows])
    to_mend = [row for row in rows if user.is_staff and row.is_done and row not in may_undo]
    return {
        "stopped_keys": ".".join(str(key) for key in stopped.values_list("structure", flat=True)),
        "to_mend": to_mend,
        "to_mend_keys": ".".join(str(row.structure_id) for row in to_mend),
    }


def _undoable(reference):
    return set(Handover.objects.undoable().filter(reference=reference).values_list("pk", flat=True))


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
        return {"next_url": address, "next_label": "Supprimer mes rattachements", "is_leaving": True}
    return {"next_url": ""}


@require_http_methods(["GET", "HEAD", "POST"])
def cancel_handover(request, reference):
    """« Annuler la transmission prévue », of the structures that are ticked: what follows, then POST does it."""
    meant = _meant(request, reference, actions.check_cancellable)
    return _ask_then(
        request, reference, meant, actions.cancel_handovers, "attachments/cancel_handover.html", _said_cancelled
    )


@require_http_methods(["GET", "HEAD", "POST"])
def undo_transfer(request, reference):
    """« Contester », for the structures that are ticked: what follows, then POST undoes the transfer."""
    undoable = _undoable(reference)

    def check(row, user):
        actions.check_undoable(row, undoable, user)

    meant = _meant(request, reference, check)
    return _ask_then(request, reference, meant, actions.undo_transfers, "attachments/undo_transfer.html", _said_undone)


def _ask_then(request, reference, meant, act, template, said):
    """Of what is `meant` and still can be; where somebody was faster with the rest, it is asked again."""
    acts = request.method == "POST" and ASKS_AGAIN not in request.POST
    is_as_read = len(meant) == len(set(_data(request).getlist(MEANT)))
    if acts and meant and is_as_read:
        if changes_within(request):
            perform(request, act, [row.pk for row in meant], actor=request.user, done=said(meant))
    elif meant:
        context = {"rows": meant, "first": meant[0], "back": reverse(PAGE, args=[reference])}
        return render(request, template, context)
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


def _data(request):
    return request.POST if request.method == "POST" else request.GET


def _meant(request, reference, check):
    """What is ticked of this act and still passes `check`; why the others do not is said."""
    theirs = {str(row.pk): row for row in _theirs(request.user, reference)}
    ticked = [theirs[key] for key in dict.fromkeys(_data(request).getlist(MEANT)) if key in theirs]
    if not ticked:
        messages.error(request, "Cochez au moins une structure.")
    meant, refused = [], []
    for row in ticked:
        try:
            check(row, request.user)
        except ActionError as refusal:
            refused.append(str(refusal))
        else:
            meant.append(row)
    say_skipped(request, refused)
    return meant
