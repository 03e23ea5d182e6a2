import pytest

from directory.models import Establishment
from history.models import HistoryEntry
from structures.actions import create_from_directory, create_private
from structures.models import Structure
from tests.factories import DirectoryEntryFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

ADDRESS = {
    "label": "Le Port",
    "address": "3 rue du Port",
    "complement_1": "Bâtiment B",
    "complement_2": "Étage 2",
    "postcode": "35400",
    "city": "Saint-Malo",
    "country": "France",
}
DESCRIBED = ADDRESS | {"legal_name": "Menuiserie Kerjean"}


def journal():
    return list(HistoryEntry.objects.values_list("event", "actor", "structure"))


def new_private(actor, identifier="99990011100017"):
    return create_private(identifier_type="siret", identifier=identifier, described=DESCRIBED, actor=actor)


@pytest.mark.parametrize("nature", ["public", "private"])
def test_a_structure_takes_everything_from_its_directory_entry(nature):
    entry, actor = DirectoryEntryFactory(nature=nature, legal_name="École du Port", **ADDRESS), UserFactory()
    structure = create_from_directory(entry.pk, actor=actor)
    for name in ("identifier_type", "identifier", "nature", "undisclosed", *Establishment.DESCRIPTIVE):
        assert getattr(structure, name) == getattr(entry, name), name
    assert structure.is_active
    assert journal() == [("structure_created", actor.pk, structure.pk)]


def test_only_public_structures_receive_invoices_at_first():
    public, private = DirectoryEntryFactory(), DirectoryEntryFactory(nature="private")
    actor = UserFactory()
    assert create_from_directory(public.pk, actor=actor).receives_invoices
    assert not create_from_directory(private.pk, actor=actor).receives_invoices


def test_what_the_directory_keeps_private_comes_from_the_registrant():
    entry = DirectoryEntryFactory(nature="private", undisclosed=True, legal_name="[ND]", city="[ND]")
    structure = create_from_directory(entry.pk, actor=UserFactory(), described=DESCRIBED)
    assert structure.description == DESCRIBED
    assert structure.undisclosed


def test_a_directory_entry_makes_one_structure_and_one_line_of_history():
    entry = DirectoryEntryFactory()
    first = create_from_directory(entry.pk, actor=UserFactory())
    assert create_from_directory(entry.pk, actor=UserFactory()) == first
    assert len(journal()) == 1


def test_a_private_structure_is_as_its_first_registrant_describes_it():
    actor = UserFactory()
    structure = new_private(actor)
    structure.full_clean()
    assert (structure.nature, structure.description) == ("private", DESCRIBED)
    assert journal() == [("structure_created", actor.pk, structure.pk)]


def test_a_second_registrant_changes_nothing_of_a_structure_made_meanwhile():
    first = StructureFactory(identifier="99990011100017", legal_name="Première")
    ServiceFactory(structure=first)
    assert new_private(UserFactory()) == first
    assert Structure.objects.get().legal_name == "Première"
    assert journal() == []
