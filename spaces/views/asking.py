"""« Ajouter un abonnement », in two steps that are each an address; and asking for a space in one click."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods, require_POST

from plumbing.requests import perform, posted, submit
from plumbing.text import either, is_key
from spaces import actions
from spaces.forms import AskForm
from spaces.models import Access, Space
from spaces.standing import standings

# More services than this are searched, not scrolled through.
SERVICES_SHOWN = 60


def _places(user):
    return user.attachments.effective().select_related("structure").order_by("structure__legal_name_key", "pk")


def _place(places, key):
    """The one on the structure of this key, as an address or a form has it; None when there is none."""
    return places.filter(structure=key).first() if is_key(key) else None


@require_http_methods(["GET", "HEAD", "POST"])
def add_subscription(request):
    """Which space on which structure, then for which services; or why it cannot be asked for, and who gives it."""
    places, key = _places(request.user), request.GET.get("espace", "")
    place = _place(places, request.GET.get("structure", ""))
    space = Space.objects.filter(pk=key).first() if is_key(key) else None
    if place is None or space is None:
        return _choice(request, places, place, space)
    hindrance = space.hindrance(place)
    if hindrance:
        leading = place.structure.attachments.effective().principal().select_related("user").first()
        context = {"place": place, "space": space, "cause": hindrance, "principal": leading and leading.user}
        return render(request, "spaces/not_askable.html", context)
    return _asking(request, place, space)


def _choice(request, places, place, space):
    if place is None and len(places) == 1:
        place = places[0]
    spaces = [offered for offered in Space.objects.all() if _is_askable(offered, places)]
    context = {"places": places, "place": place, "space": space, "spaces": spaces}
    return render(request, "spaces/choose_space.html", context)


def _asking(request, place, space):
    standing = next(iter(standings(request.user, [place], [space])), None)
    services, words = _services(place, request.GET.get("q", ""))
    live = request.user.subscriptions.live().filter(structure=place.structure, space=space)
    form = AskForm([None, *services], posted(request), live=live, asks_comment=not standing.is_own_to_give)
    if request.method == "POST" and form.is_valid():
        terms = {"actor": request.user, "opening": True, **form.asked}
        done, rows = submit(form, actions.ask, request.user, place.structure_id, space.pk, **terms)
        if done:
            messages.success(request, _what_follows(rows, standing))
            return redirect("spaces:my_subscriptions")
    context = {"place": place, "space": space, "standing": standing, "form": form, "words": words}
    context["more"] = len(services) == SERVICES_SHOWN
    return render(request, "spaces/ask_space.html", context, status=422 if form.errors else 200)


def _is_askable(space, places):
    """Whether it is asked for, or taken, in one of these places: not what comes with the role alone."""
    return any(
        space.is_offered_to(place.structure) and (space.is_free or space.is_asked_by(place.role)) for place in places
    )


def _services(place, words):
    """(The first services one may have a line for, in service today and containing all the words; the words)."""
    words = words[:100].strip()
    services = place.structure.services.open() if place.whole_structure else place.services.open()
    found = [service for service in services if service.matches(words)]
    return found[:SERVICES_SHOWN], words


def _what_follows(rows, standing):
    space = rows[0].space
    if not rows[0].is_pending:
        opens = "" if standing.is_open else f" L'espace est ouvert sur {rows[0].structure}."
        return f"« {space} » vous est donné sur {rows[0].structure}.{opens}"
    givers = Truncator(either(standing.givers)).chars(120) if standing.givers else "l'assistance"
    opens = "" if standing.is_open else ", avec son ouverture sur la structure"
    return (
        f"Votre demande pour « {space} » est envoyée : dossier n° {rows[0].spaced_reference}. "
        f"La décision revient à {givers}{opens}. Un courriel vous dira ce qu'il en est."
    )


@require_POST
def ask_space(request, code):
    """« Demander »: to consult a space for all one is attached to; where it is not open, its opening too."""
    space = get_object_or_404(Space, code=code)
    place = _place(_places(request.user), request.POST.get("structure", ""))
    if place is None:
        raise Http404
    standing = next(iter(standings(request.user, [place], [space])), None)
    if standing is not None and standing.opens_by_asking and not standing.lines:
        step = urlencode({"structure": place.structure_id, "espace": space.pk})
        return redirect(f"{reverse('spaces:add_subscription')}?{step}")
    done, rows = perform(
        request,
        actions.ask,
        request.user,
        place.structure_id,
        space.pk,
        actor=request.user,
        parts=[(None, Access.CONSULTATION)],
        opening=True,
    )
    if done:
        messages.success(request, _what_follows(rows, standing))
    return redirect("home" if "accueil" in request.POST else reverse("spaces:space", args=[code]))
