"""Who takes over what from whom, as it is being chosen: nothing is written before it is confirmed.

The choice is kept in the session, under a name that the address says: so hundreds of structures fit, two tabs choose
each for itself, and back and reload find it again. A link that leads here says its beginning: which structures, and
perhaps to whom, by a seal for one reader: changing the number in it shows nobody's name.
"""

from urllib.parse import urlencode

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.crypto import constant_time_compare, get_random_string, salted_hmac
from django.utils.functional import cached_property

from accounts.models import User, normalised_email
from attachments.models import Attachment, Handover, Role
from attachments.people import POSTAL, called, people_known_to
from plumbing.reach import reach
from plumbing.text import is_key, loose_pattern
from structures.models import Structure

TRANSFER = "attachments.transfer_principal"
# In the address of a link that leads here.
STRUCTURES, ALL, NEXT = "structures", "successeur", "suite"
# In the addresses of these pages.
NAME, DAY, FOR, WORDS = "choix", "date", "pour", "q"
# Where whoever hands over was going.
LEAVING, DEACTIVATING = "depart", "compte"
# Where the session keeps what was begun, and how many of them: those left aside longest are forgotten first.
KEPT, MOST_KEPT = "successions", 8
MOST_FOUND = 20


def seal(reader, person):
    """`person` in what is sent to `reader`, and comes back from nobody else."""
    digest = salted_hmac("succession", f"{reader.pk}:{person.pk}", algorithm="sha256").hexdigest()
    return f"{person.pk}-{digest[:16]}"


def sealed(reader, value):
    """The person of this seal; None when it is none, or somebody else's."""
    key = value.partition("-")[0]
    person = User.objects.filter(pk=int(key)).first() if is_key(key) else None
    return person if person and constant_time_compare(value, seal(reader, person)) else None


def begin(request):
    """Keep what a link says: its structures, all of their own when it names none. The name it is kept under."""
    user, query = request.user, request.GET
    keys = [int(key) for key in query.get(STRUCTURES, "").split(".") if is_key(key)]
    if STRUCTURES not in query and not user.is_staff:
        keys = list(_held_by(user).values_list("pk", flat=True))
    person = sealed(user, query.get(ALL, ""))
    following = query.get(NEXT, "") if query.get(NEXT) in (LEAVING, DEACTIVATING) else ""
    kept = {"structures": keys, "all": person and person.pk, "each": {}, "next": following}
    return _keep(request, get_random_string(8), kept)


def _keep(request, name, kept):
    begun = request.session.get(KEPT, {})
    begun.pop(name, None)
    begun[name] = kept
    request.session[KEPT] = dict(list(begun.items())[-MOST_KEPT:])
    return name


def begun(request):
    """The Succession that the address names; None when it names none, or one that is no longer kept."""
    kept = request.session.get(KEPT, {}).get(request.GET.get(NAME, ""))
    return Succession(request.user, request.GET, kept) if kept else None


def _held_by(user):
    return Structure.objects.filter(reach(TRANSFER, user)).order_by("legal_name_key", "pk")


