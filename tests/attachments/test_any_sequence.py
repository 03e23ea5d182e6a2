"""Any sequence of acts keeps what must always hold, and is refused by ActionError alone.

The suite tries a few; a long run, of another seed, by hand: HYPOTHESIS_EXAMPLES=2000 HYPOTHESIS_SEED=7. It prints which
acts succeeded and which were refused, and why (`-s`); then each of them must have succeeded.
"""

import functools
import os
from collections import Counter
from datetime import timedelta
from itertools import count

import hypothesis
import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.actions import (
    activate_account,
    close_overdue,
    deactivate_account,
    deactivate_own_account,
    reactivate_account,
    reactivate_own_account,
    register_account,
)
from accounts.actions.endings import close_never_activated
from accounts.links import Purpose, make_token
from accounts.models import User
from attachments import actions
from attachments.invariants import INVARIANTS, broken
from attachments.models import Attachment, AttachmentRequest, Deputy, Handover, Right, Role
from plumbing.batches import Batch
from plumbing.errors import ActionError
from spaces import actions as space_actions
from spaces.models import Access, Grant, Reach, Space, StructureSpace, Subscription
from structures.actions import activate_structure, change_identifier, deactivate_structure
from structures.models import Structure
from support import actions as tickets
from support.models import Ticket
from tests.factories import (
    AttachmentFactory,
    ServiceFactory,
    StructureFactory,
    TicketFileFactory,
    UserFactory,
    establishments,
    siret_number,
)

EXAMPLES, STEPS = int(os.environ.get("HYPOTHESIS_EXAMPLES", 3)), 50
# Of so many examples every act succeeds once.
ENOUGH = 8
DAY = timedelta(days=1)
which = st.integers(0, 11)
days = st.sampled_from([None, None, None, 0, 1, 3, 40])
roles = st.sampled_from(Role)
whole = st.booleans()
# Who acts: mostly somebody who may.
whose = st.sampled_from(["theirs", "theirs", "theirs", "support", "anybody"])
addresses = count()
# What they are called, how they are done and with what.
ACTS = {}
# These need others before them, or people who fit: they come more often.
MORE = ("transfer", "plan", "plan", "cancel", "contest", "contest", "duplicate", "approve", "attach")
MORE += ("leave", "claim", "object_to_claim")
# What the nights do by themselves.
BY_THEMSELVES = ("carry_out", "run_out", "close", "lapse")


def on(number):
    return None if number is None else timezone.localdate() + number * DAY


def one(rows, number):
    """One of the rows there are, by number; a step about none is refused."""
    rows = list(rows.order_by("pk"))
    if not rows:
        raise ActionError("none", "Il n'y en a pas.")
    return rows[number % len(rows)]


def mostly(rows, others, number):
    """One of `rows`, where there are any; of the `others` too, by the last number."""
    return one(others if number == 11 or not rows.exists() else rows, number)


def act(**drawn):
    """One of the acts there are, with what is drawn for it."""

    def of(method):
        ACTS[method.__name__] = method, st.fixed_dictionaries(drawn)
        return method

    return of


@functools.cache
def all_invariants(today):
    """(SQL, its parameters) that says whether any is broken: made once for each day, asked after each act."""
    queries = [one.rows().order_by().values("pk").query.sql_with_params() for one in INVARIANTS]
    sql = " OR ".join(f"EXISTS ({query})" for query, _ in queries)
    return f"SELECT {sql}", [value for _, values in queries for value in values]


def build_world():
    """Structures with their people and requests that wait; one without principal manager, one whose was never seen."""
    now = timezone.now()
    managed = [StructureFactory(nature=nature) for nature in ("public", "private", "public")]
    free, unseen = StructureFactory(nature="private"), StructureFactory(nature="private")
    for structure in (*managed, free, unseen):
        ServiceFactory.create_batch(2, structure=structure)
    first, second, third, fourth, *_free = UserFactory.create_batch(7)
    for structure, principal in zip(managed, (first, first, second), strict=True):
        AttachmentFactory(user=principal, structure=structure, role=Role.PRINCIPAL)
        AttachmentFactory(user=third, structure=structure, role=Role.SECONDARY)
        place = AttachmentFactory(user=fourth, structure=structure, whole_structure=False)
        place.services.set(structure.services.all()[:1])
    AttachmentFactory(structure=managed[0], ends_on=on(2))
    newcomer = UserFactory(activating=True, activation_sent_at=now)
    AttachmentFactory(user=newcomer, structure=unseen, role=Role.PRINCIPAL, role_since=now - 5 * DAY)
    UserFactory.create_batch(2, state=User.State.DISABLED, deactivated_at=now - 60 * DAY)
    for structure in (*managed, managed[0]):
        user = UserFactory(pending=True)
        actions.send_request(user, structure, actor=user)


