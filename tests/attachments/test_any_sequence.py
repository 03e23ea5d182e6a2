"""Any sequence of acts keeps what must always hold, and is refused by ActionError alone."""

import os
import sys
from collections import Counter
from datetime import timedelta
from itertools import count

import hypothesis
import pytest
import time_machine
from django.db import transaction
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
from attachments.invariants import broken
from attachments.models import Attachment, AttachmentRequest, Deputy, Handover, Right, Role
from plumbing.errors import ActionError
from structures.actions import activate_structure, change_identifier, deactivate_structure
from structures.models import Structure
from tests.factories import ServiceFactory, StructureFactory, UserFactory, establishments, siret_number

# More for a long run by hand: HYPOTHESIS_EXAMPLES=2000 HYPOTHESIS_SEED=7.
EXAMPLES, STEPS = int(os.environ.get("HYPOTHESIS_EXAMPLES", 6)), 30
DAY = timedelta(days=1)
which = st.integers(0, 11)
days = st.sampled_from([None, None, 0, 1, 3, 40])
roles = st.sampled_from(Role)
whole = st.booleans()
addresses = count()


def on(number):
    return None if number is None else timezone.localdate() + number * DAY


def one(rows, number):
    """One of the rows there are, by number; a step about none is refused."""
    rows = list(rows.order_by("pk"))
    if not rows:
        raise ActionError("none", "Il n'y en a pas.")
    return rows[number % len(rows)]


