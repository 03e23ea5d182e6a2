"""`verify_history` says which line was changed, removed, put in, or waits too long for its seal."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chorus.demo.past import happened
from history.actions import record, record_all, seal_entries
from history.models import Event, HistoryEntry, HistorySeal
from history.verification import Verification
from tests.factories import UserFactory
from tests.history.by_hand import by_hand, uid

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def entries():
    """Five lines, sealed."""
    made = [record(Event.REQUEST_REFUSED, actor=UserFactory(), reason=f"Motif {n}") for n in range(5)]
    seal_entries()
    return made


def verify(*words):
    """(exit code, what it said)"""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_history", *words, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{err.getvalue()}{error}"
    return 0, f"{out.getvalue()}{err.getvalue()}"


def faults(**options):
    return [(fault.kind, fault.entry_id, fault.position) for fault in Verification(**options).faults()]


def test_an_untouched_history(entries):
    head = HistorySeal.objects.head()
    code, said = verify()
    assert (code, "Lignes scellées : 5" in said, f"Dernier scellé : 5:{head.digest}" in said) == (0, True, True)
    assert "Historique intact." in said
    assert verify("--head", f"5:{head.digest}")[0] == 0


def test_an_empty_history():
    assert verify()[0] == 0


@pytest.mark.parametrize(
    "change",
    [
        'data = \'{{"reason": "Autre"}}\'',
        "event = 'request_approved'",
        "actor_id = NULL",
        "subject_id = {person}",
        "reference = '111111111'",
        "created_at = '2020-01-01 00:00:00+00:00'",
        "uid = '{uid}'",
        "digest = 'x'",
    ],
)
def test_a_changed_line_is_named(entries, change):
    change = change.format(person=UserFactory().pk, uid=uid("00000000-0000-4000-8000-000000000000"))
    by_hand(f"UPDATE history_historyentry SET {change} WHERE id = {entries[2].pk}")
    kind = "inserted" if change.startswith("digest") else "changed"
    assert faults() == [(kind, entries[2].pk, 3)]
    code, said = verify()
    assert code == 1
    assert f"La ligne {entries[2].pk} (scellé n° 3)" in said
    assert "1 anomalie." in said


def test_a_changed_seal_is_named(entries):
    by_hand("UPDATE history_historyseal SET digest = %s WHERE position = 2", "0" * 64)
    # The next one no longer fits what stands before it.
    assert faults() == [("seal_changed", entries[1].pk, 2), ("seal_changed", entries[2].pk, 3)]


@pytest.mark.parametrize(
    ("gone", "expected"), [([1], "avant la ligne"), ([2], "après la ligne"), ([2, 3, 4], "n° 2 à 4")]
)
def test_a_removed_line_leaves_its_place(entries, gone, expected):
    places = ", ".join(map(str, gone))
    by_hand(f"DELETE FROM history_historyseal WHERE position IN ({places})")
    by_hand(f"DELETE FROM history_historyentry WHERE id IN ({', '.join(str(entries[n - 1].pk) for n in gone)})")
    assert faults() == [("removed", None, gone[0])]
    assert expected in verify()[1]


def test_a_hole_that_was_closed_still_shows(entries):
    by_hand("DELETE FROM history_historyseal WHERE position = 3")
    by_hand("UPDATE history_historyseal SET position = 3 WHERE position = 4")
    by_hand("UPDATE history_historyseal SET position = 4 WHERE position = 5")
    by_hand("DELETE FROM history_historyentry WHERE id = %s", entries[2].pk)
    assert [fault[:2] for fault in faults()] == [("seal_changed", entries[n].pk) for n in (3, 4)]


def test_a_line_whose_seal_alone_is_gone(entries):
    by_hand("DELETE FROM history_historyseal WHERE position = 3")
    assert faults() == [("removed", None, 3)]
    seal_entries()
    # It was sealed again, at another place; the hole stays.
    assert faults() == [("removed", None, 3)]


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes no constraint off")
def test_a_line_gone_from_under_its_seal(entries):
    with connection.cursor() as cursor:
        names = connection.introspection.get_constraints(cursor, "history_historyseal")
        (name,) = [name for name, made in names.items() if made["foreign_key"]]
    by_hand(f'ALTER TABLE history_historyseal DROP CONSTRAINT "{name}"')
    by_hand("DELETE FROM history_historyentry WHERE id = %s", entries[3].pk)
    assert faults() == [("removed", entries[3].pk, 4)]


def test_the_last_lines_gone_show_beside_a_seal_noted_elsewhere(entries):
    head = HistorySeal.objects.head()
    by_hand("DELETE FROM history_historyseal WHERE position >= 4")
    by_hand("DELETE FROM history_historyentry WHERE id >= %s", entries[3].pk)
    assert faults() == []
    assert faults(head=(5, head.digest)) == [("removed", None, 4)]
    assert "n° 4 à 5" in verify("--head", f"5:{head.digest}")[1]
    # What is written since does not hide it.
    record_all(Event.REQUEST_SENT, [{}] * 3)
    seal_entries()
    assert [fault[0] for fault in faults(head=(5, head.digest))] == ["head_changed"]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_line_put_in_by_hand_is_named(entries, sealed):
    by_hand(
        "INSERT INTO history_historyentry (uid, created_at, event, reference, data, digest)"
        f" SELECT '{uid('00000000-0000-4000-8000-000000000000')}', created_at, event, reference, data, digest"
        " FROM history_historyentry LIMIT 1"
    )
    forged = HistoryEntry.objects.order_by("pk").last()
    if sealed:
        seal = "INSERT INTO history_historyseal (position, entry_id, digest) VALUES (6, %s, %s)"
        by_hand(seal, forged.pk, "0" * 64)
    assert faults() == [("inserted", forged.pk, 6 if sealed else None)]


@pytest.mark.parametrize(("age", "expected"), [(timedelta(minutes=59), 0), (timedelta(minutes=61), 1)])
def test_a_line_may_wait_an_hour_for_its_seal(age, expected):
    with happened(age):
        line = record(Event.REQUEST_SENT)
    code, said = verify()
    assert code == expected
    assert (f"La ligne {line.pk} n'est pas scellée" in said) is bool(expected)
    assert f"En attente de scellé : {1 - expected}" in said


def test_another_secret_key_needs_the_history_s_own(entries, settings):
    before = settings.SECRET_KEY
    settings.SECRET_KEY = "another" * 10
    assert len(faults()) == 5
    settings.HISTORY_KEY = before
    assert faults() == []


def test_lines_without_a_seal_are_told_together_and_faults_past_many_counted(entries, settings, monkeypatch):
    with happened(timedelta(hours=2)):
        record_all(Event.REQUEST_SENT, [{}] * 3)
    assert [kind for kind, *_ in faults()] == ["unsealed"]
    assert "3 lignes ne sont pas scellées (la première est la ligne" in verify()[1]
    monkeypatch.setattr("history.management.commands.verify_history.SAID", 2)
    settings.HISTORY_KEY = "another"
    said = verify()[1]
    assert "… et 6 de plus. Une autre clé (HISTORY_KEY" in said
    assert said.count("La ligne") == 2


@pytest.mark.parametrize("head", ["5", "x:y", f"0:{'0' * 64}", f"5:{'0' * 63}"])
def test_a_head_that_is_none(head):
    code, said = verify("--head", head)
    assert code == 1
    assert "ressemble à" in said


def test_memory_stays_flat(entries, monkeypatch):
    monkeypatch.setattr("history.verification.READ_AT_ONCE", 2)
    by_hand("UPDATE history_historyentry SET reference = '1' WHERE id = %s", entries[4].pk)
    with CaptureQueriesContext(connection) as captured:
        assert faults() == [("changed", entries[4].pk, 5)]
    assert len(captured) == 3 * 2 + 1 + 1
