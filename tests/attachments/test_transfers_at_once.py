"""Transfers that meet: on real PostgreSQL connections. TRANSFER_ROUNDS=200 plays each meeting that often."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.actions import deactivate_account
from accounts.models import User
from attachments.actions import (
    cancel_handovers,
    carry_out_due,
    detach,
    plan_handovers,
    transfer_principal,
    undo_transfers,
)
from attachments.models import Attachment, Handover, Role
from plumbing.errors import ActionError
from tests.at_once import at_once
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.processes import portal_environment, wait_until

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = int(os.environ.get("TRANSFER_ROUNDS", "3"))


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
    """One principal manager each, who can log in; all or nothing: the three went together."""
    places = Attachment.objects.current().principal().filter(structure__in=two.structures).select_related("user")
    assert len(places) == len({place.structure_id for place in places}) == len(two.structures)
    (principal,) = {place.user for place in places}
    assert principal.state == User.State.ACTIVE


@pytest.mark.parametrize(
    "meeting",
    [crossing, rivals, deactivation, detaching, due, deactivation_and_due, cancelled_and_due, contested],
)
def test_whoever_meets_one_principal_manager_is_left_and_nobody_waits_for_ever(meeting):
    for _round in range(ROUNDS):
        two = Two()
        answers = at_once(*meeting(two))
        # Refused, maybe; never a deadlock, nor a broken constraint.
        assert not [one for one in answers if isinstance(one, Exception) and not isinstance(one, ActionError)]
        check_invariants(two)


KILLED = """
import django; django.setup()
from django.db import connection, transaction
from accounts.models import User
from attachments.actions import attachments, transfer_principal
from attachments.events import roles_changed

def wait(**kwargs):
    print("half way", flush=True)
    import time; time.sleep(60)

roles_changed.connect(wait)
transfer_principal({successors}, actor=User.objects.get(pk={actor}))
"""


def test_a_process_killed_half_way_leaves_all_as_it_was():
    """Killed once the outgoing one is demoted: the transaction dies with it, and its locks."""
    for _round in range(max(1, ROUNDS // 20)):
        two = Two()
        successors = {structure.pk: two.there.pk for structure in two.structures}
        script = [sys.executable, "-c", KILLED.format(successors=successors, actor=two.here.pk)]
        environment = portal_environment(DJANGO_SETTINGS_MODULE="chorus.settings")
        with subprocess.Popen(script, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "half way\n"
            process.kill()
        wait_until(lambda: not somebody_holds_locks())
        check_invariants(two)
        assert not Handover.objects.filter(structure__in=two.structures).exists()
        two.pass_on()()
        check_invariants(two)


def somebody_holds_locks():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%%'"
        )
        return cursor.fetchone()[0]
