"""« Prolonger »: a later last day for somebody's attachment."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods

from attachments import actions
from attachments.forms import ExtensionForm
from attachments.models import Attachment
from attachments.views.people import TAB
from attachments.views.person import TAB_OF_ONE, mails_within
from plumbing.requests import RETURN, came_from, posted, submit
from plumbing.text import of
from structures.views.workspace import INFORMATIONS, below


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request, pk):
    """The new last day of an attachment that has one; POST gives it."""
    place = _within_reach(request.user, pk)
    back = _back(request, place)
    if place.ends_on is None:
        messages.info(request, f"Le rattachement {of(place.user)} n'a pas de date de fin.")
        return redirect(back)
    form = ExtensionForm(place, posted(request))
    if request.method == "POST" and form.is_valid() and mails_within(request, form):
        done, extended = submit(form, actions.extend, pk, actor=request.user, **form.cleaned_data)
        if done:
            until = f"jusqu'au {date_format(extended.ends_on, 'j F Y')}" if extended.ends_on else "sans date de fin"
            messages.success(request, f"{place.user} reste rattaché {until}. Un courriel l'en informe.")
            return redirect(back)
    return render(
        request,
        "attachments/extend.html",
        {
            "structure": place.structure,
            "workspace": below(request, place.structure, INFORMATIONS),
            "place": place,
            "back": back,
            "form": form,
        },
        status=422 if form.errors else 200,
    )


def _back(request, place):
    """Where it was opened from: home, or the list of people as it was filtered; from elsewhere, the person's page."""
    opened = request.GET.get(RETURN, "").partition("?")[0]
    for address in (reverse("home"), reverse(TAB, args=[place.structure_id])):
        if opened == address:
            return came_from(request, address) or address
    return reverse(TAB_OF_ONE, args=[place.structure_id, place.pk])


def _within_reach(user, pk):
    """The attachment, of a structure whose people `user` sees (404 otherwise) and if they may change it (403)."""
    places = Attachment.objects.lasting().select_related("user", "structure")
    place = get_object_or_404(places, pk=pk)
    if not user.has_perm("attachments.view_people", place.structure):
        raise Http404
    if not user.has_perm("attachments.change_place", place):
        raise PermissionDenied
    return place
