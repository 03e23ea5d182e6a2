"""What a principal manager leaves to secondary managers (« droits »), and to a deputy (« suppléance »)."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.models import User
from attachments import actions
from attachments.forms import DeputyForm, PersonalRightsForm, SecondaryRightsForm
from attachments.models import Deputy, Right, Role
from attachments.people import typed
from attachments.views.parts import SEE, mails_within, structure_page
from plumbing.requests import perform, posted, submit
from plumbing.text import of
from structures.views.parts import PER_PAGE, within_reach

# Of more people than this, one is searched by name before they are chosen in a list.
MOST_LISTED = 50


@require_http_methods(["GET", "HEAD", "POST"])
def secondary_rights(request, pk):
    """What secondary managers may do on a structure; those who may more, or less, are listed below."""
    structure = within_reach(request.user, pk, SEE, "attachments.leave_rights")
    form = SecondaryRightsForm(structure, posted(request))
    if request.method == "POST" and form.is_valid():
        done, made = submit(form, actions.leave_rights, pk, actor=request.user, rights=form.rights)
        if done:
            messages.success(request, _what_is_left(structure, form.rights) if made else "Rien n'a changé.")
            return redirect("attachments:secondary_rights", pk)
    by_name = _secondaries(structure).order_by("user__last_name", "user__first_name", "pk")
    page = Paginator(by_name, PER_PAGE).get_page(request.GET.get("page"))
    _tell_own_rights(request.user, page)
    return structure_page(request, "attachments/secondary_rights.html", structure, {"form": form, "page": page})


def _secondaries(structure):
    return structure.attachments.lasting().filter(role=Role.SECONDARY).select_related("user")


def _tell_own_rights(user, places):
    """Give each of `places` the (label, bool) that were set for it alone, and whether it is `user`'s own."""
    for place in places:
        said = [(right.label, getattr(place, right)) for right in Right]
        place.own_rights = [(label, held) for label, held in said if held is not None]
        place.is_own = place.user_id == user.pk


def _what_is_left(structure, rights):
    """What secondary managers may do there now, and for how many of them that goes."""
    given = [right.label.lower() for right, held in rights.items() if held]
    secondaries = _secondaries(structure)
    apart = secondaries.exclude(**dict.fromkeys(Right.values)).count()
    count = secondaries.count() - apart
    about = f"pour {count} gestionnaire{'s' if count > 1 else ''} secondaire{'s' if count > 1 else ''}"
    if apart:
        about += f", en dehors de {apart} dont les droits sont réglés à part"
    return f"Droits enregistrés {about} : {', '.join(given) or 'aucun droit ne leur est laissé'}."


@require_http_methods(["GET", "HEAD", "POST"])
def personal_rights(request, pk, place_pk):
    """What one secondary manager may do, where it differs from the others."""
    structure = within_reach(request.user, pk, SEE, "attachments.leave_rights")
    place = get_object_or_404(_secondaries(structure).exclude(user=request.user), pk=place_pk)
    place.structure = structure
    form = PersonalRightsForm(place, posted(request))
    if request.method == "POST" and form.is_valid():
        done, made = submit(form, actions.leave_personal_rights, place.pk, actor=request.user, rights=form.rights)
        if done:
            messages.success(request, _what_is_left_to(place, made) if made else "Rien n'a changé.")
            return redirect("attachments:secondary_rights", pk)
    above = ("Droits des gestionnaires secondaires", reverse("attachments:secondary_rights", args=[pk]))
    return structure_page(request, "attachments/personal_rights.html", structure, {"place": place, "form": form}, above)


def _what_is_left_to(place, made):
    given = [change.field.verbose_name.lower() + f" : {change.after.lower()}" for change in made]
    return f"Droits {of(place.user)} enregistrés : {', '.join(given)}."


@require_http_methods(["GET", "HEAD", "POST"])
def deputy(request, pk):
    """Who stands in for the principal manager; without anybody, POST names one."""
    structure = within_reach(request.user, pk, SEE, "attachments.name_deputy")
    able = Able(structure, request)
    form = DeputyForm(able.offered, posted(request))
    if request.method == "POST" and form.is_valid() and mails_within(request, form):
        done, named = submit(form, actions.name_deputy, pk, actor=request.user, **form.named)
        if done:
            messages.success(request, f"La suppléance est confiée à {named.deputy}. Un courriel l'en informe.")
            return redirect("attachments:deputy", pk)
    context = {
        "form": form,
        "held": Deputy.objects.lasting().filter(structure=structure).select_related("deputy", "named_by").first(),
        "has_principal": structure.attachments.current().principal().exists(),
        "able": able,
    }
    return structure_page(request, "attachments/deputy.html", structure, context)


class Able:
    """Those who can be named deputy: all of them are offered or, where they are many, those found by name."""

    def __init__(self, structure, request):
        people = structure.attachments.lasting().filter(user__state=User.State.ACTIVE).exclude(role=Role.PRINCIPAL)
        people = people.exclude(user=request.user).select_related("user")
        self.offered = people.order_by("user__last_name", "user__first_name", "pk")
        self.words, self.count = typed(request.GET, "q"), people.count()
        self.has_more, self.offers = False, True
        self.is_searched = bool(self.words) or self.count > MOST_LISTED
        if self.is_searched:
            found = self.offered.of_people(self.words) if self.words else self.offered.none()
            keys = list(found.values_list("pk", flat=True)[: MOST_LISTED + 1])
            self.has_more, self.offers = len(keys) > MOST_LISTED, bool(keys)
            self.offered = self.offered.filter(pk__in=keys[:MOST_LISTED])


@require_http_methods(["GET", "HEAD", "POST"])
def end_deputy(request, pk):
    """« Mettre fin à la suppléance », before its last day: what follows, then the POST."""
    structure = within_reach(request.user, pk, SEE, "attachments.name_deputy")
    held = Deputy.objects.current().filter(structure=structure).select_related("deputy").first()
    if held is None:
        messages.info(request, "La suppléance est déjà terminée.")
        return redirect("attachments:deputy", pk)
    if request.method == "POST":
        done = "La suppléance est terminée. Un courriel en informe chacun."
        perform(request, actions.end_deputy, held.pk, actor=request.user, done=done)
        return redirect("attachments:deputy", pk)
    above = ("Suppléance", reverse("attachments:deputy", args=[pk]))
    return structure_page(request, "attachments/end_deputy.html", structure, {"held": held}, above)
