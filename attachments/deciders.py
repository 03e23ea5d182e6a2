"""Who decides on a structure. A principal manager counts once their account has been active (« confirmed »)."""

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property

from attachments.models import MANAGERS, Attachment, AttachmentRequest, Right, Role


class Managers:
    """Those who manage one structure, today or from a day to come: the principal's place first, then who stands in."""

    def __init__(self, places):
        today = timezone.localdate()
        self.principal_place = next((place for place in places if place.role == Role.PRINCIPAL), None)
        # In force, and able to log in.
        in_force = [place for place in places if place.starts_on <= today and place.user.is_active]
        self.has_managers = bool(in_force)
        # The people who can decide requests today.
        self.deciders = [place.user for place in in_force if place.may_decide_requests]
        # Those who attach people there today, and see to what their places become.
        self.attachers = [place.user for place in in_force if place.may_attach_people]
        self.acting_principal = next((place.user for place in in_force if place.role == Role.PRINCIPAL), None)
        self.deputy = next((place.user for place in in_force if place.stands_in), None)

    @property
    def confirmed_principal(self):
        """The principal manager, when they have been active; None otherwise."""
        place = self.principal_place
        return place.user if place and place.user.was_ever_active else None

    @property
    def leave_room(self):
        """Whether there is no principal manager, or one nobody has seen while nobody else can decide."""
        return not self.principal_place or not (self.confirmed_principal or self.has_managers)

    def besides(self, user_id):
        """Who can decide what this person asks for: nobody decides their own."""
        return [person for person in self.deciders if person.pk != user_id]

    @property
    def cause(self):
        """Why nobody can decide; with people who can, that they are the person who asks."""
        place = self.principal_place
        if self.deciders:
            return "La seule personne qui décide est le demandeur"
        if place is None:
            return "Aucun gestionnaire principal"
        if not place.user.was_ever_active:
            return "Le gestionnaire principal n'a jamais activé son compte"
        return f"Le compte du gestionnaire principal est {place.user.get_state_display().lower()}"


def managers_by_structure(structure_ids):
    """The Managers of each of these structures, by its key: none for those that nobody manages."""
    places = Attachment.objects.lasting().with_rights(Right.DECIDE_REQUESTS, Right.ATTACH_PEOPLE)
    places = places.filter(Q(role__in=MANAGERS) | Q(stands_in=True), structure__in=structure_ids)
    there = {}
    for place in sorted(places.select_related("user"), key=_rank):
        there.setdefault(place.structure_id, []).append(place)
    return {key: Managers(places) for key, places in there.items()}


def _rank(place):
    return place.role != Role.PRINCIPAL, not place.stands_in, place.pk


def managers_of(structure):
    return managers_by_structure([structure.pk]).get(structure.pk) or Managers([])


def is_open_to_first_comer(structure, managers=None):
    """Whether the next person to come with an active account becomes principal manager of `structure`.

    So it is on a private structure that leaves room for one (domain: registration).
    """
    if structure.is_public or not structure.is_active:
        return False
    return (managers or managers_of(structure)).leave_room


def annotate_deciders(requests):
    """Give each of `requests` its `deciders`, people by role, and its `cause`: why there are none, else empty."""
    managers = managers_by_structure({request.structure_id for request in requests})
    for request in requests:
        there = managers.get(request.structure_id) or Managers([])
        request.deciders = there.besides(request.user_id)
        request.cause = "" if request.deciders else there.cause


class Desk:
    """What one person decides. Worked out once a page: its menu and its list ask the same."""

    def __init__(self, user):
        self.user = user

    @cached_property
    def _places(self):
        """Their places where they may do something for others today."""
        places = self.user.attachments.effective().with_rights().select_related("structure").order_by()
        places = places.only("user", "role", "structure__label", "structure__legal_name")
        return [place for place in places if place.may(*Right)]

    def may(self, right):
        """The name of each structure where they have this Right today, by its key."""
        return {place.structure_id: str(place.structure) for place in self._places if place.may(right)}

    @property
    def manages(self):
        """Whether they may do anything for others anywhere."""
        return self.user.is_staff or bool(self._places)

    @cached_property
    def structures(self):
        """The name of each structure whose requests they decide today, by its key."""
        return self.may(Right.DECIDE_REQUESTS)

    @property
    def principal_of(self):
        """The keys of the structures whose principal manager they are."""
        return [place.structure_id for place in self._places if place.role == Role.PRINCIPAL]

    @property
    def awaiting(self):
        """The requests that wait for them."""
        if self.user.is_staff:
            return AttachmentRequest.objects.awaiting(self.user)
        return AttachmentRequest.objects.pending().filter(structure__in=list(self.structures)).exclude(user=self.user)

    @property
    def decided(self):
        """What was decided on their structures, on all for support."""
        decided = AttachmentRequest.objects.decided()
        return decided if self.user.is_staff else decided.filter(structure__in=list(self.structures))

    @property
    def known(self):
        """All requests they may know of, whatever became of them: nobody decides their own."""
        requests = AttachmentRequest.objects.exclude(user=self.user)
        return requests if self.user.is_staff else requests.filter(structure__in=list(self.structures))

    @cached_property
    def waiting(self):
        """How many requests wait; None for somebody who decides nothing anywhere."""
        return self.awaiting.count() if self.user.is_staff or self.structures else None
