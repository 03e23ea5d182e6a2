"""Each entry gets its place in the chain, once, whatever happens to whoever gives it."""

import subprocess
import sys
from unittest.mock import Mock

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from history import chain as chain_of
from history.actions import OVERLAP, SEAL, record, record_all, seal_entries
from history.chain import seal_digest
from history.models import Event, HistoryEntry, HistorySeal
from history.tasks import seal, seal_everything
from history.verification import Verification
from plumbing.workers import _send
from tests.at_once import at_once
from tests.factories import StructureFactory, UserFactory
from tests.history.by_hand import by_hand, uid
from tests.processes import portal_environment

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
committing = pytest.mark.django_db(transaction=True)


def chain():
    """(entry, position) of each seal, which are right."""
    before = ""
    for mark in HistorySeal.objects.select_related("entry"):
        assert mark.digest == (before := seal_digest(before, mark.position, mark.entry_id, mark.entry.digest))
    return list(HistorySeal.objects.values_list("entry", "position"))


def test_entries_are_sealed_in_order_and_once():
    entries = [record(Event.REQUEST_SENT, reason=f"n° {n}") for n in range(3)]
    seal()
    seal()
    assert chain() == [(entry.pk, n) for n, entry in enumerate(entries, 1)]
    later = record(Event.REQUEST_APPROVED)
    seal()
    assert chain()[3:] == [(later.pk, 4)]


def test_what_is_recorded_comes_back_genuine():
    """Whatever a column may hold, dates and numbers as names included: the database gives it back in its own order."""
    person, structure = UserFactory(), StructureFactory()
    record(Event.REQUEST_SENT, actor=person, subject=person, structure=structure, reference="123456789")
    record(
        Event.STRUCTURE_CHANGED,
        structure=structure,
        values={"z": 1.5, "é": "« l'été »", "a": None, 10: structure.created_at, 9: structure.created_at.date()},
        services=["b", "a"],
    )
    record_all(Event.ATTACHMENT_ENDED, [{"subject": person}, {"subject": person}], actor=person)
    assert all(entry.is_genuine for entry in HistoryEntry.objects.all())
    assert len({entry.digest for entry in HistoryEntry.objects.all()}) == 4


def test_another_fault_than_another_worker_is_not_swallowed(monkeypatch):
    record(Event.REQUEST_SENT)
    fault = IntegrityError('null value in column "digest" of relation "history_historyseal"')
    monkeypatch.setattr("history.actions._append", Mock(side_effect=fault))
    with pytest.raises(IntegrityError):
        seal_entries()


def test_a_line_keeps_the_version_it_was_signed_in(monkeypatch):
    old = record(Event.REQUEST_SENT, reason="Avant")
    monkeypatch.setitem(chain_of.CONTENTS, 2, (*chain_of.CONTENTS[1], "version"))
    monkeypatch.setattr("history.models.COLUMNS", (*chain_of.COLUMNS, "version"))
    new = HistoryEntry(event=Event.REQUEST_SENT, version=2)
    new.digest = chain_of.entry_digest(2, new.content)
    assert old.is_genuine
    assert new.is_genuine
    for entry, version in ((old, 2), (new, 1), (new, 3)):
        entry.version = version
        assert not entry.is_genuine


def test_many_are_sealed_in_few_statements(monkeypatch):
    monkeypatch.setattr("history.actions.SEALED_AT_ONCE", 10)
    record_all(Event.REQUEST_SENT, [{"reason": str(n)} for n in range(25)])
    with CaptureQueriesContext(connection) as captured:
        seal_entries()
    # For each lot: read it, read the head, write, and a savepoint around.
    assert len(captured) <= 1 + 3 * 5 + 1
    assert len(chain()) == 25


@committing
def test_a_worker_is_woken_once_a_transaction(monkeypatch):
    sent = []
    monkeypatch.setattr("plumbing.workers._publish", lambda name, args: sent.append(name))
    with transaction.atomic():
        record(Event.REQUEST_SENT)
        record_all(Event.REQUEST_SENT, [{}])
        hooks = [hook for _, hook, _ in connection.run_on_commit if getattr(hook, "func", None) is _send]
        assert len(hooks) == 1
    assert sent == [SEAL]


