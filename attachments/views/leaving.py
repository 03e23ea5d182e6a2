"""« Supprimer mes rattachements »: what is lost, then leaving; a principal manager designates somebody first."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from attachments import actions
from attachments.departures import tell_losses
from attachments.models import Handover, Right, Role
from attachments.successions import LEAVING, NEXT, STRUCTURES
from plumbing.requests import came_from
from plumbing.text import is_key

# In the address, and in what is posted: the key of each chosen attachment.
CHOSEN = "rattachement"
# In the address: the act by which they handed over the structures they now leave.
HANDED_OVER = "transmission"
# More structures than this are counted in a message, not named.
MOST_NAMED = 5


@require_http_methods(["GET", "HEAD", "POST"])
def leave_structures(request):
    """What goes with each ticked attachment; POST ends those that may end, and says of the others why not."""
    address = reverse("attachments:my_attachments")
    back = came_from(request, address) or address
    chosen = _chosen(request.user, request.POST if request.method == "POST" else request.GET)
    if not chosen:
        messages.error(request, "Cochez au moins un rattachement à supprimer.")
        return redirect(back)
    if request.method == "POST":
        departure = actions.leave_structures(request.user, [row.pk for row in chosen], actor=request.user)
        _say(request, departure)
        to_hand_over = [row for row, refusal in departure.skipped if refusal.code == "is_principal"]
        return redirect(_succession(to_hand_over) if to_hand_over else back)
    chosen = [row for row in chosen if row.standing != row.Standing.OVER]
    principal = [row for row in chosen if row.role == Role.PRINCIPAL]
    leaving = [row for row in chosen if row.role != Role.PRINCIPAL]
    if not chosen:
        messages.error(request, "Ces rattachements sont déjà terminés.")
        return redirect(back)
    succession = _succession(principal)
    if not leaving:
        return redirect(succession)
    prefetch_related_objects(leaving, "services")
    tell_losses(request.user, leaving)
    context = {
        "leaving": leaving,
        "principal": principal,
        "succession": succession,
        "back": back,
        "orphaned": sum(row.orphaned for row in leaving),
        "has_handed_over": HANDED_OVER in request.GET,
    }
    return render(request, "attachments/leave_structures.html", context)


def _succession(rows):
    """Where somebody else is designated for the structures of these."""
    meant = {STRUCTURES: ".".join(str(row.structure_id) for row in rows), NEXT: LEAVING}
    return f"{reverse('attachments:succession')}?{urlencode(meant)}"


def _keys(data):
    """The keys chosen, as numbers; 404 on anything else."""
    keys = data.getlist(CHOSEN)
    if not all(map(is_key, keys)):
        raise Http404
    return {int(key) for key in keys}


def _chosen(user, data):
    """Their own attachments among those asked for, or handed over; 404 when one of them is not theirs."""
    keys = _keys(data)
    if HANDED_OVER in data:
        given = user.handovers_given.filter(reference=data[HANDED_OVER], status=Handover.Status.DONE)
        places = user.attachments.current().filter(structure__in=given.values("structure"))
        keys |= set(places.exclude(role=Role.PRINCIPAL).values_list("pk", flat=True))
    found = user.attachments.filter(pk__in=keys).with_rights(Right.DECIDE_REQUESTS).select_related("structure")
    found = list(found.order_by("structure__legal_name_key"))
    if len(found) < len(keys):
        raise Http404
    return found


def _say(request, departure):
    left = [str(row.structure) for row in departure.done]
    if len(left) == 1:
        messages.success(request, f"Vous n'êtes plus rattaché à {left[0]}.")
    elif left:
        named = f" : {', '.join(left)}" if len(left) <= MOST_NAMED else ""
        messages.success(request, f"Vous n'êtes plus rattaché à ces {len(left)} structures{named}.")
    for _row, refusal in departure.skipped:
        messages.error(request, str(refusal))
