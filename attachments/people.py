"""The people of structures, as lists ask for them: by words, role, service, standing; sorted."""

from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from attachments.models import Attachment, AttachmentRequest, Deputy, Role
from plumbing.reach import held, reach
from plumbing.text import loose_pattern
from structures.models import Referent, Structure

VIEW_PEOPLE = "attachments.view_people"
# « tri » in the address: (what it is called, the order). The rest of each order makes it one order only.
SORTS = {
    "nom": ("Nom", ("user__last_name", "user__first_name", "pk")),
    "role": ("Rôle", ("role", "user__last_name", "user__first_name", "pk")),
    "debut": ("Date de début", ("-starts_on", "user__last_name", "pk")),
    "fin": ("Date de fin", ("ends_on", "user__last_name", "pk")),
}
# Of people over several structures.
SORTS_OF_PEOPLE = {
    "nom": ("Nom", ("last_name", "first_name", "pk")),
    "prenom": ("Prénom", ("first_name", "last_name", "pk")),
    "adresse": ("Adresse", ("email", "pk")),
    "compte": ("Statut du compte", ("state", "last_name", "first_name", "pk")),
}
# Columns whose words a criterion looks in, and how it is labelled.
CRITERIA = {
    "nom": ("last_name", "Nom"),
    "prenom": ("first_name", "Prénom"),
    "adresse": ("email", "Adresse de connexion"),
}

# The columns of somebody's postal address.
POSTAL = ("address", "complement_1", "complement_2", "postcode", "city")


def called(pattern, *columns):
    """The condition that one of these columns of a person holds `pattern`: their names, unless said."""
    condition = Q()
    for column in columns or ("first_name", "last_name"):
        condition |= Q(**{f"{column}__iregex": pattern})
    return condition


def typed(query, name):
    return query.get(name, "")[:100].replace("\x00", "").strip()


def chosen(query, name, choices):
    """What was chosen in a list of `choices`, empty when it is none of them."""
    value = query.get(name, "")
    return value if value in choices else ""


class PeopleOf:
    """The people of one structure, as the address asks for them."""

    def __init__(self, structure, query):
        self.structure = structure
        self.words = typed(query, "q")
        self.role = chosen(query, "role", Role.values)
        self.standing = chosen(query, "statut", Attachment.Standing.values)
        self.services = list(structure.services.order_by("label", "pk"))
        self.service = int(chosen(query, "service", [str(service.pk) for service in self.services]) or 0)
        self.sort = chosen(query, "tri", SORTS) or "nom"

    roles, standings = Role.choices, Attachment.Standing.choices

    @property
    def sorts(self):
        """(address, what it is called, whether it is the current one)"""
        return [(self._query(tri=value), label, value == self.sort) for value, (label, _) in SORTS.items()]

    @property
    def is_set(self):
        return bool(self.words or self.role or self.standing or self.service)

    @property
    def query(self):
        """What the address of the same list ends with."""
        return self._query()

    def _query(self, **other):
        return urlencode(self.asked | other)

    @property
    def asked(self):
        """What the address says of the list, by name."""
        asked = {"q": self.words, "role": self.role, "service": self.service, "statut": self.standing}
        asked |= {"tri": self.sort if self.sort != "nom" else ""}
        return {name: value for name, value in asked.items() if value}

    @property
    def rows(self):
        rows = self.structure.attachments.standing(self.standing).of_people(self.words)
        if self.role:
            rows = rows.filter(role=self.role)
        if self.service:
            rows = rows.filter(services=self.service)
        return rows.select_related("user").order_by(*SORTS[self.sort][1])


def tell_requests(structure, rows):
    """Give each of `rows` (places in `structure`) its person's `request` that waits there; None without one."""
    asked = requests_in(structure, [row.user_id for row in rows])
    for row in rows:
        row.request = asked.get(row.user_id)


def requests_in(structure, users):
    """The requests of these people that wait in `structure`, by their person's key."""
    waiting = AttachmentRequest.objects.pending().filter(structure=structure, user__in=users)
    return {request.user_id: request for request in waiting}


def tell_deputyships(user, places):
    """Give each of `user`'s own `places` its `deputyship`: their suppléance there, now or to come; None without one."""
    held = Deputy.objects.lasting().filter(deputy=user, structure__in=[place.structure_id for place in places])
    deputyships = {deputyship.structure_id: deputyship for deputyship in held}
    for place in places:
        place.deputyship = deputyships.get(place.structure_id)


