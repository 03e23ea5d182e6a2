import pytest
from django.db import transaction
from django.db.models import ProtectedError

from history.actions import record
from history.data import change_data, sentences
from history.models import Event, HistoryEntry
from plumbing.changes import write_changes
from structures.models import Referent
from tests.factories import StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def line():
    return record(Event.STRUCTURE_CREATED, reason="Essai")


def test_a_line_is_written_once(line):
    line.data = {}
    with pytest.raises(TypeError):
        line.save()


@pytest.mark.parametrize(
    "destroy",
    [
        lambda line: line.delete(),
        lambda line: HistoryEntry.objects.all().delete(),
        lambda line: HistoryEntry.objects.update(data={}),
    ],
)
def test_lines_are_never_changed_nor_deleted(line, destroy):
    with pytest.raises(TypeError):
        destroy(line)
    assert HistoryEntry.objects.get().data == {"reason": "Essai"}


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.structure.history.all().delete(),
        lambda line: line.structure.history.update(data={}),
        lambda line: line.subject.history.filter(pk=line.pk).delete(),
        lambda line: HistoryEntry.objects.bulk_update([line], ["data"]),
        lambda line: HistoryEntry.objects.update_or_create(pk=line.pk, defaults={"data": {}}),
    ],
)
def test_no_way_round_is_left(change):
    line = record(Event.REQUEST_SENT, subject=UserFactory(), structure=StructureFactory(), reason="Essai")
    with pytest.raises(TypeError), transaction.atomic():
        change(line)
    assert HistoryEntry.objects.get().data == {"reason": "Essai"}


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


def test_an_entry_keeps_values_and_says_them_when_shown():
    structure = StructureFactory(city="Rennes")
    made = write_changes(structure, {"city": "Brest", "requirement": "both", "undisclosed": True})
    entry = record(Event.STRUCTURE_CHANGED, structure=structure, **change_data(structure, made))
    entry.refresh_from_db()
    assert entry.data == {
        "model": "structures.Structure",
        "changes": {"city": ["Rennes", "Brest"], "requirement": ["none", "both"], "undisclosed": [False, True]},
    }
    assert entry.comment.splitlines() == [
        "Ville : Rennes → Brest",
        "Non diffusible : Non → Oui",
        "Exigence de facturation : Rien de particulier → Le numéro d'engagement et le service sont obligatoires",
    ]


def test_dates_people_and_columns_that_are_gone_can_still_be_said():
    referent = Referent.objects.create(administration="Rennes", name="Anne Un", email="a@exemple.example")
    structure = StructureFactory()
    made = write_changes(structure, {"referent": referent})
    assert change_data(structure, made)["changes"] == {"referent": [None, "Rennes – Anne Un"]}
    service = {"model": "structures.Service", "changes": {"valid_until": [None, "2026-12-31"]}}
    assert sentences(service) == ["Date de fin d'activation : vide → 31 décembre 2026"]
    assert sentences({"model": "structures.Service", "values": {"gone": 3}}) == ["gone : 3"]
    assert sentences({"model": "gone.Gone", "changes": {"x": ["a", "b"]}}) == ["x : a → b"]
    assert sentences(service | {"changes": {"valid_until": ["2026-12-31", None]}})[0].endswith("→ vide")
    assert sentences({"cause": "a_cause_since_removed"}) == ["a_cause_since_removed"]
    assert sentences({"cause": "never_activated", "count": 2}) == ["Compte jamais activé", "Nombre : 2"]
