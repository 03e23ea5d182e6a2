"""« Ajouter un abonnement », in two steps that are each an address; and asking for a space in one click."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.text import Truncator
from django.views.decorators.http import require_http_methods, require_POST

from plumbing.requests import perform, posted, submit
from plumbing.text import either
from spaces import actions
from spaces.forms import AskForm
from spaces.models import Access, Grant, Space
from spaces.standing import standings

# More services than this are searched, not scrolled through.
SERVICES_SHOWN = 60


def _number(text):
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _places(user):
    return user.attachments.effective().select_related("structure").order_by("structure__legal_name_key", "pk")


@require_http_methods(["GET", "HEAD", "POST"])
def add_subscription(request):
    """Which space on which structure, then for which services; or why it cannot be asked for, and who gives it."""
    places = _places(request.user)
    chosen = {name: _number(request.GET.get(name, "")) for name in ("structure", "espace")}
    place = places.filter(structure=chosen["structure"]).first()
    space = Space.objects.filter(pk=chosen["espace"]).first()
    context = {"places": places, "place": place, "space": space, "form": None}
    if place is None or space is None:
        if len(places) == 1:
            context["place"] = places[0]
        context["spaces"] = [offered for offered in Space.objects.all() if _is_askable(offered, places)]
        return render(request, "spaces/choose_space.html", context)
    standing = next(iter(standings(request.user, [place], [space])), None)
    context |= {"standing": standing, "cause": _cause(place, space)}
    if context["cause"]:
        leading = place.structure.attachments.effective().principal().select_related("user").first()
        context["principal"] = leading and leading.user
        return render(request, "spaces/not_askable.html", context)
    services, words = _services(place, request.GET.get("q", ""))
    live = request.user.subscriptions.live().filter(structure=place.structure, space=space)
    form = AskForm([None, *services], posted(request), live=live, asks_comment=not standing.is_own_to_give)
    if request.method == "POST" and form.is_valid():
        terms = {"actor": request.user, "opening": True, **form.asked}
        done, rows = submit(form, actions.ask, request.user, place.structure_id, space.pk, **terms)
        if done:
            messages.success(request, _what_follows(rows, standing))
            return redirect("spaces:my_subscriptions")
    counts = {"more": len(services) == SERVICES_SHOWN, "words": words, "form": form}
    return render(request, "spaces/ask_space.html", context | counts, status=422 if form.errors else 200)


def _is_askable(space, places):
    """Whether it is asked for, or taken, in one of these places: not what comes with the role alone."""
    return any(
        space.is_offered_to(place.structure) and (space.is_free or space.grant(place.role) == Grant.SUBSCRIPTION)
        for place in places
    )


def _services(place, words):
    """(The first services one may have a line for, in service today and containing all the words; the words)."""
    words = words[:100].strip()
    services = place.structure.services.open() if place.whole_structure else place.services.open()
    found = [service for service in services if service.matches(words)]
    return found[:SERVICES_SHOWN], words


def _cause(place, space):
    """Why the space cannot be asked for there; empty when it can, were it together with its opening."""
    if not place.structure.is_active:
        return "structure_inactive"
    if not space.is_offered_to(place.structure):
        return "not_offered"
    return "" if space.is_for(place.role) else "not_for_role"


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
    place = _places(request.user).filter(structure=_number(request.POST.get("structure", ""))).first()
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
