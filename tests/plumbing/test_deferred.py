"""The durable queue, through one of its tables."""

import logging
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import LinkRequest
from plumbing import deferred
from plumbing.deferred import work_off
from tests.at_once import at_once
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


def ask(*names):
    for name in names:
        LinkRequest.objects.create(email=f"{name}@exemple.example", purpose="reset")


def name_of(row):
    return row.email.partition("@")[0]


class Broken(Exception):
    """What nobody foresaw."""


def failing_on(*broken, done):
    """Carries out by writing an account; fails on these names after having written."""

    def carry_out(row):
        UserFactory(email=row.email)
        if name_of(row) in broken:
            raise Broken
        done.append(name_of(row))

    return carry_out


def test_the_oldest_comes_first_and_nothing_is_left_behind():
    done = []
    ask("a", "b", "c")
    work_off(LinkRequest, lambda row: done.append(name_of(row)))
    assert done == ["a", "b", "c"]
    assert not LinkRequest.objects.exists()


def test_a_row_that_fails_is_undone_told_and_holds_up_nobody(caplog):
    done = []
    ask("a", "broken", "c")
    caplog.set_level(logging.ERROR, "plumbing.deferred")
    work_off(LinkRequest, failing_on("broken", done=done))
    assert done == ["a", "c"]
    left = LinkRequest.objects.get()
    assert (name_of(left), left.attempts, left.error) == ("broken", 1, "Broken()")
    assert f"accounts.LinkRequest {left.pk} could not be carried out" in caplog.text
    assert "@" not in caplog.text


def test_each_failure_is_followed_by_a_longer_pause_of_at_most_an_hour(time_machine):
    time_machine.move_to("2026-11-23T09:00:00Z", tick=False)
    ask("broken")
    pauses = []
    for _ in range(9):
        work_off(LinkRequest, failing_on("broken", done=[]))
        row = LinkRequest.objects.get()
        pauses.append((row.next_try_at - timezone.now()) // timedelta(minutes=1))
        work_off(LinkRequest, lambda row: pytest.fail("tried before its time"))
        time_machine.move_to(row.next_try_at, tick=False)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    done = []
    work_off(LinkRequest, failing_on(done=done))
    assert done == ["broken"]


@pytest.mark.django_db(transaction=True)
def test_any_number_of_workers_carry_each_row_out_once():
    done = []
    ask(*"abcdefgh")
    work = failing_on(done=done)
    assert at_once(*[lambda: work_off(LinkRequest, work)] * 4) == [None] * 4
    assert sorted(done) == list("abcdefgh")


@pytest.mark.django_db(transaction=True)
def test_a_row_in_another_worker_s_hands_is_left_to_it():
    """Also where doing the work twice would break no constraint."""
    done = []
    ask("a", "b")

    def slowly(row):
        time.sleep(0.3)
        done.append(name_of(row))

    assert at_once(*[lambda: work_off(LinkRequest, slowly)] * 2) == [None] * 2
    assert sorted(done) == ["a", "b"]


def test_a_failure_postpones_nothing_that_another_worker_postponed_meanwhile():
    ask("a")
    stale = LinkRequest.objects.get()
    LinkRequest.objects.update(attempts=3, next_try_at=timezone.now() + timedelta(minutes=8))
    deferred._postpone(stale, Broken())
    left = LinkRequest.objects.get()
    assert (left.attempts, left.error) == (3, "")
    assert left.next_try_at > timezone.now() + timedelta(minutes=7)


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_leaves_the_row_as_it_was():
    """What it did is in one transaction with the row's end: a killed process commits neither."""
    ask("a")

    def die(row):
        UserFactory(email=row.email)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_off(LinkRequest, die)
    row = LinkRequest.objects.get()
    assert (row.attempts, row.next_try_at <= timezone.now()) == (0, True)
    done = []
    work_off(LinkRequest, failing_on(done=done))
    assert done == ["a"]
