"""One person of a structure: consulted, changed, detached."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import resend_activations
from attachments import actions
from attachments.departures import tell_losses
from attachments.forms import DetachForm, PlaceForm
from attachments.models import Right, Role
from attachments.people import VIEW, tell_requests
from attachments.permissions import roles_given_by
from attachments.views.people import SEE, TAB
from history.models import Event, HistoryEntry
from plumbing.requests import came_from, posted, submit, within
from structures.views.parts import within_reach
from structures.views.workspace import below

CHANGE = "attachments.change_place"
LEAVE_RIGHTS = "attachments.leave_rights"
# What ATTACH_RATE counts together: changes that mail somebody who has not asked for them.
CHANGING = "changing"
STARTS = (Event.ATTACHMENT_STARTED, Event.PRINCIPAL_DESIGNATED, Event.REQUEST_APPROVED)


@require_safe
def person(request, pk, place_pk):
    """« Consulter »"""
    place = place_within_reach(request, pk, place_pk)
    is_over = place.standing == place.Standing.OVER
    tell_requests(place.structure, [place])
    started = HistoryEntry.objects.filter(structure=pk, subject=place.user_id, event__in=STARTS)
    return person_page(
        request,
        "attachments/person.html",
        place,
        {
            "started": started.filter(created_at__gte=place.created_at).select_related("actor").order_by("pk").first(),
            "is_over": is_over,
            "is_own": place.user_id == request.user.pk,
            "is_principal": place.role == Role.PRINCIPAL,
            "may_change": not is_over and request.user.has_perm(CHANGE, place),
            "may_leave_rights": place.role == Role.SECONDARY and request.user.has_perm(LEAVE_RIGHTS, place.structure),
            "is_activating": not is_over and place.user.state == place.user.State.ACTIVATING,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def change_person(request, pk, place_pk):
    """« Modifier » somebody's role, services and dates."""
    place = place_to_change(request, pk, place_pk)
    if place.standing == place.Standing.OVER:
        return _say_over(request, place)
    form = PlaceForm(place.structure, posted(request), roles=roles_given_by(request.user, [pk])[pk], place=place)
    if request.method == "POST" and form.is_valid() and mails_within(request, form):
        done, changed = submit(form, actions.change_place, place_pk, actor=request.user, **form.change)
        if done:
            said = (
                f"Le rattachement de {place.user} est modifié. Un courriel l'en informe."
                if changed
                else "Rien n'a changé."
            )
            messages.success(request, said)
            return redirect(TAB_OF_ONE, pk, place_pk)
    return person_page(request, "attachments/change_person.html", place, {"form": form}, below_person=True)


@require_http_methods(["GET", "HEAD", "POST"])
def detach_person(request, pk, place_pk):
    """« Détacher »: what follows, then the POST that does it."""
    place = place_to_change(request, pk, place_pk)
    if place.ended_at:
        return _say_over(request, place)
    form = DetachForm(posted(request))
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        done, _ = submit(form, actions.detach, place_pk, actor=request.user, reason=reason)
        if done:
            messages.success(
                request, f"{place.user} n'est plus rattaché à {place.structure}. Un courriel l'en informe."
            )
            return redirect(_list_address(request, pk))
    tell_losses(place.user, [place])
    return person_page(request, "attachments/detach_person.html", place, {"form": form}, below_person=True)


@require_POST
def resend_activation(request, pk, place_pk):
    """« Renvoyer le courriel d'activation »"""
    place = place_within_reach(request, pk, place_pk)
    if place.standing == place.Standing.OVER:
        return _say_over(request, place)
    say_resent(request, resend_activations([place.user_id], actor=request.user))
    return redirect(TAB_OF_ONE, pk, place_pk)


TAB_OF_ONE = "attachments:person"


def say_resent(request, resent):
    """What became of the links, in a sentence; why, of those that did not leave."""
    count = len(resent.done)
    if count == 1:
        messages.success(request, f"Le courriel d'activation est renvoyé à {resent.done[0]}.")
    elif count:
        messages.success(request, f"Le courriel d'activation est renvoyé à {count} personnes.")
    for user, refusal in resent.skipped[:MOST_SAID]:
        messages.info(request, f"{user} : {str(refusal)[:1].lower()}{str(refusal)[1:]}")
    more = len(resent.skipped) - MOST_SAID
    if more > 0:
        messages.info(request, f"Et {more} autre{'s' if more > 1 else ''} pour les mêmes raisons.")


def mails_within(request, form):
    """Each change mails the person, who has not asked for it: counted, whosever place it is."""
    counted = within(request, CHANGING, settings.ATTACH_RATE, key="user")
    if not counted:
        form.add_error(None, "Vous avez fait beaucoup de changements. Attendez une heure, puis recommencez.")
    return counted


# More refusals than this are counted.
MOST_SAID = 5


def place_within_reach(request, pk, place_pk):
    structure = within_reach(request.user, pk, SEE, VIEW)
    places = structure.attachments.with_rights(Right.DECIDE_REQUESTS)
    place = get_object_or_404(places.select_related("user").prefetch_related("services"), pk=place_pk)
    place.structure = structure
    return place


def place_to_change(request, pk, place_pk):
    place = place_within_reach(request, pk, place_pk)
    if not request.user.has_perm(CHANGE, place):
        raise PermissionDenied
    return place


def _say_over(request, place):
    messages.info(request, f"Le rattachement de {place.user} est déjà terminé.")
    return redirect(TAB_OF_ONE, place.structure_id, place.pk)


def _list_address(request, pk):
    address = reverse(TAB, args=[pk])
    return came_from(request, address) or address


def person_page(request, template, place, context, *, below_person=False):
    trail = [("Personnes", _list_address(request, place.structure_id))]
    address = reverse(TAB_OF_ONE, args=[place.structure_id, place.pk])
    if below_person:
        trail.append((str(place.user), address))
    context |= {
        "structure": place.structure,
        "workspace": below(request, place.structure, TAB, *trail),
        "place": place,
        "person": place.user,
        "address": address,
    }
    form = context.get("form")
    return render(request, template, context, status=422 if form and form.errors else 200)
