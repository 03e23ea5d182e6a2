import pytest

from structures.lookup import LookupOutcome, look_up
from tests.factories import DirectoryEntryFactory, ServiceFactory, StructureFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

SIRET = "20003035100015"


def test_a_structure_comes_before_the_directory():
    structure = StructureFactory(identifier=SIRET)
    DirectoryEntryFactory(identifier=SIRET)
    assert look_up("siret", SIRET).structure == structure


def test_a_structure_that_lives_here_does_so_whatever_the_directory_says():
    structure = StructureFactory(identifier=SIRET)
    DirectoryEntryFactory(identifier=SIRET, closed_on="2020-01-01")
    assert look_up("siret", SIRET).outcome is LookupOutcome.STRUCTURE
    assert look_up("siret", SIRET).structure == structure


@pytest.mark.parametrize(
    ("build", "found", "must_describe", "may_show"),
    [
        (lambda: StructureFactory(identifier=SIRET), LookupOutcome.STRUCTURE, False, True),
        (lambda: StructureFactory(identifier=SIRET, undisclosed=True), LookupOutcome.STRUCTURE, False, False),
        (lambda: StructureFactory(identifier=SIRET, state="inactive"), LookupOutcome.INACTIVE, False, True),
        (lambda: DirectoryEntryFactory(identifier=SIRET), LookupOutcome.DIRECTORY, False, True),
        (lambda: DirectoryEntryFactory(identifier=SIRET, undisclosed=True), LookupOutcome.DIRECTORY, True, False),
        (lambda: DirectoryEntryFactory(identifier=SIRET, closed_on="2020-01-01"), LookupOutcome.CLOSED, False, True),
        (lambda: None, LookupOutcome.NOTHING, True, False),
    ],
)
def test_an_identifier_stands_for(build, found, must_describe, may_show):
    build()
    lookup = look_up("siret", SIRET)
    assert (lookup.outcome, lookup.must_describe, lookup.may_show) == (found, must_describe, may_show)


@pytest.mark.parametrize("known", [StructureFactory, DirectoryEntryFactory])
def test_a_natural_person_is_never_shown(known):
    known(nature="private", identifier_type="person", identifier="DUPONT1")
    assert not look_up("person", "DUPONT1").may_show


def test_a_number_is_looked_up_under_its_own_type_only():
    StructureFactory(private=True, identifier_type="ridet", identifier="123456789")
    assert look_up("tahiti", "123456789").outcome is LookupOutcome.NOTHING


def test_what_the_directory_knows_is_looked_up_in_one_statement(django_assert_num_queries):
    DirectoryEntryFactory(identifier=SIRET)
    with django_assert_num_queries(1):
        look_up("siret", SIRET)


def test_only_open_services_are_offered():
    structure = StructureFactory(identifier=SIRET)
    offered = ServiceFactory(structure=structure)
    ServiceFactory(structure=structure, is_active=False)
    ServiceFactory()
    assert look_up("siret", SIRET).services == [offered]


@pytest.mark.parametrize(
    "private", [{"undisclosed": True}, {"nature": "private", "identifier_type": "person", "identifier": "DUPONT1"}]
)
def test_services_of_a_private_structure_are_not_told(private):
    structure = StructureFactory(**private)
    ServiceFactory(structure=structure)
    assert look_up(structure.identifier_type, structure.identifier).services == []


@pytest.mark.parametrize(
    ("build", "public"),
    [
        (lambda: StructureFactory(identifier=SIRET), True),
        (lambda: DirectoryEntryFactory(identifier=SIRET), True),
        (lambda: StructureFactory(identifier=SIRET, private=True), False),
        (lambda: None, False),
    ],
)
def test_public_is_what_is_known_to_be(build, public):
    build()
    assert look_up("siret", SIRET).is_public is public
