"""The tab « Espaces » of a structure: what is open there; opening and closing."""

from django.contrib import messages
from django.db.models import Count
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from attachments.models import Attachment, Role
from plumbing.requests import perform, posted
from spaces import actions
from spaces.desk import SpacesDesk
from spaces.forms import OpeningForm
from spaces.matrix import namesakes
from spaces.models import Space, StructureSpace, Subscription, by_person
from structures.views.parts import within_reach
from structures.views.workspace import Workspace, below

TAB = "spaces:structure_spaces"
# Who only opens spaces knows who is there, and nobody's address.
KNOW = "attachments.view_people"
SEE, VIEW, OPEN = "structures.view_structure", "spaces.view_spaces", "attachments.open_spaces"
SHOWN_AT_ONCE = 20


@require_safe
def structure_spaces(request, pk):
    """Each space a structure may have, whether it is open there, and how many people have it."""
    structure = within_reach(request.user, pk, SEE, VIEW)
    to_decide = SpacesDesk(request.user).awaiting.filter(structure=structure)
    context = {
        "structure": structure,
        "workspace": Workspace(request, structure, TAB),
        "spaces": _spaces(structure),
        "may_open": structure.is_active and request.user.has_perm(OPEN, structure),
        # Theirs to decide: not their own request, nor for support what a manager decides.
        "decides_on": set(to_decide.values_list("space", flat=True)),
    }
    return render(request, "spaces/structure_spaces.html", context)


def _spaces(structure):
    """Those it may have, those that are opened and closed first, each with its `opening` and its people's counts."""
    openings = {row.space_id: row for row in structure.opened_spaces.current().select_related("opened_by")}
    lines = Subscription.objects.filter(structure=structure).order_by()
    having, waiting = (
        dict(rows.values_list("space").annotate(Count("user", distinct=True)))
        for rows in (lines.filter(status=Subscription.Status.APPROVED), lines.pending())
    )
    spaces = sorted(Space.objects.offered_to(structure), key=lambda space: space.is_open_everywhere)
    for space in spaces:
        space.opening = openings.get(space.pk)
        space.people, space.waiting = having.get(space.pk, 0), waiting.get(space.pk, 0)
    return spaces


@require_http_methods(["GET", "HEAD", "POST"])
def open_space(request, pk, code):
    """« Ouvrir »: says for how many people a request is made; POST opens."""
    structure, space = _both(request.user, pk, code)
    if space.is_open_everywhere:
        messages.info(request, f"« {space} » vient avec le rôle ou s'ajoute librement : il est ouvert partout.")
        return redirect(TAB, pk)
    form = OpeningForm(posted(request))
    if request.method == "POST" and form.is_valid():
        accesses = form.cleaned_data["accesses"]
        done, rows = perform(request, actions.open_space, pk, space.pk, actor=request.user, accesses=accesses)
        if done:
            _say_opened(request, structure, space, rows)
        return redirect(_after_opening(request, structure, space) if done and rows else reverse(TAB, args=[pk]))
    context = _page(request, structure, space) | {"form": form, "people_count": _asked_count(structure, space)}
    return render(request, "spaces/open_space.html", context, status=422 if form.errors else 200)


def _asked_count(structure, space):
    """How many people opening the space asks for, as `actions.open_space` does."""
    roles = [role for role in Role if space.is_asked_by(role)]
    places = Attachment.objects.lasting().filter(structure=structure, role__in=roles)
    return places.exclude(user__state=User.State.DISABLED).count()


@require_http_methods(["GET", "HEAD", "POST"])
def close_space(request, pk, code):
    """« Fermer »: says who loses what; POST closes."""
    structure, space = _both(request.user, pk, code)
    if request.method == "POST":
        done = f"« {space} » est fermé sur {structure}. Un courriel en informe ses utilisateurs."
        perform(request, actions.close_space, pk, space.pk, actor=request.user, done=done)
        return redirect(TAB, pk)
    if not StructureSpace.objects.current().filter(structure=structure, space=space).exists():
        messages.info(request, f"« {space} » n'est pas ouvert sur {structure}.")
        return redirect(TAB, pk)
    losing = _losing(structure, space)
    named = namesakes(person for person, *_ in losing) if request.user.has_perm(KNOW, structure) else ()
    context = _page(request, structure, space) | _told(losing) | {"namesakes": named}
    return render(request, "spaces/close_space.html", context)


def _losing(structure, space):
    """(person, structure, their lines) of whoever has the space there or waits for it, by name."""
    lines = Subscription.objects.live().filter(structure=structure, space=space)
    losing = by_person(lines.select_related("user", "structure", "space", "service"))
    return sorted(losing, key=lambda one: str(one[0]).casefold())


def _told(losing):
    waiting = sum(all(line.is_pending for line in theirs) for _person, _structure, theirs in losing)
    return {
        "losing": len(losing),
        "waiting": waiting,
        "having": len(losing) - waiting,
        "first": losing[:SHOWN_AT_ONCE],
        "others": losing[SHOWN_AT_ONCE:],
    }


def _both(user, pk, code):
    return within_reach(user, pk, SEE, OPEN), get_object_or_404(Space, code=code)


def _page(request, structure, space):
    workspace = below(request, structure, TAB, ("Espaces", reverse(TAB, args=[structure.pk])))
    return {"structure": structure, "space": space, "workspace": workspace}


def _say_opened(request, structure, space, rows):
    people = len({row.user_id for row in rows})
    waits = f" {people} demande{'s' if people > 1 else ''} à décider." if people else " Personne n'est à décider."
    messages.success(request, f"« {space} » est ouvert sur {structure}.{waits}")


def _after_opening(request, structure, space):
    """Where the requests it made are decided, by who decides them."""
    if not request.user.is_staff and request.user.has_perm("attachments.decide_subscriptions", structure):
        return f"{reverse('spaces:subscription_requests')}?structure={structure.pk}&espace={space.code}"
    return reverse(TAB, args=[structure.pk])
