"""« Prolonger »: a later last day for somebody's attachment, or for those of several people of a structure at once."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods

from attachments import actions
from attachments.forms import ExtensionForm, TogetherExtensionForm
from attachments.models import Attachment
from attachments.people import PeopleOf
from attachments.views.parts import (
    ATTACH,
    SEE,
    TAB,
    TAB_OF_ONE,
    keys_chosen,
    list_address,
    mails_within,
    people_page,
    say_skipped,
    structure_page,
)
from plumbing.requests import RETURN, came_from, posted, submit
from plumbing.text import grouped, of
from structures.views.parts import within_reach

# Those ticked in the list, by the keys of their places; or instead all of the list, as filtered, that have an end.
TICKED, ALL = "rattachement", "tous"
AT_ONCE = 500
# The others are a click away on the same page.
SHOWN_AT_ONCE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request, pk):
    """The new last day of an attachment that has one; POST gives it."""
    place = _within_reach(request.user, pk)
    back = _back(request, place)
    if place.ends_on is None:
        messages.info(request, f"Le rattachement {of(place.user)} n'a pas de date de fin.")
        return redirect(back)
    form = ExtensionForm([place], posted(request))
    if request.method == "POST" and form.is_valid() and mails_within(request, form):
        done, extended = submit(form, actions.extend, pk, actor=request.user, **form.cleaned_data)
        if done:
            until = _until(extended.ends_on) if extended.ends_on else "sans date de fin"
            messages.success(request, f"{_lasts(place)} {until}. Un courriel l'en informe.")
            return redirect(back)
    context = {"place": place, "back": back, "form": form}
    return structure_page(request, "attachments/extend.html", place.structure, context)


def _back(request, place):
    """Where it was opened from: home, the list of people as it was filtered, or else the person's page."""
    opened = request.GET.get(RETURN, "").partition("?")[0]
    person = reverse(TAB_OF_ONE, args=[place.structure_id, place.pk])
    for address in (reverse("home"), reverse(TAB, args=[place.structure_id]), person):
        if opened == address:
            return came_from(request, address) or address
    return person


def _within_reach(user, pk):
    """The attachment, of a structure whose people `user` sees (404 otherwise) and if they may change it (403)."""
    places = Attachment.objects.lasting().select_related("user", "structure")
    place = get_object_or_404(places, pk=pk)
    if not user.has_perm("attachments.view_people", place.structure):
        raise Http404
    if not user.has_perm("attachments.change_place", place):
        raise PermissionDenied
    return place


@require_http_methods(["GET", "HEAD", "POST"])
def extend_people(request, pk):
    """Those ticked among the people of a structure, to one day: who, and who not; POST extends them."""
    structure = within_reach(request.user, pk, SEE, ATTACH)
    places = _meant(request, structure)
    if not places:
        messages.warning(request, "Personne n'est coché : cochez au moins une personne qui a une date de fin.")
        return redirect(list_address(request, pk))
    foreseen = actions.foresee_extension(places[:AT_ONCE], actor=request.user)
    form = TogetherExtensionForm(foreseen.done, posted(request)) if foreseen.done else None
    is_sent = request.method == "POST" and form and form.is_valid() and mails_within(request, form)
    if is_sent and _extend_all(request, form, foreseen.done):
        return redirect(list_address(request, pk))
    context = {
        "form": form,
        "places": foreseen.done,
        "first": foreseen.done[:SHOWN_AT_ONCE],
        "others": foreseen.done[SHOWN_AT_ONCE:],
        "skipped": foreseen.skipped,
        "is_cut": len(places) > AT_ONCE,
        "at_once": AT_ONCE,
    }
    return people_page(request, "attachments/extend_people.html", structure, context)


def _meant(request, structure):
    """The places ticked, or all of the list that have an end: one more than is extended at once, where there is."""
    data = request.POST if request.method == "POST" else request.GET
    if ALL in data:
        meant = PeopleOf(structure, data).rows.exclude(ends_on=None)
    else:
        meant = structure.attachments.filter(pk__in=keys_chosen(data, TICKED)).select_related("user")
        meant = meant.order_by("user__last_name", "user__first_name", "pk")
    return list(meant[: AT_ONCE + 1])


def _extend_all(request, form, places):
    """Whether any of it was done; who was left out, and why, is said."""
    day = form.cleaned_data["ends_on"]
    extended = actions.extend_places([place.pk for place in places], actor=request.user, ends_on=day)
    if not extended.done:
        form.refuse(extended.skipped[0][1])
        return False
    count = len(extended.done)
    if count == 1:
        done = f"{_lasts(extended.done[0])} {_until(day)}. Un courriel l'en informe."
    else:
        done = f"{grouped(count)} personnes restent rattachées {_until(day)}. Un courriel en informe chacune."
    messages.success(request, done)
    say_skipped(request, [str(refusal) for _, refusal in extended.skipped])
    return True


def _lasts(place):
    return f"Le rattachement {of(place.user)} dure désormais"


def _until(day):
    return f"jusqu'au {date_format(day, 'j F Y')}"