@committing
def test_a_number_lost_to_a_rollback_is_no_hole():
    record(Event.REQUEST_SENT)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(Event.REQUEST_SENT)
        seal_entries()
        _ = 1 / 0
    last = record(Event.REQUEST_SENT)
    seal_entries()
    assert chain()[-1] == (last.pk, 2)
    assert not list(Verification().faults())


@committing
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer")
def test_an_entry_committed_late_is_sealed_late():
    with transaction.atomic():
        late = record(Event.REQUEST_SENT)

        def another_one():
            record(Event.REQUEST_APPROVED)
            seal_entries()

        assert at_once(another_one) == [None]
        assert HistorySeal.objects.count() == 1
    seal_entries()
    assert chain()[1] == (late.pk, 2)
    assert not list(Verification().faults())


@committing
def test_two_workers_at_once_make_one_chain(monkeypatch):
    monkeypatch.setattr("history.actions.SEALED_AT_ONCE", 5)
    record_all(Event.REQUEST_SENT, [{"reason": str(n)} for n in range(40)])
    assert at_once(seal_entries, seal_entries) == [None, None]
    seal_entries()
    assert len(chain()) == 40
    assert not list(Verification().faults())


@committing
@pytest.mark.skipif(connection.vendor != "postgresql", reason="another process")
def test_a_worker_killed_while_it_seals_loses_nothing():
    record_all(Event.REQUEST_SENT, [{}] * 3)
    killed = """
import os, signal
import django
django.setup()
from history import actions
type(actions.HistorySeal.objects).bulk_create = lambda self, rows: (
    self.get_queryset().bulk_create(rows), os.kill(os.getpid(), signal.SIGKILL))
actions.seal_entries()
"""
    assert subprocess.run([sys.executable, "-c", killed], env=portal_environment()).returncode == -9
    assert not HistorySeal.objects.exists()
    seal_entries()
    assert len(chain()) == 3


COPY = (
    "INSERT INTO history_historyentry (uid, created_at, event, actor_id, subject_id, structure_id, reference, data, "
    "digest) SELECT '{uid}', created_at, event, actor_id, subject_id, structure_id, reference, data, digest "
    "FROM history_historyentry"
)


def test_a_line_put_in_by_hand_gets_no_seal(caplog):
    record(Event.REQUEST_SENT)
    by_hand(COPY.format(uid=uid("00000000-0000-4000-8000-000000000000")))
    genuine = record(Event.REQUEST_APPROVED)
    seal_entries()
    assert [entry for entry, _ in chain()] == [genuine.pk - 2, genuine.pk]
    assert f"not sealed: [{genuine.pk - 1}]" in caplog.text


def test_many_lines_put_in_by_hand_keep_no_other_waiting(monkeypatch):
    monkeypatch.setattr("history.actions.SEALED_AT_ONCE", 2)
    record(Event.REQUEST_SENT)
    for n in range(3):
        by_hand(f"{COPY} LIMIT 1".format(uid=uid(f"00000000-0000-4000-8000-00000000000{n}")))
    genuine = record(Event.REQUEST_APPROVED)
    seal_entries()
    assert chain()[-1] == (genuine.pk, 2)


def test_what_was_left_far_behind_is_sealed_by_the_hourly_turn(monkeypatch):
    monkeypatch.setattr("history.actions.OVERLAP", 0)
    assert OVERLAP
    first, second, third = (record(Event.REQUEST_SENT) for _ in range(3))
    HistorySeal.objects.create(position=1, entry=third, digest=seal_digest("", 1, third.pk, third.digest))
    seal()
    assert chain() == [(third.pk, 1)]
    seal_everything()
    assert chain() == [(third.pk, 1), (first.pk, 2), (second.pk, 3)]
