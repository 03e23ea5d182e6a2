"""Transfers that meet, or die half way: on real PostgreSQL connections.

TRANSFER_ROUNDS=200 plays each that often; `-s` prints how each round ended, and how long the longest took.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from accounts.actions import deactivate_account
from accounts.models import User
from attachments.actions import (
    cancel_handovers,
    carry_out_due,
    copy_attachments,
    detach,
    move_handovers,
    plan_handovers,
    transfer_principal,
    undo_transfers,
)
from attachments.actions.rows import lock_structures
from attachments.invariants import broken
from attachments.models import Attachment, Handover, Role
from plumbing.errors import ActionError
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.processes import portal_environment, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS, KILLS = (int(os.environ.get("TRANSFER_ROUNDS", few)) for few in (3, 1))


class Two:
    """Two people; the first is principal manager of some structures where the second may be a simple user."""

    def __init__(self):
        self.here, self.there, self.staff = UserFactory(), UserFactory(), UserFactory(staff=True)
        self.structures = StructureFactory.create_batch(3)
        for structure in self.structures:
            AttachmentFactory(user=self.here, structure=structure, role=Role.PRINCIPAL)
        self.place = AttachmentFactory(user=self.there, structure=self.structures[1])

    def pass_on(self, to=None, actor=None, *, backwards=False):
        keys = [structure.pk for structure in self.structures]
        successors = dict.fromkeys(reversed(keys) if backwards else keys, (to or self.there).pk)
        return lambda: transfer_principal(successors, actor=actor or self.here)

    def plan(self, to=None):
        successors = dict.fromkeys([structure.pk for structure in self.structures], (to or self.there).pk)
        tomorrow = timezone.localdate() + timedelta(days=1)
        rows = plan_handovers(successors, actor=self.here, takes_effect_on=tomorrow)
        Handover.objects.filter(pk__in=[row.pk for row in rows]).update(takes_effect_on=timezone.localdate())
        return rows


def crossing(two):
    """To each other, over the same structures, named in opposite orders: the second by support, which may always."""
    other = two.pass_on(two.here, two.staff, backwards=True)
    return two.pass_on(), other


def rivals(two):
    return two.pass_on(), two.pass_on(UserFactory(), two.staff, backwards=True)


def deactivation(two):
    return two.pass_on(), lambda: deactivate_account(two.there.pk, actor=two.staff)


def detaching(two):
    return two.pass_on(), lambda: detach(two.place.pk, actor=two.staff)


def due(two):
    two.plan(UserFactory())
    return two.pass_on(), carry_out_due


def deactivation_and_due(two):
    two.plan()
    return carry_out_due, lambda: deactivate_account(two.there.pk, actor=two.staff), two.pass_on(UserFactory())


def cancelled_and_due(two):
    rows = two.plan()
    return carry_out_due, carry_out_due, lambda: cancel_handovers([row.pk for row in rows], actor=two.there)


def contested(two):
    rows = two.pass_on()()
    return (
        lambda: undo_transfers([row.pk for row in rows], actor=two.here),
        two.pass_on(UserFactory(), two.there, backwards=True),
        lambda: deactivate_account(two.here.pk, actor=two.staff),
    )


def check_invariants(two):
    """What must always hold; and all or nothing: the three went together, to one who can log in."""
    assert broken() == []
    places = Attachment.objects.current().principal().filter(structure__in=two.structures).select_related("user")
    assert len(places) == len({place.structure_id for place in places}) == len(two.structures)
    (principal,) = {place.user for place in places}
    assert principal.state == User.State.ACTIVE


@pytest.mark.parametrize(
    "meeting",
    [crossing, rivals, deactivation, detaching, due, deactivation_and_due, cancelled_and_due, contested],
)
def test_whoever_meets_one_principal_manager_is_left_and_nobody_waits_for_ever(meeting):
    ends, longest = Counter(), 0
    for _round in range(ROUNDS):
        two = Two()
        acts, started = meeting(two), time.monotonic()
        answers = at_once(*acts)
        longest = max(longest, time.monotonic() - started)
        # Refused, maybe; never a deadlock, nor a broken constraint.
        assert not [one for one in answers if isinstance(one, Exception) and not isinstance(one, ActionError)]
        check_invariants(two)
        ends[tuple(getattr(one, "code", "done") for one in answers)] += 1
    print(f"{meeting.__name__}: {ROUNDS} rounds, the longest {longest:.2f} s, {dict(ends)}")


KILLED = """
import django; django.setup()
import itertools, time
from django.db import connection
from accounts.models import User
from attachments.actions import transfer_principal

asked = itertools.count()

def wait(execute, *args):
    if next(asked) == {statement}:
        print("half way", flush=True)
        time.sleep(60)
    return execute(*args)

actor = User.objects.get(pk={actor})
with connection.execute_wrapper(wait):
    transfer_principal({successors}, actor=actor)
print("done", flush=True)
"""
# About as many as a transfer of three asks of the database; one that asks fewer is done before it is killed.
STATEMENTS = 43


def test_a_process_killed_half_way_leaves_all_as_it_was():
    """Killed before any one of its statements: the transaction dies with it, and its locks."""
    killed, done = Counter(), 0
    for number in range(KILLS):
        two = Two()
        successors = {structure.pk: two.there.pk for structure in two.structures}
        # Spread over all of them, the middle first.
        statement = (STATEMENTS // 3 + number * 7) % STATEMENTS
        script = [sys.executable, "-c", KILLED.format(successors=successors, actor=two.here.pk, statement=statement)]
        environment = portal_environment(DJANGO_SETTINGS_MODULE="chorus.settings")
        with subprocess.Popen(script, env=environment, stdout=subprocess.PIPE, text=True) as process:
            came = process.stdout.readline()
            process.kill()
        wait_until(lambda: not somebody_holds_locks())
        check_invariants(two)
        if came == "done\n":
            done += 1
            continue
        assert came == "half way\n"
        killed[statement] += 1
        assert not Handover.objects.filter(structure__in=two.structures).exists()
        assert set(two.here.attachments.current().principal().values_list("structure", flat=True)) == set(successors)
        two.pass_on()()
        check_invariants(two)
    print(f"killed {killed.total()} times, before {len(killed)} different statements; {done} were done by then")


def somebody_holds_locks():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%%'"
        )
        return cursor.fetchone()[0]


def test_contested_while_the_identifier_changes_is_said_not_broken():
    two = Two()
    rows = two.pass_on()()
    old, new = two.structures[0], StructureFactory()

    def change():
        lock_structures([old.pk, new.pk])
        copy_attachments(old, new, services={})
        move_handovers(old, new, services={})

    undo = partial(undo_transfers, [row.pk for row in rows], actor=two.here)
    assert meanwhile(change, undo).code == "changed_meanwhile"
    undo()
    assert new.attachments.current().principal().get().user == two.here
