"""What home and « Organisation » show of one person's structures and work. Only reads, and holds no rule."""

from collections import Counter
from datetime import timedelta

from django.db.models import Count, Q, prefetch_related_objects
from django.urls import reverse
from django.utils import timezone

from attachments.deciders import annotate_deciders
from attachments.models import Attachment, Deputy, Role, soon
from history.models import Event, HistoryEntry
from plumbing.reach import reach
from spaces.desk import SpacesDesk
from structures.models import BankAccount, Service, Structure

REFUSALS_STAY = timedelta(weeks=4)
ENDING_SHOWN = 5
# Work a person recognises as theirs, and how it is drawn: (tone, icon). What follows from it by itself is left out.
DEEDS = {
    Event.REQUEST_APPROVED: ("ok", "check"),
    Event.REQUEST_REFUSED: ("late", "cross"),
    Event.REQUEST_SENT: ("", "mail"),
    Event.ROLE_CHANGED: ("", "person"),
    Event.PRINCIPAL_DESIGNATED: ("", "person"),
    Event.ATTACHMENT_ENDED: ("", "exit"),
    Event.STRUCTURE_CREATED: ("", "building"),
    Event.STRUCTURE_CHANGED: ("", "pencil"),
    Event.STRUCTURE_UPDATED: ("", "refresh"),
    Event.STRUCTURE_ACTIVATED: ("", "check"),
    Event.STRUCTURE_DEACTIVATED: ("", "dash"),
    Event.IDENTIFIER_CHANGED: ("", "pencil"),
    Event.SERVICE_CREATED: ("", "plus"),
    Event.SERVICE_CHANGED: ("", "pencil"),
    Event.SERVICE_ACTIVATED: ("", "check"),
    Event.SERVICE_DEACTIVATED: ("", "dash"),
    Event.BANK_ACCOUNT_CREATED: ("", "bank"),
    Event.BANK_ACCOUNT_CHANGED: ("", "bank"),
    Event.BANK_ACCOUNT_ACTIVATED: ("", "bank"),
    Event.BANK_ACCOUNT_DEACTIVATED: ("", "bank"),
}


def places_of(desk):
    """The attachments in force of this Desk's person, those that wait first: each with `waiting`, the dossiers that
    wait for them, and where they are decided.
    """
    places = list(desk.user.attachments.effective().with_rights().select_related("structure"))
    requests = lines = {}
    if any(place.may_decide_requests for place in places):
        requests = _per_structure(desk.awaiting)
    if any(place.may_decide_subscriptions for place in places):
        lines = SpacesDesk(desk.user, desk=desk).per_structure()
    for place in places:
        places_asked, spaces_asked = requests.get(place.structure_id, 0), lines.get(place.structure_id, 0)
        place.waiting = places_asked + spaces_asked
        place.waiting_address = _address_of(place, places_asked, spaces_asked)
        place.manages = place.may_decide_requests or place.may_decide_subscriptions or place.may_attach_people
        place.is_principal = place.role == Role.PRINCIPAL
    return sorted(places, key=lambda place: -place.waiting)


def _address_of(place, places_asked, spaces_asked):
    """Where what waits there is decided: the list of its kind, or the page of both."""
    if places_asked and spaces_asked:
        return reverse("attachments:activities")
    name = "spaces:subscription_requests" if spaces_asked else "attachments:pending_requests"
    return f"{reverse(name)}?structure={place.structure_id}"


def with_counts(places):
    """The same `places`, each with its services, its principal and how much of each thing there is."""
    prefetch_related_objects(places, "services")
    structures = [place.structure_id for place in places]
    services = _per_structure(Service.objects.open().filter(structure__in=structures))
    accounts = _per_structure(BankAccount.objects.open().filter(structure__in=structures))
    attached = Attachment.objects.effective().filter(structure__in=structures)
    people = Attachment.objects.counted(structures)
    principals = {found.structure_id: found.user for found in attached.principal().select_related("user")}
    for place in places:
        place.service_count = services.get(place.structure_id, 0)
        place.account_count = accounts.get(place.structure_id, 0)
        place.people_count = people.get(place.structure_id, 0)
        place.principal = principals.get(place.structure_id)
    return places


def requests_of(user, places):
    """What this person asked for: refusals not yet answered, then pending requests with who can decide each."""
    asked = user.attachment_requests.to_follow().select_related("structure").order_by("-status", "-created_at", "-pk")
    since, held = timezone.now() - REFUSALS_STAY, {place.structure_id: place.created_at for place in places}
    shown = []
    for request in asked:
        if not request.is_pending:
            place_given_at = held.get(request.structure_id)
            if request.decided_at < since or (place_given_at and place_given_at > request.decided_at):
                continue
            request.may_resend = request.structure.is_active and (
                not request.structure.keeps_private or request.structure_id in held
            )
        shown.append(request)
    annotate_deciders(shown)
    return shown


def to_come(user, places):
    """(their attachments that begin or end soon; those of others that end soon and they may extend; how many more, as
    (structure, number)).
    """
    today = timezone.localdate()
    mine = user.attachments.lasting().filter(Q(starts_on__gt=today) | Q(ends_on__lte=soon()))
    ending = Attachment.objects.effective().filter(ends_on__lte=soon())
    found, more = [], []
    if any(place.may_attach_people for place in places):
        ending = ending.filter(reach("attachments.change_place", user))
        ending = ending.select_related("user", "structure").order_by("ends_on", "pk")
        found = list(ending[:ENDING_SHOWN])
        if len(found) == ENDING_SHOWN:
            more = _rest(_per_structure(ending), found)
    return list(mine.select_related("structure").order_by("starts_on")[:5]), found, more


def _rest(counts, found):
    """(structure, how many are not among `found`) of each where some are not, from how many there are in each."""
    rest = Counter(counts)
    rest.subtract(place.structure_id for place in found)
    structures = Structure.objects.in_bulk([key for key, number in rest.items() if number])
    return [(structures[key], number) for key, number in rest.most_common() if number]


def deputies_of(user, places):
    """Whom they stand in for, and who stands in for them: now or from a day to come."""
    managed = [place.structure_id for place in places if place.is_principal]
    held = Deputy.objects.lasting().filter(Q(deputy=user) | Q(structure__in=managed))
    return list(held.select_related("deputy", "structure").order_by("starts_on", "pk")[:5])


def deeds_of(user, number):
    """The last things this person did, newest first, each with `tone`, `drawing` and what it was `about`."""
    done = HistoryEntry.objects.filter(actor=user, event__in=DEEDS).select_related("subject", "structure")
    entries = list(done[:number])
    for entry in entries:
        entry.tone, entry.drawing = DEEDS[entry.event]
        entry.about = entry.data.get("name") or (entry.subject if entry.subject_id != user.pk else "")
    return entries


def _per_structure(rows):
    return dict(rows.order_by().values_list("structure").annotate(Count("pk")))
