"""The lists of requests as files: the same rows as on screen, and nothing a spreadsheet would compute."""

import csv

import pytest
from django.utils import timezone

from attachments.actions import approve_request, detach, refuse_request
from attachments.models import Role
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def managed(client):
    structure = StructureFactory(legal_name="Collège Jean Macé")
    client.force_login(AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user)
    return structure


def lines(client, **query):
    answer = client.get("/demandes/export.csv", query)
    assert answer.status_code == 200
    return list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines(), delimiter=";"))


def test_what_waits_is_exported_as_it_is_filtered(client, managed):
    wanted = AttachmentRequestFactory(structure=managed, user__last_name="Guéguen", whole_structure=False)
    wanted.services.add(ServiceFactory(structure=managed, label="=Intendance"))
    AttachmentRequestFactory(structure=managed, user__last_name="Vasseur")
    AttachmentRequestFactory()
    assert [line["Nom"] for line in lines(client)] == ["Guéguen", "Vasseur"]
    (line,) = lines(client, q="gueguen")
    assert line["Dossier n°"] == wanted.reference
    assert line["Adresse de connexion"] == wanted.user.email
    assert (line["Niveau"], line["Services"]) == ("Services", "'=Intendance")
    assert line["Identifiant"] == managed.identifier
    assert "Peuvent décider" not in line
    assert "/demandes/export.xlsx?q=gueguen" in client.get("/demandes/", {"q": "gueguen"}).text
    assert client.get("/demandes/export.xlsx").content.startswith(b"PK")


def test_whoever_is_anonymised_is_named_as_on_screen(client, managed):
    gone = UserFactory(
        first_name="", last_name="", email="clos-1@invalide.invalid", closed=True, anonymised_at=timezone.now()
    )
    AttachmentRequestFactory(structure=managed, user=gone, status="refused", reason="Non", decided_at=timezone.now())
    (line,) = lines(client, vue="decidees")
    assert (line["Nom"], line["Prénom"], line["Adresse de connexion"]) == ("utilisateur clos", "", "")


@pytest.mark.parametrize("standing", ["refused", "over", "back"])
def test_the_address_is_shown_of_those_who_wait_or_are_there_only(client, managed, standing):
    wanted = AttachmentRequestFactory(structure=managed, user__email="actuelle@exemple.example")
    me = managed.attachments.get().user
    if standing == "refused":
        refuse_request(wanted.pk, actor=me, reason="Non")
    else:
        place = approve_request(wanted.pk, actor=me)
        detach(place.pk, actor=me)
        if standing == "back":
            AttachmentFactory(structure=managed, user=wanted.user)
    (line,) = lines(client, vue="decidees")
    shown = [line["Adresse de connexion"], client.get("/demandes/?vue=decidees").text]
    shown.append(client.get(f"/demandes/{wanted.reference}/").text)
    expected = standing == "back"
    assert ["actuelle" in text and "exemple.example" in text for text in shown] == [expected] * 3
    assert bool(lines(client, vue="decidees", q="actuelle")) is expected


def test_of_several_structures_one_is_exported(client, managed):
    me = managed.attachments.get().user
    other = AttachmentFactory(user=me, role=Role.SECONDARY).structure
    for structure in (managed, other):
        AttachmentRequestFactory(structure=structure)
    assert [line["Identifiant"] for line in lines(client, structure=other.pk)] == [other.identifier]
    assert f"export.csv?structure={other.pk}" in client.get("/demandes/", {"structure": other.pk}).text


def test_decisions_are_exported_with_who_took_them_and_why(client, managed):
    me = managed.attachments.get().user
    approved, refused = AttachmentRequestFactory.create_batch(2, structure=managed)
    approve_request(approved.pk, actor=me, role=Role.SECONDARY)
    refuse_request(refused.pk, actor=me, reason="+Complet")
    no, yes = lines(client, vue="decidees")
    assert (no["Statut"], no["Motif du refus"], no["Rôle"]) == ("Refusée", "'+Complet", "")
    assert (yes["Rôle"], yes["Accordé pour"], yes["Décidée par"]) == (
        "Gestionnaire secondaire",
        "Toute la structure",
        str(me),
    )


def test_support_reads_who_decides_and_why_nobody_does(client, managed):
    theirs, orphan = AttachmentRequestFactory(structure=managed), AttachmentRequestFactory()
    me = managed.attachments.get().user
    assert [line["Dossier n°"] for line in lines(client, vue="toutes")] == [theirs.reference]
    client.force_login(UserFactory(staff=True))
    assert [line["Dossier n°"] for line in lines(client)] == [orphan.reference]
    first, second = lines(client, vue="toutes")
    assert (first["Peuvent décider"], first["Pourquoi personne ne peut"]) == (str(me), "")
    assert second["Pourquoi personne ne peut"] == "Aucun gestionnaire principal"


def test_whoever_decides_nothing_gets_an_empty_file(client):
    AttachmentRequestFactory()
    client.force_login(AttachmentFactory(role=Role.SIMPLE).user)
    assert lines(client) == []
    assert "export.csv" not in client.get("/demandes/").text
