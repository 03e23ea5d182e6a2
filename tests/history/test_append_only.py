"""The database itself refuses to change, delete or empty the history."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from history.actions import record, seal_entries
from history.models import Event, HistoryEntry, HistorySeal

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite knows no such statement")
on_sqlite = pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows no such statement")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history_historyentry SET event = 'x'",
        "UPDATE history_historyentry SET created_at = created_at",
        "DELETE FROM history_historyentry",
        "UPDATE history_historyseal SET digest = 'x'",
        "DELETE FROM history_historyseal",
        pytest.param("TRUNCATE history_historyentry CASCADE", marks=on_postgresql),
        pytest.param("TRUNCATE history_historyseal", marks=on_postgresql),
        pytest.param(
            "INSERT INTO history_historyseal (position, entry_id, digest) SELECT position, entry_id, 'x'"
            " FROM history_historyseal WHERE true ON CONFLICT (position) DO UPDATE SET digest = 'x'",
        ),
        pytest.param(
            "INSERT OR REPLACE INTO history_historyseal (position, entry_id, digest)"
            " SELECT position, entry_id, 'x' FROM history_historyseal",
            marks=on_sqlite,
        ),
        pytest.param(
            "INSERT OR REPLACE INTO history_historyentry (id, uid, created_at, event, reference, data, digest)"
            " SELECT id + 1, uid, created_at, 'x', reference, data, digest FROM history_historyentry",
            marks=on_sqlite,
        ),
    ],
)
def test_the_database_refuses(statement):
    record(Event.STRUCTURE_CREATED, reason="Essai")
    seal_entries()
    lines = [list(model.objects.values()) for model in (HistoryEntry, HistorySeal)]
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        connection.check_constraints()
        cursor.execute(statement)
    assert [list(model.objects.values()) for model in (HistoryEntry, HistorySeal)] == lines


@pytest.mark.parametrize("model", [HistoryEntry, HistorySeal])
def test_no_manager_of_ours_is_a_way_round(model):
    record(Event.STRUCTURE_CREATED)
    seal_entries()
    for act in (
        lambda: model._base_manager.update(digest="x"),
        lambda: model._base_manager.filter(pk=model.objects.get().pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            act()


@on_postgresql
def test_a_session_that_only_copies_is_refused_too():
    record(Event.STRUCTURE_CREATED)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM history_historyentry")


@pytest.mark.django_db(transaction=True)
def test_tests_alone_empty_it_and_the_triggers_are_back():
    record(Event.STRUCTURE_CREATED)
    call_command("flush", interactive=False, verbosity=0)
    assert not HistoryEntry.objects.exists()
    record(Event.STRUCTURE_CREATED)
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("DELETE FROM history_historyentry")
