"""« Désigner un nouveau gestionnaire principal »: for which structures, whom, from when; a recap; done."""

import functools

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from attachments import actions
from attachments.forms import HandoverDayForm
from attachments.models import Deputy
from attachments.people import tell_places
from attachments.successions import ALL, DAY, MOST_FOUND, NAME, NEXT, begin, begun, seal, sealed
from attachments.views.parts import changes_within
from plumbing.requests import perform, within

PAGE = "attachments:succession"
TOO_MANY = "Vous avez cherché beaucoup d'adresses. Attendez une heure, puis recommencez."


# Posted: what the page showed.
SEEN = "vu"


def _of_a_choice(view):
    """The view of the choice that the address names, `meant`."""

    @functools.wraps(view)
    def of(request):
        meant = begun(request)
        if meant is not None:
            return view(request, meant)
        messages.warning(request, "Ce que vous aviez choisi n'est plus gardé : recommencez.")
        return redirect("home" if request.user.is_staff else "attachments:my_attachments")

    return of


@require_safe
def succession(request):
    """A link that leads here begins a choice, whose page follows."""
    if NAME not in request.GET:
        return redirect(f"{reverse(PAGE)}?{NAME}={begin(request)}")
    return _chosen_so_far(request)


@_of_a_choice
def _chosen_so_far(request, meant):
    """Each structure and who takes it over; once all have somebody, when."""
    context = {"meant": meant, "form": HandoverDayForm(initial={DAY: request.GET.get(DAY, "")})}
    return render(request, "attachments/succession.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@_of_a_choice
def choose_successor(request, meant):
    """« Choisir »: among the people of these structures, by name or address, or by exact login address."""
    if meant.gone or not meant.structures:
        return redirect(meant.back)
    person = sealed(request.user, request.POST.get(ALL, "")) if request.method == "POST" else None
    if person:
        meant.take(request, person)
        return redirect(f"{meant.back}#s{meant.chosen_for.pk}" if meant.chosen_for else meant.back)
    found, too_many = meant.found, False
    if "@" in meant.words and not found:
        # Each try says whether an address has an account.
        too_many = not within(request, "attaching", settings.ATTACH_RATE, key="user")
        person = None if too_many else meant.found_by_address()
        found = [person] if person else []
    tell_places(request.user, found)
    for person in found:
        person.seal = seal(request.user, person)
    context = {"meant": meant, "found": found[:MOST_FOUND], "has_more": len(found) > MOST_FOUND, "most": MOST_FOUND}
    return render(request, "attachments/choose_successor.html", context | {"refusal": TOO_MANY if too_many else ""})


@require_http_methods(["GET", "HEAD", "POST"])
@_of_a_choice
def confirm_succession(request, meant):
    """Names every structure, who takes it and what the outgoing one keeps; POST does it, all or nothing."""
    if meant.gone or not meant.structures:
        return redirect(meant.back)
    form = HandoverDayForm({DAY: request.GET.get(DAY, "")})
    if not form.is_valid():
        return render(request, "attachments/succession.html", {"meant": meant, "form": form}, status=422)
    meant.day = form.day
    if not meant.is_complete:
        messages.error(request, "Choisissez d'abord un successeur pour chaque structure.")
        return redirect(meant.back)
    if request.method == "POST" and request.POST.get(SEEN) != meant.seen:
        messages.warning(request, "Ce choix vient de changer dans un autre onglet : relisez, puis confirmez.")
        return redirect(request.get_full_path())
    if request.method == "POST":
        done, rows = _hand_over(request, meant) if changes_within(request) else (False, None)
        if not done:
            return redirect(meant.back)
        address = reverse("attachments:handover", args=[rows[0].reference])
        return redirect(f"{address}?{NEXT}={meant.next}" if meant.next else address)
    deputies = Deputy.objects.lasting().filter(structure__in=meant.structures).select_related("deputy", "structure")
    context = {"meant": meant, "deputies": deputies, "hours": settings.TRANSFER_UNDO_HOURS}
    return render(request, "attachments/confirm_succession.html", context)


def _hand_over(request, meant):
    if meant.day:
        done = "La transmission est prévue. Un courriel en informe chacun."
        planned = {"takes_effect_on": meant.day, "done": done}
        return perform(request, actions.plan_handovers, meant.successors, actor=request.user, **planned)
    done = "La transmission est faite. Un courriel en informe chacun."
    return perform(request, actions.transfer_principal, meant.successors, actor=request.user, done=done)
