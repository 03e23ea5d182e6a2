"""« Dupliquer les droits »: what somebody has in a structure, given to others."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from attachments import actions
from attachments.events import duplication_asked
from attachments.models import Role
from attachments.people import called, people_known_to, requests_in, tell_places, typed
from attachments.views.parts import (
    CHANGING,
    MOST_SAID,
    are_said,
    keys_chosen,
    person_address,
    person_page,
    place_to_change,
    say_skipped,
)
from plumbing.facts import gather
from plumbing.requests import perform, within_many
from plumbing.text import loose_pattern
from structures.views.parts import PER_PAGE

# Posted once what follows was shown.
CONFIRMED = "confirme"


@require_http_methods(["GET", "HEAD", "POST"])
def duplicate_rights(request, pk, place_pk):
    """Tick, among the people one may know of, those who get the same; POST says what follows, then gives it."""
    place = place_to_change(request, pk, place_pk)
    people = people_known_to(request.user).exclude(pk__in=[place.user_id, request.user.pk]).exclude(is_staff=True)
    if request.method == "POST":
        return _duplicate(request, place, people.filter(pk__in=keys_chosen(request.POST)))
    words = typed(request.GET, "q")
    for word in words.split():
        people = people.filter(called(loose_pattern(word), "first_name", "last_name", "email"))
    if request.user.is_staff and not words:
        people = people.none()
    page = Paginator(people.order_by("last_name", "first_name", "pk"), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = shown = list(page.object_list)
    _tell_places_here(request.user, shown, pk)
    context = {"page": page, "people": shown, "words": words, "ticks_all": "cocher" in request.GET}
    return person_page(request, "attachments/duplicate_rights.html", place, context, below_person=True)


def _duplicate(request, place, chosen):
    """Say what follows for those chosen; then, once it was said, give it."""
    if not chosen:
        messages.error(request, "Cochez au moins une personne.")
        return redirect(request.get_full_path())
    asked = _asked(place.structure, chosen)
    if CONFIRMED not in request.POST or not are_said(request, asked):
        return _confirm(request, place, chosen, asked)
    # Each of them is mailed: counted with the other changes that mail somebody.
    if not within_many(request, CHANGING, settings.ATTACH_RATE, len(chosen), key="user"):
        messages.error(
            request, "Cela ferait beaucoup de changements. Cochez moins de personnes, ou attendez une heure."
        )
        return redirect(request.get_full_path())
    done, given = perform(
        request,
        actions.duplicate_place,
        place.pk,
        [person.pk for person in chosen],
        actor=request.user,
    )
    if done:
        _say(request, given)
    return redirect(person_address(request, place.structure_id, place.pk))


def _asked(structure, chosen):
    """The requests that wait there of those of `chosen` who have no place yet: giving them one approves these."""
    held = structure.attachments.lasting().values("user")
    return list(requests_in(structure, chosen.exclude(pk__in=held)).values())


def _confirm(request, place, chosen, asked):
    """What each of them would get, before anything is done and anybody mailed."""
    people = list(chosen.order_by("last_name", "first_name", "pk"))
    _tell_places_here(request.user, people, place.structure_id)
    waiting = {one.user_id: one for one in asked}
    for person in people:
        person.gains = _gains(place, person.place_here) if person.place_here else []
        person.request = waiting.get(person.pk)
    context = {
        "newcomers": [person for person in people if not person.place_here],
        "widened": [person for person in people if person.gains],
        "same": [person for person in people if person.place_here and not person.gains],
        "asked": asked,
        "came_meanwhile": CONFIRMED in request.POST,
        "keys": [person.pk for person in people],
        "also": gather(duplication_asked, source=place, actor=request.user),
    }
    return person_page(request, "attachments/confirm_duplicate.html", place, context, below_person=True)


def _gains(source, held):
    """What `held`, somebody's place, lacks of what `source` gives: in words."""
    gains = []
    if source.role == Role.SECONDARY and held.role == Role.SIMPLE:
        gains.append(source.get_role_display())
    if source.whole_structure and not held.whole_structure:
        gains.append(source.full_part)
    elif not held.whole_structure:
        gains += [service.label for service in source.services.all() if service not in held.services.all()]
    return gains


def _tell_places_here(user, people, structure_pk):
    """Give each of `people` its `place_here`, in this structure; None without one."""
    tell_places(user, people)
    for person in people:
        person.place_here = next((held for held in person.places if held.structure_id == structure_pk), None)


def _say(request, given):
    count = len(given.done)
    if count:
        named = ", ".join(str(place.user) for place in given.done[:MOST_SAID])
        more = f" et {count - MOST_SAID} de plus" if count > MOST_SAID else ""
        messages.success(request, f"Droits dupliqués : {named}{more}. Un courriel en informe chacun.{_answered(given)}")
    say_skipped(request, [_why(place.user, refusal) for place, refusal in given.skipped])


def _answered(given):
    """The requests approved by the way, as the sentence that says how many."""
    count = sum(bool(place.answered) for place in given.done)
    if count > 1:
        return f" {count} demandes en attente sont validées."
    return " Une demande en attente est validée." if count else ""


def _why(person, refusal):
    """Why nothing changes for somebody: some refusals name them already."""
    said = str(refusal)
    return said if str(person) in said else f"{person} : rien ne change. {said}"