class Succession:
    """What `user` is about to hand over: as it is `kept`, and as the `query` of a page completes it."""

    def __init__(self, user, query, kept):
        self.user, self.query, self.kept = user, query, kept
        # Never others than these: not even when none of them is theirs any more.
        self.keys, self.next = kept["structures"], kept["next"]
        self.words = query.get(WORDS, "")[:100].replace("\x00", "").strip()

    @cached_property
    def structures(self):
        """Those of them that `user` may hand over."""
        return list(_held_by(self.user).filter(pk__in=self.keys))

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
        """The managers of those asked for that `user` may not hand over, where they belong: these can.

        But for what `user` has handed over themselves, a moment ago maybe: whoever goes back is not told that it is
        for somebody else to do.
        """
        asked = set(self.keys) - {row.structure_id for row in self.done}
        mine = self.user.attachments.lasting().filter(structure__in=asked).exclude(role=Role.PRINCIPAL)
        managers = Attachment.objects.lasting().principal().filter(structure__in=mine.values("structure"))
        return list(managers.select_related("structure", "user").order_by("structure__legal_name_key"))

    @cached_property
    def rows(self):
        """Each structure with who leaves it (`place`), who takes it (`successor`), and what is `planned` already."""
        keys = [structure.pk for structure in self.structures]
        managed = Attachment.objects.current().principal().filter(structure__in=keys).select_related("user")
        places = {place.structure_id: place for place in managed}
        planned = Handover.objects.pending().filter(structure__in=keys).select_related("successor")
        planned = {row.structure_id: row for row in planned}
        each, all_ = self.kept["each"], self.kept["all"]
        people = User.objects.in_bulk({*each.values(), all_} - {None})
        for structure in self.structures:
            structure.place = places.get(structure.pk)
            structure.planned = planned.get(structure.pk)
            structure.successor = people.get(each.get(str(structure.pk), all_))
        return self.structures

    @property
    def successors(self):
        """What the actions take: {structure id: user id}."""
        return {row.pk: row.successor.pk for row in self.rows if row.successor}

    @property
    def is_complete(self):
        return bool(self.rows) and all(row.successor for row in self.rows)

    @property
    def undoable(self):
        """Those that can go back to whom they come from."""
        return [row for row in self.rows if row.place and row.place.user.state == User.State.ACTIVE]

    @property
    def for_good(self):
        """The others."""
        return [row for row in self.rows if row not in self.undoable]

    @property
    def is_of_several(self):
        return len(self.structures) > 1

    @property
    def seen(self):
        """What a page shows of the choice: posted with it, it tells whether another tab changed it meanwhile."""
        chosen = sorted(self.successors.items())
        return salted_hmac("succession seen", str(chosen), algorithm="sha256").hexdigest()[:16]

    @property
    def name(self):
        return self.query[NAME]

    @property
    def fields(self):
        """(name, value) of what a page's form carries along."""
        day = self.query.get(DAY, "")[:10]
        return [(NAME, self.name), *([(DAY, day)] if day else [])]

    @property
    def address(self):
        return urlencode(self.fields)

    @property
    def back(self):
        """The first page: what is gone too, it says what became of that."""
        return f"{reverse('attachments:succession')}?{self.address}"

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
            able = able.filter(called(loose_pattern(word), "first_name", "last_name", "email", *POSTAL))
        if not self.words:
            able = able.filter(is_there=True)
        return list(able.order_by("-is_there", "last_name", "first_name", "pk")[: MOST_FOUND + 1])

    @property
    def names_reader(self):
        """Whether whoever hands over looks for their own address."""
        return normalised_email(self.words) == self.user.email

    def found_by_address(self):
        """Whoever has an active account at exactly this login address; None for anybody else."""
        person = User.objects.filter(email=normalised_email(self.words), state=User.State.ACTIVE, is_staff=False)
        return person.exclude(pk=self.user.pk).first()

    def take(self, request, person):
        """Keep that this one is chosen: for the one structure, or for all, whoever was chosen before."""
        if self.chosen_for and self.is_of_several:
            chosen = {"each": self.kept["each"] | {str(self.chosen_for.pk): person.pk}}
        else:
            chosen = {"each": {}, "all": person.pk}
        _keep(request, self.name, self.kept | chosen)


def handovers_of(user):
    """What is their business and not over yet: planned, stopped with nobody named since, or still to contest.

    One row for each act, with its `count`.
    """
    if user.is_staff:
        return []
    mine = Handover.objects.concerning(user).select_related("structure", "outgoing", "successor", "named_by")
    acts = {}
    to_come = (mine.to_name_again(user) | mine.pending()).order_by("takes_effect_on", "pk")
    for row in [*to_come, *mine.undoable().order_by("pk")]:
        acts.setdefault((row.reference, row.status, row.outgoing_id == user.pk), []).append(row)
    for (_reference, _status, gives), rows in acts.items():
        rows[0].count, rows[0].gives = len(rows), gives
    return [rows[0] for rows in acts.values()]
