"""What the pages of a structure's people have in common."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from attachments.people import VIEW_PEOPLE
from plumbing.requests import came_from, carried, within
from plumbing.text import is_key, of
from structures.views.parts import within_reach
from structures.views.workspace import INFORMATIONS, below

TAB, TAB_OF_ONE = "attachments:people", "attachments:person"
SEE = "structures.view_structure"
ATTACH, CREATE = "attachments.attach_people", "attachments.create_account"
CHANGE = "attachments.change_place"
# The people, or the one, that a form or an address names.
CHOSEN = "personne"
# Posted: the requests of which the page said that what it does approves them.
SAID = "demande"
# What ATTACH_RATE counts together: changes that mail somebody who has not asked for them.
CHANGING = "changing"
TOO_MANY_CHANGES = "Vous avez fait beaucoup de changements. Attendez une heure, puis recommencez."
# More refusals than this are counted.
MOST_SAID = 5


def place_within_reach(request, pk, place_pk):
    structure = within_reach(request.user, pk, SEE, VIEW_PEOPLE)
    places = structure.attachments.with_rights()
    place = get_object_or_404(places.select_related("user").prefetch_related("services"), pk=place_pk)
    place.structure = structure
    return place


def place_to_change(request, pk, place_pk):
    place = place_within_reach(request, pk, place_pk)
    if not request.user.has_perm(CHANGE, place):
        raise PermissionDenied
    return place


def active_within_reach(request, pk, needed):
    """The structure; None, and why is said, when it is inactive."""
    structure = within_reach(request.user, pk, SEE, needed)
    if structure.is_active:
        return structure
    messages.error(request, "Cette structure est inactive : personne ne peut s'y rattacher.")
    return None


def keys_chosen(data, name=CHOSEN):
    """The keys of those ticked; 404 when any is none."""
    keys = data.getlist(name)
    if not all(map(is_key, keys)):
        raise Http404
    return keys


def list_address(request, pk):
    """The list of a structure's people, as it was filtered when this page was opened from it."""
    address = reverse(TAB, args=[pk])
    return came_from(request, address) or address


def list_behind(request, pk):
    """(label, address) of the list that somebody's page was opened from: the search of people, or the structure's."""
    sought = came_from(request, reverse("attachments:find_people"))
    return ("Rechercher un utilisateur", sought) if sought else ("Personnes", list_address(request, pk))


def person_address(request, pk, place_pk):
    """Somebody's page, which still knows the list one comes from."""
    return reverse(TAB_OF_ONE, args=[pk, place_pk]) + carried(request)


def people_page(request, template, structure, context):
    """A page below the list of a structure's people; `context` may have its form."""
    address = list_address(request, structure.pk)
    context |= {
        "structure": structure,
        "workspace": below(request, structure, TAB, ("Personnes", address)),
        "back_url": address,
    }
    form = context.get("form")
    return render(request, template, context, status=422 if form and form.errors else 200)


def person_page(request, template, place, context, *, below_person=False):
    """The page of somebody in a structure, or one below it; `context` may have its form."""
    trail = [list_behind(request, place.structure_id)]
    address = person_address(request, place.structure_id, place.pk)
    if below_person:
        trail.append((str(place.user), address))
    context |= {
        "structure": place.structure,
        "workspace": below(request, place.structure, TAB, *trail),
        "place": place,
        "person": place.user,
        "address": address,
        "carried": carried(request),
    }
    form = context.get("form")
    return render(request, template, context, status=422 if form and form.errors else 200)


def are_said(request, asked):
    """Whether the page that was posted said of each of these requests that it will be approved."""
    return {one.reference for one in asked} <= set(request.POST.getlist(SAID))


def structure_page(request, template, structure, context, *above):
    """A page below a structure's own, of which `above` are others in between; `context` may have its form."""
    context |= {"structure": structure, "workspace": below(request, structure, INFORMATIONS, *above)}
    form = context.get("form")
    return render(request, template, context, status=422 if form and form.errors else 200)


def say_over(request, place):
    messages.info(request, f"Le rattachement {of(place.user)} est déjà terminé.")
    return redirect(person_address(request, place.structure_id, place.pk))


def say_skipped(request, sentences):
    """Why some of several were left as they are: the first ones, and how many more."""
    for sentence in sentences[:MOST_SAID]:
        messages.info(request, sentence)
    more = len(sentences) - MOST_SAID
    if more > 0:
        messages.info(request, f"Et {more} autre{'s' if more > 1 else ''} pour les mêmes raisons.")


def mails_within(request, form):
    """Each change mails the person, who has not asked for it: counted, whosever place it is."""
    counted = within(request, CHANGING, settings.ATTACH_RATE, key="user")
    if not counted:
        form.add_error(None, TOO_MANY_CHANGES)
    return counted


def changes_within(request):
    """As `mails_within`, where there is no form to say so."""
    counted = within(request, CHANGING, settings.ATTACH_RATE, key="user")
    if not counted:
        messages.error(request, TOO_MANY_CHANGES)
    return counted
