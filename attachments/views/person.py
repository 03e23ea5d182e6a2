"""One person of a structure: consulted, changed, detached."""

from collections import Counter

from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actions import RESEND_INTERVAL, foresee_activations, resend_activations
from accounts.models import User
from attachments import actions
from attachments.departures import tell_losses
from attachments.forms import DetachForm, PlaceForm
from attachments.models import Right, Role
from attachments.people import may_be_attached, tell_requests
from attachments.permissions import roles_given_by
from attachments.views.parts import (
    CHANGE,
    CHOSEN,
    list_behind,
    mails_within,
    person_address,
    person_page,
    place_to_change,
    place_within_reach,
    say_over,
)
from history.models import Event, HistoryEntry
from plumbing.moments import moment
from plumbing.requests import posted, submit
from plumbing.text import of

LEAVE_RIGHTS = "attachments.leave_rights"
STARTS = (Event.ATTACHMENT_STARTED, Event.PRINCIPAL_DESIGNATED, Event.REQUEST_APPROVED)


# Sections of the apps above: (template, what it shows).
_added_sections = []


def add_section(template, told):
    """Give the page a section more: `template`, which reads as `section` what `told(user, place)` returns, if any."""
    _added_sections.append((template, told))


@require_safe
def person(request, pk, place_pk):
    """« Consulter »"""
    place = place_within_reach(request, pk, place_pk)
    is_over = place.standing == place.Standing.OVER
    tell_requests(place.structure, [place])
    entries = HistoryEntry.objects.filter(structure=pk, subject=place.user_id).select_related("actor").order_by("pk")
    started = entries.filter(event__in=STARTS)
    ended = entries.filter(event=Event.ATTACHMENT_ENDED)
    ended = ended.filter(created_at__gte=place.ended_at) if place.ended_at else ended.none()
    return person_page(
        request,
        "attachments/person.html",
        place,
        {
            "ended": ended.first(),
            "again": _again(request, place) if is_over else "",
            "started": started.filter(created_at__gte=place.created_at).first(),
            "is_over": is_over,
            "sections": [(template, told(request.user, place)) for template, told in _added_sections],
            "is_own": place.user_id == request.user.pk,
            "is_principal": place.role == Role.PRINCIPAL,
            "may_change": not is_over and request.user.has_perm(CHANGE, place),
            "may_leave_rights": place.role == Role.SECONDARY and request.user.has_perm(LEAVE_RIGHTS, place.structure),
            "is_activating": not is_over and place.user.state == place.user.State.ACTIVATING,
        },
    )


def _again(request, place):
    """Where somebody whose place is over is attached again; empty when that is not for the person at the screen."""
    if not (place.structure.is_active and request.user.has_perm("attachments.attach_people", place.structure)):
        return ""
    if place.structure.attachments.lasting().filter(user=place.user).exists() or place.user == request.user:
        return ""
    if not may_be_attached(place.user):
        return ""
    return f"{reverse('attachments:attach_person', args=[place.structure_id])}?{CHOSEN}={place.user_id}"


@require_http_methods(["GET", "HEAD", "POST"])
def change_person(request, pk, place_pk):
    """« Modifier » somebody's role, services and dates."""
    place = place_to_change(request, pk, place_pk)
    if place.standing == place.Standing.OVER:
        return say_over(request, place)
    form = PlaceForm(place.structure, posted(request), roles=roles_given_by(request.user, [pk])[pk], place=place)
    if request.method == "POST" and form.is_valid() and mails_within(request, form):
        done, changed = submit(form, actions.change_place, place_pk, actor=request.user, **form.change)
        if done:
            said = _what_changed(place_within_reach(request, pk, place_pk)) if changed else "Rien n'a changé."
            messages.success(request, said)
            return redirect(person_address(request, pk, place_pk))
    return person_page(request, "attachments/change_person.html", place, {"form": form}, below_person=True)


def _what_changed(place):
    """What somebody's place is now, and what it lets them do for others."""
    given = [right.label.lower() for right in Right if place.role == Role.SECONDARY and place.may(right)]
    lets = f" Droits : {', '.join(given)}." if given else ""
    now = f"{place.user}, {place.get_role_display().lower()}, {place.extent}"
    return f"Rattachement modifié : {now}.{lets} Un courriel l'en informe."


@require_http_methods(["GET", "HEAD", "POST"])
def detach_person(request, pk, place_pk):
    """« Détacher »: what follows, then the POST that does it."""
    place = place_to_change(request, pk, place_pk)
    if place.ended_at:
        return say_over(request, place)
    form = DetachForm(posted(request))
    if request.method == "POST" and form.is_valid():
        done, _ = submit(form, actions.detach, place_pk, actor=request.user, reason=form.cleaned_data["reason"])
        if done:
            _say_detached(request, place)
            return redirect(list_behind(request, pk)[1])
    tell_losses(place.user, [place])
    return person_page(request, "attachments/detach_person.html", place, {"form": form}, below_person=True)


def _say_detached(request, place):
    done = f"Le rattachement {of(place.user)} à {place.structure} est terminé."
    messages.success(request, f"{done} Un courriel l'en informe.")


@require_POST
def resend_activation(request, pk, place_pk):
    """« Renvoyer le courriel d'activation »"""
    place = place_within_reach(request, pk, place_pk)
    if place.standing == place.Standing.OVER:
        return say_over(request, place)
    foreseen = foresee_activations(User.objects.filter(pk=place.user_id))
    # Only who is due: the others are counted in what was foreseen.
    due = list(foreseen.users.values_list("pk", flat=True))
    say_resent(request, resend_activations(due, actor=request.user), foreseen)
    return redirect(person_address(request, pk, place_pk))


def say_resent(request, resent, foreseen):
    """One note: to whom the link left, and a line for each reason why it did not leave to others."""
    codes = Counter(refusal.code for _, refusal in resent.skipped)
    # What changed between the look and the lock counts with the rest.
    too_soon, not_activating = foreseen.too_soon + codes["too_soon"], foreseen.not_activating + codes["not_activating"]
    lines = [_resent_to(resent.done)]
    if too_soon:
        had = "1 personne vient de le recevoir" if too_soon == 1 else f"{too_soon} personnes viennent de le recevoir"
        again = foreseen.again_at or timezone.now() + RESEND_INTERVAL
        lines.append(f"{had} : possible de nouveau à partir du {moment(again)}.")
    if not_activating:
        others = "1 compte n'attend" if not_activating == 1 else f"{not_activating} comptes n'attendent"
        lines.append(f"{others} pas d'être activé{'s' if not_activating > 1 else ''} : rien n'y est envoyé.")
    # Asked anew: whom the link just left to is no longer among them.
    if left := foreseen.users.count():
        waiting = "1 personne attend encore son" if left == 1 else f"{left} personnes attendent encore leur"
        lines.append(f"{waiting} lien : recommencez.")
    say = messages.success if resent.done else messages.info
    say(request, format_html_join(mark_safe("<br>"), "{}", [(line,) for line in lines]))


def _resent_to(users):
    if not users:
        return "Aucun courriel n'est parti."
    to = users[0] if len(users) == 1 else f"{len(users)} personnes"
    return f"Le courriel d'activation est renvoyé à {to}."