def places_known_to(user):
    """The places that are not over, of the people `user` may know of."""
    keys = held(VIEW_PEOPLE, user)
    places = Attachment.objects.lasting()
    return places if keys is None else places.filter(structure__in=keys)


def people_known_to(user):
    """The people attached to the structures whose people `user` sees; everybody for support."""
    if user.is_staff:
        return User.objects.filter(anonymised_at=None)
    known = places_known_to(user).filter(user=OuterRef("pk")).order_by()
    return User.objects.filter(Exists(known))


def may_be_attached(person):
    """Whether anybody can attach this person to a structure: support is nowhere, nor is who left the portal."""
    return not person.is_staff and person.state not in (User.State.DISABLED, User.State.CLOSED)


def offered(user, places):
    """What a page offers to whoever attaches people in these `places`: accounts, or where the PIGP keeps them all, whom
    to ask for one.
    """
    structures = [place.structure for place in places if place.may_attach_people and place.structure.is_active]
    return {
        "attaches": user.is_staff or bool(structures),
        "creates": user.is_staff or not all(structure.uses_pigp for structure in structures),
        "account_keepers": referents_of(structures),
    }


def referents_of(structures):
    """The referents of those of `structures` whose accounts the PIGP keeps."""
    return Referent.objects.filter(pk__in=[one.referent_id for one in structures if one.uses_pigp])


def tell_changeable(user, places):
    """Give each of `places` its `may_change`: what « attachments.change_place » answers, unless it is over."""
    asked = [place.pk for place in places if place.standing != place.Standing.OVER]
    mine = Attachment.objects.filter(reach("attachments.change_place", user), pk__in=asked)
    keys = set(mine.values_list("pk", flat=True)) if asked else ()
    for place in places:
        place.may_change = place.pk in keys


class PeopleSought:
    """« Rechercher utilisateur »: people over the structures whose people `user` sees, as the address asks for them."""

    def __init__(self, user, query):
        self.user = user
        self.typed = {name: typed(query, name) for name in CRITERIA}
        self.state = chosen(query, "statut", User.State.values)
        self.structure, self.service = typed(query, "structure"), typed(query, "service")
        self.sort = chosen(query, "tri", SORTS_OF_PEOPLE) or "nom"

    @property
    def asked(self):
        """(name, value) of each criterion that is set."""
        asked = self.typed | {"statut": self.state, "structure": self.structure, "service": self.service}
        return {name: value for name, value in asked.items() if value}

    @property
    def sorts(self):
        """(address, what it is called, whether it is the current one)"""
        return [
            (urlencode(self.asked | {"tri": value}), label, value == self.sort)
            for value, (label, _) in SORTS_OF_PEOPLE.items()
        ]

    states = User.State.choices

    @property
    def fields(self):
        """(name, label, what is typed) of each criterion that is words."""
        named = [(name, label, self.typed[name]) for name, (_, label) in CRITERIA.items()]
        return [*named, ("structure", "Structure", self.structure), ("service", "Service", self.service)]

    @property
    def is_set(self):
        return bool(any(self.typed.values()) or self.state or self.structure or self.service)

    @property
    def query(self):
        return urlencode(self.asked | ({"tri": self.sort} if self.sort != "nom" else {}))

    @property
    def people(self):
        people = people_known_to(self.user)
        if self.user.is_staff and not self.is_set:
            # Everybody there is: that is no answer.
            return people.none()
        for name, (column, _) in CRITERIA.items():
            for word in self.typed[name].split():
                people = people.filter(**{f"{column}__iregex": loose_pattern(word)})
        if self.state:
            people = people.filter(state=self.state)
        if self.structure or self.service:
            people = people.filter(Exists(self._places.filter(user=OuterRef("pk")).order_by()))
        return people.order_by(*SORTS_OF_PEOPLE[self.sort][1])

    @property
    def _places(self):
        """The places that the criteria on structure and service ask for."""
        places = places_known_to(self.user)
        if self.structure:
            found = Structure.objects.called(self.structure).order_by()
            places = places.filter(structure__in=found.values("pk"))
        for word in self.service.split():
            places = places.filter(services__label__iregex=loose_pattern(word))
        return places


def tell_places(user, people):
    """Give each of `people` its `places` in the structures whose people `user` sees, with structure and services."""
    places = places_known_to(user).filter(user__in=[person.pk for person in people])
    theirs = {}
    for place in places.select_related("structure").prefetch_related("services").order_by("structure__legal_name_key"):
        theirs.setdefault(place.user_id, []).append(place)
    for person in people:
        person.places = theirs.get(person.pk, [])