class AnySequence(RuleBasedStateMachine):
    """Three structures, some people and support; each example is one transaction, undone at its end."""

    tried = Counter()

    def __init__(self):
        super().__init__()
        self.example = transaction.atomic()
        self.example.__enter__()
        self.clock = time_machine.travel(timezone.now(), tick=False)
        self.clock_now = self.clock.start()
        self.support = UserFactory(staff=True)
        for nature in ("public", "private", "public"):
            ServiceFactory.create_batch(2, structure=StructureFactory(nature=nature))
        UserFactory.create_batch(4)
        UserFactory(pending=True)

    def teardown(self):
        self.clock.stop()
        transaction.set_rollback(True)
        self.example.__exit__(None, None, None)

    def structure(self, number):
        return one(Structure.objects.all(), number)

    def person(self, number):
        return one(User.objects.filter(is_staff=False), number)

    def actor(self, number):
        """Everybody who can log in: support half of the time, which may do more."""
        able = User.objects.filter(state=User.State.ACTIVE)
        return self.support if number % 2 else one(able.filter(is_staff=False), number // 2)

    def part(self, structure, is_whole, number):
        services = [] if is_whole else list(structure.services.all())[: 1 + number % 2]
        return {"whole_structure": is_whole, "services": tuple(services)}

    def attempt(self, act):
        """`act`, undone when it is refused, as each action is by itself."""
        rule = sys._getframe(1).f_code.co_name
        try:
            with transaction.atomic():
                # They look at the clock anew.
                self.clock_now.shift(timedelta(seconds=1))
                act()
        except ActionError:
            self.tried[f"{rule} refused"] += 1
        else:
            self.tried[rule] += 1

    @invariant()
    def everything_holds(self):
        assert [(one.name, keys) for one, keys in broken()] == []

    # Accounts.

    @rule(structure=which, is_whole=whole)
    def register(self, structure, is_whole):
        person = {"first_name": "Zoé", "last_name": "Petit", "phone": "", "contact_email": "", "survey_consent": False}

        def act():
            there = self.structure(structure)
            user = register_account(email=f"nouveau{next(addresses)}@exemple.example", **person)
            actions.send_request(user, there, actor=user, **self.part(there, is_whole, structure))

        self.attempt(act)

    def settled(self, number, state, purpose, use):
        def act():
            user = one(User.objects.filter(state=state, is_staff=False), number)
            secrets = {"password": "un bon mot de passe", "secret_question": "pet", "secret_answer": "Rex"}
            use(make_token(user, purpose), **secrets)

        self.attempt(act)

    @rule(person=which)
    def activate(self, person):
        self.settled(person, User.State.ACTIVATING, Purpose.ACTIVATION, activate_account)

    @rule(person=which)
    def reactivate_oneself(self, person):
        self.settled(person, User.State.DISABLED, Purpose.REACTIVATION, reactivate_own_account)

    @rule(person=which)
    def reactivate(self, person):
        self.attempt(lambda: reactivate_account(self.person(person).pk, actor=self.support))

    @rule(person=which, by_support=whole)
    def deactivate(self, person, by_support):
        def act():
            user = self.person(person)
            if by_support:
                deactivate_account(user.pk, actor=self.support)
            else:
                deactivate_own_account(user)

        self.attempt(act)

    # Requests.

    @rule(person=which, structure=which, is_whole=whole, starts=days, lasts=days)
    def ask(self, person, structure, is_whole, starts, lasts):
        def act():
            user, there = self.person(person), self.structure(structure)
            if not user.is_active:
                raise ActionError("none", "Cette personne ne se connecte pas.")
            terms = self.part(there, is_whole, person)
            actions.send_request(user, there, actor=user, starts_on=on(starts), ends_on=on(lasts), **terms)

        self.attempt(act)

    @rule(actor=which, request=which, role=roles, as_asked=whole, is_whole=whole)
    def approve(self, actor, request, role, as_asked, is_whole):
        def act():
            asked = one(AttachmentRequest.objects.pending(), request)
            part = None if as_asked else tuple(self.part(asked.structure, is_whole, request).values())
            actions.approve_requests([asked.pk], actor=self.actor(actor), role=role, part=part)

        self.attempt(act)

    @rule(actor=which, request=which)
    def refuse(self, actor, request):
        def act():
            asked = one(AttachmentRequest.objects.pending(), request)
            actions.refuse_request(asked.pk, actor=self.actor(actor), reason="Non.")

        self.attempt(act)

    @rule(request=which)
    def withdraw(self, request):
        def act():
            asked = one(AttachmentRequest.objects.pending(), request)
            actions.withdraw_request(asked.pk, actor=asked.user)

        self.attempt(act)

    # Attachments.

    @rule(actor=which, person=which, structure=which, role=roles, is_whole=whole, starts=days, lasts=days)
    def attach(self, actor, person, structure, role, is_whole, starts, lasts):
        def act():
            there = self.structure(structure)
            terms = self.part(there, is_whole, person)
            dates = {"starts_on": on(starts), "ends_on": on(lasts)}
            place = actions.Place(self.person(person), there, role=role, **dates, **terms)
            if place.ends_on and place.ends_on < (place.starts_on or timezone.localdate()):
                raise ActionError("dates_order", "Le formulaire le refuse.")
            actions.attach_people([place], actor=self.actor(actor))

        self.attempt(act)

    @rule(actor=which, place=which, role=roles, is_whole=whole, starts=days, lasts=days)
    def change(self, actor, place, role, is_whole, starts, lasts):
        def act():
            held = one(Attachment.objects.current(), place)
            terms = self.part(held.structure, is_whole, place)
            dates = {"starts_on": on(starts) or held.starts_on, "ends_on": on(lasts)}
            actions.change_place(held.pk, actor=self.actor(actor), version=held.version, role=role, **terms, **dates)

        self.attempt(act)

    @rule(place=which, starts=days, lasts=days)
    def date_by_support(self, place, starts, lasts):
        def act():
            held = one(Attachment.objects.current(), place)
            dates = {"starts_on": on(starts) or held.starts_on, "ends_on": on(lasts)}
            actions.move_dates(held.pk, actor=self.support, **dates)

        self.attempt(act)

    @rule(actor=which, place=which)
    def detach(self, actor, place):
        self.attempt(lambda: actions.detach(one(Attachment.objects.current(), place).pk, actor=self.actor(actor)))

    @rule(person=which)
    def leave(self, person):
        def act():
            user = self.person(person)
            actions.leave_structures(user, user.attachments.current().values_list("pk", flat=True), actor=user)

        self.attempt(act)

    @rule(actor=which, place=which, person=which)
    def duplicate(self, actor, place, person):
        def act():
            held = one(Attachment.objects.lasting(), place)
            actions.duplicate_place(held.pk, [self.person(person).pk], actor=self.actor(actor))

        self.attempt(act)

    # Rights.

    @rule(actor=which, structure=which, left=whole)
    def leave_rights(self, actor, structure, left):
        rights = dict.fromkeys(Right, left)
        self.attempt(lambda: actions.leave_rights(self.structure(structure).pk, actor=self.actor(actor), rights=rights))

    @rule(actor=which, place=which, left=st.sampled_from([None, True, False]))
    def leave_personal_rights(self, actor, place, left):
        def act():
            held = one(Attachment.objects.current(), place)
            actions.leave_personal_rights(held.pk, actor=self.actor(actor), rights=dict.fromkeys(Right, left))

        self.attempt(act)

    @rule(actor=which, structure=which, person=which, starts=days, lasts=days)
    def name_deputy(self, actor, structure, person, starts, lasts):
        def act():
            people = self.structure(structure).pk, self.person(person).pk
            dates = {"starts_on": on(starts or 0), "ends_on": on(lasts or 0)}
            actions.name_deputy(*people, actor=self.actor(actor), **dates)

        self.attempt(act)

    @rule(actor=which, deputy=which)
    def end_deputy(self, actor, deputy):
        self.attempt(lambda: actions.end_deputy(one(Deputy.objects.current(), deputy).pk, actor=self.actor(actor)))

    # Hand-overs.

    @rule(actor=which, structures=st.sets(which, min_size=1, max_size=2), person=which)
    def transfer(self, actor, structures, person):
        def act():
            successors = {self.structure(number).pk: self.person(person).pk for number in structures}
            actions.transfer_principal(successors, actor=self.actor(actor))

        self.attempt(act)

    @rule(actor=which, structures=st.sets(which, min_size=1, max_size=2), person=which, ahead=days)
    def plan(self, actor, structures, person, ahead):
        def act():
            successors = {self.structure(number).pk: self.person(person).pk for number in structures}
            actions.plan_handovers(successors, actor=self.actor(actor), takes_effect_on=on(ahead or 1))

        self.attempt(act)

    @rule(actor=which, handover=which)
    def cancel(self, actor, handover):
        def act():
            planned = one(Handover.objects.pending(), handover)
            actions.cancel_handovers([planned.pk], actor=self.actor(actor))

        self.attempt(act)

    @rule(actor=which, handover=which)
    def contest(self, actor, handover):
        def act():
            done = one(Handover.objects.all(), handover)
            actions.undo_transfers([done.pk], actor=self.actor(actor))

        self.attempt(act)

    # Structures.

    @rule(structure=which, active=whole)
    def switch_structure(self, structure, active):
        switch = activate_structure if active else deactivate_structure
        self.attempt(lambda: switch(self.structure(structure).pk, actor=self.support))

    @rule(structure=which)
    def change_identifier(self, structure):
        siret = {"identifier_type": "siret", "identifier": siret_number(next(establishments))}
        self.attempt(lambda: change_identifier(self.structure(structure).pk, actor=self.support, **siret))

    # Time.

    @rule(passing=st.sampled_from([1, 2, 9, 41, 100]))
    def nights_pass(self, passing):
        """With the tasks of the first minutes of the last of these days, in the order of their hours."""
        self.clock_now.shift(passing * DAY)
        for task in (actions.carry_out_due, actions.end_what_ran_out, actions.leave_to_support, self.end_accounts):
            self.attempt(task)
        self.attempt(actions.lapse_unactivated_principals)
        self.attempt(actions.warn_of_endings)

    def end_accounts(self):
        close_overdue()
        close_never_activated()

    @rule()
    def every_task_again(self):
        for task in (actions.carry_out_due, actions.end_what_ran_out, actions.lapse_unactivated_principals):
            self.attempt(task)


@pytest.mark.django_db
def test_any_sequence_of_acts_keeps_what_must_always_hold():
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
        print(AnySequence.tried.total(), "acts tried:", sorted(AnySequence.tried.items()))
