"""« Rattacher un utilisateur », « Créer le compte utilisateur »."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_safe

from accounts.mistyped import likely_address
from accounts.models import User, normalised_email
from attachments import actions
from attachments.forms import AttachForm, InviteForm
from attachments.models import AttachmentRequest
from attachments.people import called, people_known_to, tell_places, typed
from attachments.permissions import roles_given_by
from attachments.views.parts import ATTACH, CHOSEN, CREATE, TAB, TAB_OF_ONE, active_within_reach, are_said, people_page
from plumbing.reach import held
from plumbing.references import spaced
from plumbing.requests import posted, submit, within
from plumbing.text import is_key, loose_pattern, of
from structures.models import Structure
from structures.views.parts import BY_NAME, paged, searched_words

# In the address: the person chosen. Posted: what was typed on the other page comes along.
CARRIED = "repris"
MOST_FOUND, MOST_OTHERS = 20, 50


@require_http_methods(["GET", "HEAD", "POST"])
def attach_person(request, pk):
    """« Rattacher un utilisateur »: by login address, or chosen among the people one may know of."""
    structure = active_within_reach(request, pk, ATTACH)
    if structure is None:
        return redirect(TAB, pk)
    person = _chosen(request, structure)
    form, asked = _attach_form(request, structure, person), _asked(request, person, [structure])
    tries = request.method == "POST" and form.is_valid() and _is_counted(request, form)
    if tries and (found := person or _account_of(form)):
        asked = _asked(request, found, [structure for structure, _ in form.parts])
        if _are_said(request, form, asked) and _attach(request, form, found):
            return redirect(TAB, pk)
    may_create = request.user.has_perm(CREATE, structure)
    context = {
        "form": form,
        "held": _held(structure, person, form),
        "asked": asked,
        "person": person,
        "unknown": may_create and form.has_error("email", "no_account"),
        "may_create": may_create,
    }
    return people_page(
        request, "attachments/attach_person.html", structure, context | _searched(request, structure, person)
    )


def _attach_form(request, structure, person):
    roles = roles_given_by(request.user, [structure.pk])[structure.pk]
    return AttachForm(structure, posted(request), person=person, others=_others(request.user, structure), roles=roles)


def _account_of(form):
    """The account of the address that was typed; None, and the form says so, when there is none."""
    email = form.cleaned_data["email"]
    found = User.objects.filter(email=normalised_email(email)).first()
    # An account closed before anybody used it is none: it starts again.
    if found and not (found.state == User.State.CLOSED and not found.was_ever_active):
        return found
    likely = likely_address(email)
    doubt = f" Vouliez-vous écrire {likely} ?" if likely else ""
    form.add_error("email", ValidationError(f"Aucun compte ne porte cette adresse.{doubt}", code="no_account"))
    return None


def _searched(request, structure, person):
    """The people found by name, as long as none of them is chosen."""
    words = typed(request.GET, "q")
    found = _found(request.user, structure, words) if words and person is None else []
    return {"words": words, "found": found[:MOST_FOUND], "has_more": len(found) > MOST_FOUND, "most": MOST_FOUND}


@require_http_methods(["GET", "HEAD", "POST"])
def create_account(request, pk):
    """« Créer le compte utilisateur »: its owner only activates it. Never where the PIGP keeps the accounts."""
    structure = active_within_reach(request, pk, ATTACH)
    if structure is None:
        return redirect(TAB, pk)
    if structure.uses_pigp:
        return people_page(request, "attachments/no_account_here.html", structure, {})
    if not request.user.has_perm(CREATE, structure):
        raise PermissionDenied
    form = _invite_form(request, structure)
    if request.method == "POST" and form.is_valid() and _is_counted(request, form):
        done, place = submit(
            form,
            actions.create_attached_account,
            structure,
            actor=request.user,
            person=form.person,
            services=form.services_chosen,
            **form.terms,
        )
        if done:
            given = f"{place.get_role_display().lower()}, {place.extent}"
            said = f"Le compte {of(place.user)} est créé et rattaché à {structure} : {given}."
            messages.success(request, f"{said} Le lien qui l'active lui est envoyé par courriel.")
            return redirect(TAB_OF_ONE, pk, place.pk)
    context = {"form": form, "has_account": form.has_error("email", "address_used")}
    return people_page(request, "attachments/create_account.html", structure, context)


def _invite_form(request, structure):
    """As it is posted; or to be filled in, with what was typed on the page one comes from."""
    roles = roles_given_by(request.user, [structure.pk])[structure.pk]
    if request.method != "POST" or CARRIED not in request.POST:
        return InviteForm(structure, posted(request), roles=roles)
    known = {name: request.POST.get(name, "") for name in ("email", "role", "scope", "starts_on", "ends_on")}
    services = [key for key in request.POST.getlist("services") if is_key(key)]
    return InviteForm(structure, roles=roles, initial=known | {"services": services})


@require_safe
def choose_structure_to_attach(request):
    """« Rattacher un utilisateur », from elsewhere: to which structure."""
    return _choose(request, "attachments:attach_person", "Rattacher un utilisateur")


@require_safe
def choose_structure_for_account(request):
    """« Créer le compte utilisateur », from home, for somebody else: in which structure."""
    return _choose(request, "attachments:create_account", "Créer le compte utilisateur")


def _choose(request, go_to, title):
    """The structures where one attaches people, each leading to `go_to`; straight there when there is only one."""
    keys, words = held(ATTACH, request.user), searched_words(request)
    mine = Structure.objects.filter(state=Structure.State.ACTIVE)
    if keys is not None:
        mine = mine.filter(pk__in=keys)
    elif not words:
        mine = mine.none()
    if keys is not None and not words:
        first_two = mine.order_by("pk").values_list("pk", flat=True)[:2]
        if len(first_two) == 1:
            return redirect(go_to, first_two[0])
    listed = paged(request, (mine.called(words) if words else mine).order_by(*BY_NAME))
    listed["searched"] = listed["searched"] or keys is None
    return render(request, "attachments/choose_structure.html", {"go_to": go_to, "title": title} | listed)


def _chosen(request, structure):
    """The person that the address names, `is_known` with an address to show or else of a place here that is over.

    404 unless the person at the screen may know of them.
    """
    key = request.GET.get(CHOSEN, "")
    if not key:
        return None
    key = int(key) if is_key(key) else 0
    known = people_known_to(request.user).filter(pk=key).first()
    person = known or get_object_or_404(User, pk=key, pk__in=structure.attachments.values("user"))
    person.is_known = known is not None
    return person


def _found(user, structure, words):
    """The people called so whom `user` may know of, each with their places there."""
    people = people_known_to(user)
    for word in words.split():
        people = people.filter(called(loose_pattern(word)))
    found = list(people.order_by("last_name", "first_name", "pk")[: MOST_FOUND + 1])
    tell_places(user, found)
    for person in found:
        person.place_here = next((place for place in person.places if place.structure_id == structure.pk), None)
    return found


def _others(user, structure):
    """The other structures to which they may attach somebody; support goes to each of them."""
    keys = held(ATTACH, user)
    if keys is None:
        return []
    mine = Structure.objects.filter(pk__in=keys, state=Structure.State.ACTIVE).exclude(pk=structure.pk)
    return list(mine.order_by(*BY_NAME)[:MOST_OTHERS])


def _attach(request, form, person):
    """Attach `person` as the form says; whether any of it was done. What was not is said."""
    places = [
        actions.Place(person, structure, whole_structure=not services, services=tuple(services), **form.terms)
        for structure, services in form.parts
    ]
    given = actions.attach_people(places, actor=request.user, comment=form.cleaned_data["comment"])
    if not given.done and len(given.skipped) == 1:
        form.refuse(given.skipped[0][1])
        return False
    if given.done:
        lines = [_done(place) for place in given.done] + ["Un courriel l'en informe."]
        # One note, however many structures.
        messages.success(request, format_html_join(mark_safe("<br>"), "{}", [(line,) for line in lines]))
    for place, refusal in given.skipped:
        messages.error(request, f"{place.structure} : {refusal}")
    return bool(given.done)


def _done(place):
    done = "Rattachement prévu" if place.standing == place.Standing.UPCOMING else "Rattachement fait"
    role = f"{place.get_role_display().lower()} {of(place.structure)}"
    done = f"{done} : {place.user}, {role} ({place.extent})."
    return f"{done} Sa demande, dossier n° {spaced(place.answered)}, est validée." if place.answered else done


def _asked(request, person, structures):
    """The requests of `person` that wait in these structures: attaching them there approves these."""
    waiting = AttachmentRequest.objects.pending().filter(user=person, structure__in=structures)
    asked = list(waiting.select_related("structure").order_by("pk")) if person else []
    for one in asked:
        one.may_examine = request.user.has_perm("attachments.decide_request", one)
    return asked


def _are_said(request, form, asked):
    """Whether the page said of each that it will be approved; else it does now, and nothing is done yet."""
    said = are_said(request, asked)
    if not said:
        words = "Cette personne a une demande en cours : lisez ce qui suit, puis rattachez de nouveau."
        form.add_error(None, ValidationError(words, code="not_yet_said"))
    return said


def _held(structure, person, form):
    """The place here of whoever was to be attached and already is."""
    for field in ("email", NON_FIELD_ERRORS):
        if form.has_error(field, "already_attached"):
            email = person.email if person else normalised_email(form.cleaned_data.get("email") or form.data["email"])
            return structure.attachments.lasting().filter(user__email=email).first()
    return None


def _is_counted(request, form):
    """Each try says whether an address has an account, and each success mails somebody."""
    counted = within(request, "attaching", settings.ATTACH_RATE, key="user")
    if not counted:
        form.add_error(None, "Vous avez saisi beaucoup d'adresses. Attendez une heure, puis recommencez.")
    return counted
