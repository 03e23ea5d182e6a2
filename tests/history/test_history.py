import pytest

from history.actions import record
from history.models import Event, HistoryEntry

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