class AnySequence(RuleBasedStateMachine):
    """Always from the same world: each example is one transaction, undone at its end."""

    support = None
    done = Counter()
    refused = Counter()

    def __init__(self):
        super().__init__()
        self.pack = []
        self.example = transaction.atomic()
        self.example.__enter__()
        self.clock = time_machine.travel(timezone.now(), tick=False)
        self.clock_now = self.clock.start()

    def teardown(self):
        self.clock.stop()
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    @rule(number=st.integers(0, 99), data=st.data())
    def any_act(self, number, data):
        """The next of all acts, in any order: each comes before any comes again, which Hypothesis would not see to."""
        self.pack = self.pack or [*ACTS, *MORE]
        kind = self.pack.pop(number % len(self.pack))
        method, drawn = ACTS[kind]
        values = data.draw(drawn, label=kind)
        try:
            # Undone when it is refused, as each action is by itself.
            with transaction.atomic():
                # They look at the clock anew.
                self.clock_now.shift(timedelta(seconds=1))
                done = method(self, **values)
                if done is False or (isinstance(done, Batch) and not done.done):
                    raise ActionError("nothing_done", "Rien n'a été fait.")
        except ActionError as refusal:
            assert kind != "nights_pass", "nobody is there to read a refusal"
            self.refused[kind, refusal.code] += 1
        else:
            self.done[kind] += 1

    def structure(self, number):
        return mostly(Structure.objects.filter(state=Structure.State.ACTIVE), Structure.objects.all(), number)

    def person(self, number, state=User.State.ACTIVE):
        people = User.objects.filter(is_staff=False)
        return mostly(people.filter(state=state), people, number)

    def newcomer(self, number, there):
        """Mostly one who can log in and is not attached there."""
        people = User.objects.filter(is_staff=False)
        held = there.attachments.current().values("user")
        return mostly(people.filter(state=User.State.ACTIVE).exclude(pk__in=held), people, number)

    def place(self, number):
        """Mostly one that its managers may change."""
        others = Attachment.objects.lasting().exclude(role=Role.PRINCIPAL)
        return mostly(others, Attachment.objects.current(), number)

    def actor(self, whose, number, theirs):
        """Support, anybody who can log in, or mostly one of `theirs`, the ids of those who may."""
        if whose == "support":
            return self.support
        able = User.objects.filter(state=User.State.ACTIVE, is_staff=False)
        theirs = able.filter(pk__in=theirs)
        return one(theirs if whose == "theirs" and theirs.exists() else able, number)

    def manager(self, whose, number, there):
        return self.actor(whose, number, there.attachments.lasting().managers().values("user"))

    def principal(self, whose, number, there):
        return self.actor(whose, number, there.attachments.current().principal().values("user"))

    def part(self, structure, is_whole, number):
        services = [] if is_whole else list(structure.services.all())[: 1 + number % 2]
        return {"whole_structure": is_whole, "services": tuple(services)}

    @invariant()
    def everything_holds(self):
        with connection.cursor() as cursor:
            cursor.execute(*all_invariants(timezone.localdate()))
            any_broken = cursor.fetchone()[0]
        assert not any_broken, [(one.name, keys) for one, keys in broken()]

    # Accounts.

    @act(structure=which, is_whole=whole)
    def register(self, structure, is_whole):
        person = {"first_name": "Zoé", "last_name": "Petit", "phone": "", "contact_email": "", "survey_consent": False}
        there = self.structure(structure)
        user = register_account(email=f"nouveau{next(addresses)}@exemple.example", **person)
        actions.send_request(user, there, actor=user, **self.part(there, is_whole, structure))

    def use_link(self, user, purpose, use):
        secrets = {"password": "un bon mot de passe", "secret_question": "pet", "secret_answer": "Rex"}
        use(make_token(user, purpose), **secrets)

    @act(person=which)
    def activate(self, person):
        self.use_link(self.person(person, User.State.ACTIVATING), Purpose.ACTIVATION, activate_account)

    @act(person=which)
    def reactivate_oneself(self, person):
        self.use_link(self.person(person, User.State.DISABLED), Purpose.REACTIVATION, reactivate_own_account)

    @act(person=which)
    def reactivate(self, person):
        reactivate_account(self.person(person, User.State.DISABLED).pk, actor=self.support)

    @act(person=which, by_support=whole)
    def deactivate(self, person, by_support):
        user = self.person(person)
        if by_support:
            deactivate_account(user.pk, actor=self.support)
        else:
            deactivate_own_account(user)

    # Requests.

    @act(person=which, structure=which, is_whole=whole, starts=days, lasts=days)
    def ask(self, person, structure, is_whole, starts, lasts):
        user, there = self.person(person), self.structure(structure)
        if not user.is_active:
            raise ActionError("none", "Cette personne ne se connecte pas.")
        terms = self.part(there, is_whole, person)
        actions.send_request(user, there, actor=user, starts_on=on(starts), ends_on=on(lasts), **terms)

    @act(
        whose=whose,
        actor=which,
        request=which,
        role=roles,
        as_asked=whole,
        is_whole=whole,
    )
    def approve(self, whose, actor, request, role, as_asked, is_whole):
        asked = one(AttachmentRequest.objects.pending(), request)
        part = None if as_asked else tuple(self.part(asked.structure, is_whole, request).values())
        manager = self.manager(whose, actor, asked.structure)
        return actions.approve_requests([asked.pk], actor=manager, role=role, part=part)

    @act(whose=whose, actor=which, request=which)
    def refuse(self, whose, actor, request):
        asked = one(AttachmentRequest.objects.pending(), request)
        actions.refuse_request(asked.pk, actor=self.manager(whose, actor, asked.structure), reason="Non.")

    @act(request=which)
    def withdraw(self, request):
        asked = one(AttachmentRequest.objects.pending(), request)
        actions.withdraw_request(asked.pk, actor=asked.user)

    # Attachments.

    @act(whose=whose, actor=which, person=which, structure=which, role=roles, is_whole=whole, starts=days, lasts=days)
    def attach(self, whose, actor, person, structure, role, is_whole, starts, lasts):
        there = self.structure(structure)
        terms = self.part(there, is_whole, person)
        dates = {"starts_on": on(starts), "ends_on": on(lasts)}
        place = actions.Place(self.newcomer(person, there), there, role=role, **dates, **terms)
        if place.ends_on and place.ends_on < (place.starts_on or timezone.localdate()):
            raise ActionError("dates_order", "Le formulaire le refuse.")
        return actions.attach_people([place], actor=self.manager(whose, actor, there))

    @act(whose=whose, actor=which, place=which, role=roles, is_whole=whole, starts=days, lasts=days)
    def change(self, whose, actor, place, role, is_whole, starts, lasts):
        held = self.place(place)
        terms = self.part(held.structure, is_whole, place)
        dates = {"starts_on": on(starts) or held.starts_on, "ends_on": on(lasts)}
        manager = self.manager(whose, actor, held.structure)
        return actions.change_place(held.pk, actor=manager, version=held.version, role=role, **terms, **dates)

    @act(place=which, starts=days, lasts=days)
    def date_by_support(self, place, starts, lasts):
        held = self.place(place)
        dates = {"starts_on": on(starts) or held.starts_on, "ends_on": on(lasts)}
        actions.move_dates(held.pk, actor=self.support, **dates)

    @act(whose=whose, actor=which, place=which)
    def detach(self, whose, actor, place):
        held = self.place(place)
        actions.detach(held.pk, actor=self.manager(whose, actor, held.structure))

    @act(person=which)
    def leave(self, person):
        user = self.person(person)
        held = user.attachments.current().values_list("pk", flat=True)
        return actions.leave_structures(user, held, actor=user)

    @act(whose=whose, actor=which, place=which, person=which)
    def duplicate(self, whose, actor, place, person):
        held = self.place(place)
        manager = self.manager(whose, actor, held.structure)
        return actions.duplicate_place(held.pk, [self.newcomer(person, held.structure).pk], actor=manager)

    # Rights.

    @act(whose=whose, actor=which, structure=which, left=whole)
    def leave_rights(self, whose, actor, structure, left):
        there = self.structure(structure)
        actions.leave_rights(there.pk, actor=self.principal(whose, actor, there), rights=dict.fromkeys(Right, left))

    @act(whose=whose, actor=which, place=which, left=st.sampled_from([None, True, False]))
    def leave_personal_rights(self, whose, actor, place, left):
        held = mostly(Attachment.objects.lasting().filter(role=Role.SECONDARY), Attachment.objects.current(), place)
        principal = self.principal(whose, actor, held.structure)
        actions.leave_personal_rights(held.pk, actor=principal, rights=dict.fromkeys(Right, left))

    @act(whose=whose, actor=which, place=which, starts=days, lasts=days)
    def name_deputy(self, whose, actor, place, starts, lasts):
        held = self.place(place)
        dates = {"starts_on": on(starts or 0), "ends_on": on(lasts or 0)}
        principal = self.principal(whose, actor, held.structure)
        actions.name_deputy(held.structure_id, held.user_id, actor=principal, **dates)

    @act(whose=whose, actor=which, deputy=which)
    def end_deputy(self, whose, actor, deputy):
        held = one(Deputy.objects.current(), deputy)
        actions.end_deputy(held.pk, actor=self.principal(whose, actor, held.structure))

    # Hand-overs.

    def handed(self, principal, there, is_all, person):
        """This structure, or all they lead, to one successor."""
        led = principal.attachments.current().principal().values_list("structure", flat=True)
        return dict.fromkeys([there.pk, *(led if is_all else [])], self.person(person).pk)

    @act(whose=whose, actor=which, structure=which, is_all=whole, person=which)
    def transfer(self, whose, actor, structure, is_all, person):
        """Every other time of a structure that is to be handed over later, where there is one."""
        planned = Structure.objects.filter(handovers__in=Handover.objects.pending())
        there = one(planned, structure) if structure % 2 and planned.exists() else self.structure(structure)
        principal = self.principal(whose, actor, there)
        actions.transfer_principal(self.handed(principal, there, is_all, person), actor=principal)

    @act(whose=whose, actor=which, structure=which, is_all=whole, person=which, ahead=days)
    def plan(self, whose, actor, structure, is_all, person, ahead):
        there = self.structure(structure)
        principal = self.principal(whose, actor, there)
        handed = self.handed(principal, there, is_all, person)
        actions.plan_handovers(handed, actor=principal, takes_effect_on=on(ahead or 1))

    @act(whose=whose, actor=which, handover=which)
    def cancel(self, whose, actor, handover):
        planned = mostly(Handover.objects.pending(), Handover.objects.all(), handover)
        either = self.actor(whose, actor, [planned.outgoing_id, planned.successor_id])
        actions.cancel_handovers([planned.pk], actor=either)

    @act(whose=whose, actor=which, handover=which)
    def contest(self, whose, actor, handover):
        """By the outgoing manager; what support decided, by support."""
        done = mostly(Handover.objects.undoable(), Handover.objects.all(), handover)
        whose = "support" if whose == "theirs" and done.is_by_support else whose
        actions.undo_transfers([done.pk], actor=self.actor(whose, actor, [done.outgoing_id]))

    # « Gestionnaire inconnu ou parti »: support hands over in their place.

    @act(person=which, structure=which)
    def claim(self, person, structure):
        """Asked, mostly where somebody manages, and its certificate back at once."""
        led = Structure.objects.filter(pk__in=Attachment.objects.current().principal().values("structure"))
        author, there = self.person(person), mostly(led, Structure.objects.all(), structure)
        told = {"siret": there.identifier, "target_name": str(author), "target_login": author.email}
        values = {"subject": "Parti", "structure": there, "answers": told, "text": "Parti."}
        ticket = tickets.write_ticket(actor=author, category="manager_gone", values=values, send=True)
        self.clock_now.shift(timedelta(seconds=1))
        TicketFileFactory(ticket=ticket, role="signed", message=ticket.messages.get())

    @act(claim=which)
    def object_to_claim(self, claim):
        against = one(Ticket.objects.open().exclude(sitting_manager=None), claim)
        tickets.object_to_claim(against.pk, actor=against.sitting_manager, reason="Je suis là.")

    @act(claim=which)
    def carry_out_claim(self, claim):
        terms = {"actor": self.support, "reason": "Vu.", "saw_objection": True}
        tickets.carry_out_transfer(one(Ticket.objects.open(), claim).pk, **terms)

    # Spaces, which stand on the places.

    def space(self, number):
        return one(Space.objects.filter(simple=Grant.SUBSCRIPTION), number)

    @act(place=which, space=which, is_whole=whole)
    def ask_space(self, place, space, is_whole):
        held = self.place(place)
        services = [None] if is_whole else list(held.structure.services.all())[:1]
        parts = [(service, Access.CONSULTATION) for service in services]
        wanted = self.space(space)
        space_actions.ask(held.user, held.structure_id, wanted.pk, actor=held.user, parts=parts, opening=True)

    @act(whose=whose, actor=which, line=which, reach=st.sampled_from(Reach))
    def decide_spaces(self, whose, actor, line, reach):
        asked = one(Subscription.objects.pending(), line)
        manager = self.manager(whose, actor, asked.structure)
        lines = [(asked.space, asked.service, asked.access)]
        space_actions.decide(asked.reference, actor=manager, lines=lines, reach=reach, reason="Non.")

    @act(whose=whose, actor=which, structure=which, space=which)
    def open_space(self, whose, actor, structure, space):
        there = self.structure(structure)
        space_actions.open_space(there.pk, self.space(space).pk, actor=self.principal(whose, actor, there))

    @act(whose=whose, actor=which, opened=which)
    def close_space(self, whose, actor, opened):
        there = one(StructureSpace.objects.current(), opened)
        principal = self.principal(whose, actor, there.structure)
        space_actions.close_space(there.structure_id, there.space_id, actor=principal)

    # Structures.

    @act(structure=which)
    def deactivate_structure(self, structure):
        deactivate_structure(self.structure(structure).pk, actor=self.support)

    @act(structure=which)
    def activate_structure(self, structure):
        inactive = Structure.objects.exclude(state=Structure.State.ACTIVE)
        activate_structure(mostly(inactive, Structure.objects.all(), structure).pk, actor=self.support)

    @act(structure=which)
    def change_identifier(self, structure):
        siret = {"identifier_type": "siret", "identifier": siret_number(next(establishments))}
        change_identifier(self.structure(structure).pk, actor=self.support, **siret)

    # Time.

    @act(passing=st.sampled_from([1, 0, 3, 3, 9, 41, 100]))
    def nights_pass(self, passing):
        """With the tasks of the first minutes of the last of these days, in the order of their hours."""
        self.clock_now.shift(passing * DAY)
        closed = User.objects.filter(state=User.State.CLOSED)
        before = closed.count()
        self.done["carry_out"] += actions.carry_out_due()
        self.done["run_out"] += actions.end_what_ran_out()
        actions.leave_to_support()
        close_overdue()
        close_never_activated()
        self.done["close"] += closed.count() - before
        self.done["lapse"] += actions.lapse_unactivated_principals()
        actions.warn_of_endings()


def raise_it(*args, **options):
    """In place of logging what a task swallowed."""
    raise


# What fails is made shorter first, for up to five minutes.
@pytest.mark.timeout(600)
@pytest.mark.django_db
def test_any_sequence_of_acts_keeps_what_must_always_hold(monkeypatch):
    monkeypatch.setattr("logging.Logger.exception", raise_it)
    monkeypatch.setattr(AnySequence, "support", UserFactory(staff=True))
    build_world()
    bounded = hypothesis.settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize="HYPOTHESIS_SEED" not in os.environ,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    machine = AnySequence
    if "HYPOTHESIS_SEED" in os.environ:
        machine = hypothesis.seed(int(os.environ["HYPOTHESIS_SEED"]))(AnySequence)
    try:
        run_state_machine_as_test(machine, settings=bounded)
    finally:
        print(machine.done.total(), "acts done:", sorted(machine.done.items()))
        print(machine.refused.total(), "refused:", sorted(machine.refused.items()))
    # What never succeeds is not tried at all.
    assert EXAMPLES < ENOUGH or [kind for kind in (*ACTS, *BY_THEMSELVES) if not machine.done[kind]] == []
