from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from structures.lookup import Found, look_up
from structures.models import Service, Structure
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
            lambda: Structure(identifier="99990011100017", nature="private", legal_name="x", requires_service=True),
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


def test_a_structure_comes_before_the_directory():
    structure = StructureFactory(identifier="20003035100015")
    DirectoryEntryFactory(identifier="20003035100015")
    assert look_up("siret", "20003035100015").structure == structure


@pytest.mark.parametrize(
    ("build", "found", "must_describe"),
    [
        (lambda i: StructureFactory(identifier=i), Found.STRUCTURE, False),
        (lambda i: StructureFactory(identifier=i, undisclosed=True), Found.STRUCTURE, False),
        (lambda i: StructureFactory(identifier=i, state="inactive"), Found.INACTIVE, False),
        (lambda i: DirectoryEntryFactory(identifier=i), Found.DIRECTORY, False),
        (lambda i: DirectoryEntryFactory(identifier=i, undisclosed=True), Found.DIRECTORY, True),
        (lambda i: DirectoryEntryFactory(identifier=i, closed_on="2020-01-01"), Found.CLOSED, False),
        (lambda i: None, Found.NOTHING, True),
    ],
)
def test_an_identifier_stands_for(build, found, must_describe):
    build("20003035100015")
    lookup = look_up("siret", "20003035100015")
    assert (lookup.found, lookup.must_describe) == (found, must_describe)


def test_services_of_a_private_structure_are_not_told():
    structure = StructureFactory(undisclosed=True)
    ServiceFactory(structure=structure)
    assert look_up("siret", structure.identifier).services == []
