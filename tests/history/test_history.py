import pytest
from django.db import transaction
from django.db.models import ProtectedError

from history.actions import record
from history.models import Event, HistoryEntry
from tests.factories import StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def line():
    return record(Event.STRUCTURE_CREATED, comment="Essai")


def test_a_line_is_written_once(line):
    line.comment = "Autre"
    with pytest.raises(TypeError):
        line.save()


@pytest.mark.parametrize(
    "destroy",
    [
        lambda line: line.delete(),
        lambda line: HistoryEntry.objects.all().delete(),
        lambda line: HistoryEntry.objects.update(comment="Autre"),
    ],
)
def test_lines_are_never_changed_nor_deleted(line, destroy):
    with pytest.raises(TypeError):
        destroy(line)
    assert HistoryEntry.objects.get().comment == "Essai"


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.structure.history.all().delete(),
        lambda line: line.structure.history.update(comment="Autre"),
        lambda line: line.subject.history.filter(pk=line.pk).delete(),
        lambda line: HistoryEntry.objects.bulk_update([line], ["comment"]),
        lambda line: HistoryEntry.objects.update_or_create(pk=line.pk, defaults={"comment": "Autre"}),
    ],
)
def test_no_way_round_is_left(change):
    line = record(Event.REQUEST_SENT, subject=UserFactory(), structure=StructureFactory(), comment="Essai")
    with pytest.raises(TypeError), transaction.atomic():
        change(line)
    assert HistoryEntry.objects.get().comment == "Essai"


@pytest.mark.parametrize("owner", ["actor", "subject", "structure"])
def test_what_a_line_names_cannot_be_deleted(owner):
    line = record(Event.REQUEST_SENT, actor=UserFactory(), subject=UserFactory(), structure=StructureFactory())
    with pytest.raises(ProtectedError):
        getattr(line, owner).delete()


def test_a_line_goes_with_the_transaction_it_tells_of():
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        record(Event.REQUEST_SENT)
        _ = 1 / 0
    assert not HistoryEntry.objects.exists()


def test_lines_come_newest_first():
    first, second = record(Event.REQUEST_SENT), record(Event.REQUEST_APPROVED)
    assert list(HistoryEntry.objects.all()) == [second, first]
