"""Who takes over what from whom, as the address says it: nothing is written before it is confirmed.

The address is the whole state, so the pages work without JavaScript, in two tabs, and after an error. A person in it
is a seal for one reader: changing the number in it shows nobody's name.
"""

from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.functional import cached_property

from accounts.models import User, normalised_email
from attachments.models import Attachment, Handover, Role
from attachments.people import called, people_known_to
from plumbing.reach import reach
from plumbing.text import is_key, loose_pattern
from structures.models import Structure

TRANSFER = "attachments.transfer_principal"
# In the address.
STRUCTURES, ALL, ONE, DAY, NEXT, FOR, WORDS = "structures", "successeur", "s", "date", "suite", "pour", "q"
# Where whoever hands over was going.
LEAVING, DEACTIVATING = "depart", "compte"
MOST_FOUND = 20


def seal(reader, person):
    """`person` in an address that only `reader` can use."""
    digest = salted_hmac("succession", f"{reader.pk}:{person.pk}", algorithm="sha256").hexdigest()
    return f"{person.pk}-{digest[:16]}"


class Succession:
    """What `user` is about to hand over, as `query` says."""

    def __init__(self, user, query):
        self.user, self.query = user, query
        # Once the address says which structures, it never means others: not even when none of these is theirs any more.
        self.is_bound = STRUCTURES in query
        self.keys = [int(key) for key in query.get(STRUCTURES, "").split(".") if is_key(key) and int(key)]
        self.next = query.get(NEXT, "") if query.get(NEXT) in (LEAVING, DEACTIVATING) else ""
        self.words = query.get(WORDS, "")[:100].replace("\x00", "").strip()

    @cached_property
    def structures(self):
        """Those `user` may hand over, among those asked for; all of their own when the address names none."""
        held = Structure.objects.filter(reach(TRANSFER, self.user)).order_by("legal_name_key", "pk")
        if not self.is_bound and self.user.is_staff:
            return []
        return list(held.filter(pk__in=self.keys) if self.is_bound else held)

    @cached_property
    def gone(self):
        """The keys of those asked for that `user` may not hand over, or no longer."""
        return set(self.keys) - {structure.pk for structure in self.structures}

    @cached_property
    def done(self):
        """The Handovers by which `user` handed over those that are gone: the last one of each."""
        given = Handover.objects.filter(outgoing=self.user, structure__in=self.gone, status=Handover.Status.DONE)
        given = given.select_related("structure", "successor", "named_by").order_by("done_at", "pk")
        return list({row.structure_id: row for row in given}.values())

    @cached_property
    def others(self):
        """The managers of those asked for that `user` may not hand over, where they belong: these can."""
        mine = self.user.attachments.lasting().filter(structure__in=self.keys).exclude(role=Role.PRINCIPAL)
        managers = Attachment.objects.lasting().principal().filter(structure__in=mine.values("structure"))
        return list(managers.select_related("structure", "user").order_by("structure__legal_name_key"))

    @cached_property
    def _people(self):
        """The people in the address, by their seal."""
        sealed = {value for name, value in self.query.items() if name == ALL or name.startswith(ONE)}
        keys = {value: value.partition("-")[0] for value in sealed}
        found = User.objects.in_bulk([int(key) for key in keys.values() if is_key(key)])
        people = {value: found.get(int(key)) for value, key in keys.items() if is_key(key)}
        return {
            value: person
            for value, person in people.items()
            if person and constant_time_compare(value, seal(self.user, person))
        }

    @cached_property
    def rows(self):
        """Each structure with who leaves it (`place`), who takes it (`successor`), and what is `planned` already."""
        keys = [structure.pk for structure in self.structures]
        managed = Attachment.objects.current().principal().filter(structure__in=keys).select_related("user")
        places = {place.structure_id: place for place in managed}
        planned = Handover.objects.pending().filter(structure__in=keys).select_related("successor")
        planned = {row.structure_id: row for row in planned}
        for structure in self.structures:
            structure.place = places.get(structure.pk)
            structure.planned = planned.get(structure.pk)
            own = self._people.get(self.query.get(f"{ONE}{structure.pk}", ""))
            structure.successor = own or self._people.get(self.query.get(ALL, ""))
            structure.choose = self.address_with(**{FOR: structure.pk})
        return self.structures

    @property
    def successors(self):
        """What the actions take: {structure id: user id}."""
        return {row.pk: row.successor.pk for row in self.rows if row.successor}

    @property
    def is_complete(self):
        return bool(self.rows) and all(row.successor for row in self.rows)

    @property
    def is_of_several(self):
        return len(self.structures) > 1

    def _said(self, **other):
        """What the address ends with, but for `other`; every structure is in it, so that it means the same later."""
        keys = [row.pk for row in self.structures] or sorted(self.keys) or [0]
        said = {STRUCTURES: ".".join(map(str, keys)), DAY: self.query.get(DAY, "")[:10]}
        said |= {ALL: self.query.get(ALL, ""), NEXT: self.next}
        said |= {f"{ONE}{row.pk}": self.query.get(f"{ONE}{row.pk}", "") for row in self.structures}
        return {name: value for name, value in (said | other).items() if value}

    def address_with(self, **other):
        return urlencode(self._said(**other))

    @property
    def address(self):
        return self.address_with()

    @property
    def fields(self):
        """(name, value) of what a form carries along: all but the day, which it asks."""
        return [pair for pair in self._said().items() if pair[0] != DAY]

    @property
    def carried(self):
        """As `fields`, with the day."""
        return list(self._said().items())

    @property
    def back(self):
        """The first page, with what is gone: it says what became of that."""
        keys = sorted({row.pk for row in self.structures} | self.gone)
        asked = self.address_with(**{STRUCTURES: ".".join(map(str, keys))}) if keys else self.address
        return f"{reverse('attachments:succession')}?{asked}"

    @property
    def cancel_address(self):
        """Where they came from."""
        if self.next == DEACTIVATING:
            return reverse("accounts:deactivate")
        if self.user.is_staff or (len(self.structures) == 1 and not self.next):
            return reverse("structures:structure", args=[self.structures[0].pk])
        return reverse("attachments:my_attachments")

    @cached_property
    def chosen_for(self):
        """The one structure for which somebody is chosen; None for all of them."""
        return next((row for row in self.rows if str(row.pk) == self.query.get(FOR, "")), None)

    @property
    def concerned(self):
        return [self.chosen_for] if self.chosen_for else self.rows

    @cached_property
    def found(self):
        """Who can take over: people of these structures, then others `user` may know of; without words, the former."""
        able = people_known_to(self.user).filter(state=User.State.ACTIVE, is_staff=False)
        leaving = {row.place.user_id for row in self.concerned if row.place}
        # Nobody hands over to whom it is already; with several, somebody may take what another one leaves.
        able = able.exclude(pk__in=leaving) if len(leaving) == 1 else able
        there = Attachment.objects.lasting().filter(
            structure__in=[row.pk for row in self.concerned], user=OuterRef("pk")
        )
        able = able.annotate(is_there=Exists(there.order_by()))
        for word in self.words.split():
            able = able.filter(called(loose_pattern(word), "first_name", "last_name", "email"))
        if not self.words:
            able = able.filter(is_there=True)
        return list(able.order_by("-is_there", "last_name", "first_name", "pk")[: MOST_FOUND + 1])

    def found_by_address(self):
        """Whoever has an active account at exactly this login address; None for anybody else."""
        person = User.objects.filter(email=normalised_email(self.words), state=User.State.ACTIVE, is_staff=False)
        return person.exclude(pk=self.user.pk).first()

    def take(self, person):
        """The address once this one is chosen: for the one structure, or for all, whoever was chosen before."""
        if self.chosen_for and self.is_of_several:
            return self.address_with(**{f"{ONE}{self.chosen_for.pk}": seal(self.user, person)})
        none_else = {f"{ONE}{row.pk}": "" for row in self.structures}
        return self.address_with(**none_else, **{ALL: seal(self.user, person)})


def handovers_of(user):
    """What is their business and not over yet: planned, or still to contest. One row for each act, with its `count`."""
    if user.is_staff:
        return []
    mine = Handover.objects.concerning(user).select_related("structure", "outgoing", "successor", "named_by")
    acts = {}
    for row in [*mine.pending().order_by("takes_effect_on", "pk"), *mine.undoable().order_by("pk")]:
        acts.setdefault((row.reference, row.status, row.outgoing_id == user.pk), []).append(row)
    for (_reference, _status, gives), rows in acts.items():
        rows[0].count, rows[0].gives = len(rows), gives
    return [rows[0] for rows in acts.values()]
