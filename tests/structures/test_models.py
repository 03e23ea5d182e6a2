from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from directory.models import DirectoryEntry
from structures.models import Referent, Service, Structure
from tests.factories import DirectoryEntryFactory, ServiceFactory, StructureFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Structure(identifier="20003035100015", nature="public", legal_name="x"), "porte déjà cet identifiant"),
        (
            lambda: Structure(identifier="123456789", identifier_type="ridet", nature="public", legal_name="x"),
            "identifiée par un SIRET",
        ),
        (
            lambda: Structure(identifier="99990011100017", nature="private", legal_name="x", requirement="service"),
            "réservés aux structures publiques",
        ),
    ],
)
def test_what_must_be_true_of_a_structure(build, sentence):
    StructureFactory(identifier="20003035100015")
    with pytest.raises(ValidationError, match=sentence):
        build().full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        build().save()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code": "DIRECTION"}, "désigne déjà un service"),
        ({"code": "X", "valid_from": "2026-02-01", "valid_until": "2026-01-01"}, "précède la date de début"),
    ],
)
def test_what_must_be_true_of_a_service(fields, sentence):
    structure = ServiceFactory(code="DIRECTION").structure
    with pytest.raises(ValidationError, match=sentence):
        Service(structure=structure, label="x", **fields).full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        Service(structure=structure, label="x", **fields).save()


def test_a_service_is_open_between_its_dates_while_active():
    today = timezone.localdate()
    day = timedelta(days=1)
    open_ones = [ServiceFactory(), ServiceFactory(valid_until=today)]
    ServiceFactory(is_active=False)
    ServiceFactory(valid_from=today + day)
    ServiceFactory(valid_from=today - 2 * day, valid_until=today - day)
    assert set(Service.objects.open()) == set(open_ones)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: DirectoryEntry(identifier="20003035100015", nature="public", legal_name="x"),
            "contient déjà cet identifiant",
        ),
        (lambda: Referent(administration="Rennes", name="x", email="x@exemple.example"), "a déjà un référent"),
    ],
)
def test_what_must_be_true_of_the_directory_and_of_referents(build, sentence):
    DirectoryEntryFactory(identifier="20003035100015")
    Referent.objects.create(administration="Rennes", name="Anne Un", email="anne@exemple.example")
    with pytest.raises(ValidationError, match=sentence):
        build().full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        build().save()


@pytest.mark.parametrize("parameter", [{"requirement": "either"}, {"uses_pigp": True}])
def test_each_public_parameter_is_for_public_structures(parameter):
    StructureFactory(**parameter)
    with pytest.raises(IntegrityError), transaction.atomic():
        StructureFactory(private=True, **parameter)


def test_one_number_may_stand_for_two_types_of_identifier():
    StructureFactory(private=True, identifier_type="ridet", identifier="123456789")
    StructureFactory(private=True, identifier_type="tahiti", identifier="123456789")
    assert Structure.objects.identified_by("ridet", "123456789").count() == 1


def test_one_code_may_serve_in_two_structures():
    assert ServiceFactory(code="DIRECTION").structure != ServiceFactory(code="DIRECTION").structure


def test_a_service_may_last_one_day():
    ServiceFactory(valid_from="2026-02-01", valid_until="2026-02-01").full_clean()


def test_an_identifier_is_cleaned_before_it_is_compared():
    StructureFactory(identifier="20003035100015")
    with pytest.raises(ValidationError, match="porte déjà cet identifiant"):
        Structure(identifier="200 030 351 00015", nature="public", legal_name="x").full_clean()


def test_a_wrong_identifier_is_told_beside_its_field():
    with pytest.raises(ValidationError) as refused:
        Structure(identifier="20003035100016", nature="public", legal_name="x").full_clean()
    assert "Ce SIRET n'existe pas" in refused.value.message_dict["identifier"][0]


def test_an_address_shows_no_empty_line():
    structure = StructureFactory(address="3 rue du Port", complement_2="Étage 2", postcode="35400", city="Saint-Malo")
    assert structure.address_lines == ["3 rue du Port", "Étage 2", "35400 Saint-Malo", "France"]


@pytest.mark.parametrize(
    ("fields", "private"),
    [
        ({}, False),
        ({"undisclosed": True}, True),
        ({"private": True, "identifier_type": "person", "identifier": "DUPONT1"}, True),
    ],
)
def test_who_keeps_their_details_private(fields, private):
    assert StructureFactory(**fields).keeps_private is private


@pytest.mark.parametrize(
    ("words", "is_found"),
    [("200 030 351 00015", True), ("2000", True), ("ile", True), ("ÎLE", True), ("champ", True), ("00015", False)],
)
def test_a_structure_is_called_by_the_beginning_of_its_number_or_a_piece_of_a_name(words, is_found):
    StructureFactory(identifier="20003035100015", legal_name="Collège de l'Île", label="Champoulant")
    assert Structure.objects.called(words).exists() is is_found
