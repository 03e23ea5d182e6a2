"""« Rechercher utilisateur »: people over the structures one manages; the activation mail again, for several."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actions import foresee_activations
from accounts.actions import resend_activations as resend
from attachments.exports import SOUGHT, told
from attachments.people import PeopleSought, people_known_to, tell_changeable, tell_places
from attachments.views.parts import CHOSEN, keys_chosen
from attachments.views.person import say_resent
from plumbing.exports import download
from plumbing.requests import came_from
from structures.views.parts import PER_PAGE

# Instead of ticks: all that match what is sought.
ALL = "tous"


@require_safe
def find_people(request):
    """The people that match, each with where they are; tick some, or take all, to act on them."""
    sought = PeopleSought(request.user, request.GET)
    page = Paginator(sought.people, PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = people = list(page.object_list)
    tell_places(request.user, people)
    tell_changeable(request.user, [place for person in people for place in person.places])
    context = {"sought": sought, "page": page, "people": people, "ticks_all": "cocher" in request.GET}
    return render(request, "attachments/find_people.html", context)


@require_safe
def export_found(request, kind):
    """The ticked people, or all that match, as a file."""
    sought, people = _meant(request, request.GET)
    if ALL not in request.GET and CHOSEN not in request.GET:
        messages.error(request, "Cochez les personnes à mettre dans le fichier.")
        address = reverse("attachments:find_people")
        return redirect(came_from(request, address) or f"{address}?{sought.query}")

    def with_places(lot):
        tell_places(request.user, lot)
        return lot

    return download(request, kind, "utilisateurs", SOUGHT, told(people, with_places))


@require_http_methods(["GET", "HEAD", "POST"])
def resend_activations(request):
    """« Renvoyer le courriel d'activation » to the ticked people, or to all that match: to whom, then the POST."""
    sought, people = _meant(request, request.POST if request.method == "POST" else request.GET)
    address = reverse("attachments:find_people")
    back = came_from(request, address) or f"{address}?{sought.query}"
    foreseen = foresee_activations(people)
    if request.method == "POST":
        resent = resend(list(foreseen.users.values_list("pk", flat=True)[:MOST]), actor=request.user)
        say_resent(request, resent, foreseen)
        return redirect(back)
    count = foreseen.users.count()
    context = {
        "sought": sought,
        "back": back,
        "foreseen": foreseen,
        "leaving": list(foreseen.users[:MOST_NAMED]),
        "count": min(count, MOST),
        "left": max(count - MOST, 0),
        "keys": None if ALL in request.GET else [person.pk for person in people],
    }
    return render(request, "attachments/resend_activations.html", context)


# Mails at once; and names shown before they leave.
MOST, MOST_NAMED = 500, 20


def _meant(request, data):
    """(what is sought, the people meant): all that match, or those ticked among the people one may know of."""
    sought = PeopleSought(request.user, data)
    if ALL in data:
        return sought, sought.people
    known = people_known_to(request.user).filter(pk__in=keys_chosen(data))
    return sought, known.order_by("last_name", "first_name", "pk")
