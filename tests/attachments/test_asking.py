"""« Demander un rattachement » from a structure's page."""

import pytest

from attachments.models import AttachmentRequest, Role
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(client):
    user = UserFactory()
    client.force_login(user)
    return user


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Collège Jean Macé")
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__first_name="Claire", user__last_name="Fontaine")
    return structure


def url(structure):
    return f"/structures/{structure.pk}/rattachement/"


def test_a_request_for_the_whole_structure_is_sent_and_says_who_decides(client, person, structure):
    answer = client.post(url(structure), {"scope": "whole", "comment": "Je remplace Anne."}, follow=True)
    sent = AttachmentRequest.objects.get()
    assert (sent.user, sent.whole_structure, sent.comment) == (person, True, "Je remplace Anne.")
    assert f"est envoyée (Toute la structure) : dossier n° {sent.spaced_reference}" in answer.text
    assert "La décision revient à Claire Fontaine, gestionnaire principal." in answer.text
    assert answer.redirect_chain == [(f"/structures/{structure.pk}/", 302)]


def test_a_request_for_some_services_is_sent(client, person, structure):
    asked, _other = ServiceFactory(structure=structure), ServiceFactory(structure=structure)
    client.post(url(structure), {"scope": "services", "services": [asked.pk]})
    sent = AttachmentRequest.objects.get()
    assert (sent.whole_structure, list(sent.services.all())) == (False, [asked])


@pytest.mark.parametrize(
    "posted",
    [
        {},
        {"scope": "forged"},
        {"scope": "services"},
        {"scope": "services", "services": ["abc"]},
        {"scope": "services", "services": ["99999999999999999999"]},
        {"scope": "whole", "comment": "x" * 2001},
        {"scope": "whole", "comment": "Voyez www.mal.example"},
    ],
)
def test_what_makes_no_sense_is_said_beside_its_field(client, person, structure, posted):
    ServiceFactory(structure=structure)
    answer = client.post(url(structure), posted)
    assert answer.status_code == 422
    assert posted.get("comment", "") in answer.text
    assert not AttachmentRequest.objects.exists()


def test_services_with_the_whole_structure_are_questioned(client, person, structure):
    service = ServiceFactory(structure=structure)
    answer = client.post(url(structure), {"scope": "whole", "services": [service.pk]})
    assert "Des services sont cochés" in answer.text


@pytest.mark.parametrize("stranger", [True, False])
def test_services_of_other_structures_and_closed_ones_cannot_be_asked_for(client, person, structure, stranger):
    ServiceFactory(structure=structure)
    service = ServiceFactory() if stranger else ServiceFactory(structure=structure, is_active=False)
    assert client.post(url(structure), {"scope": "services", "services": [service.pk]}).status_code == 422


def test_services_one_has_are_said_and_not_asked_for_again(client, person, structure):
    held, other = ServiceFactory(structure=structure), ServiceFactory(structure=structure)
    AttachmentFactory(user=person, structure=structure, whole_structure=False).services.add(held)
    answer = client.get(url(structure))
    assert "Vous gardez ce que vous avez" in answer.text
    assert list(answer.context["form"].fields["services"].queryset) == [other]


def test_one_service_more_presets_nothing_and_the_confirmation_says_what_was_asked(client, person, structure):
    held, other = ServiceFactory(structure=structure), ServiceFactory(structure=structure, label="Cantine")
    AttachmentFactory(user=person, structure=structure, whole_structure=False).services.add(held)
    scope = client.get(url(structure)).context["form"]["scope"]
    assert scope.value() is None
    assert [value for value, _ in scope.field.choices] == ["services", "whole"]
    for untouched in ({}, {"scope": ""}, {"services": []}):
        answer = client.post(url(structure), untouched)
        assert "Choisissez un niveau de rattachement." in answer.context["form"].errors["scope"]
    assert not AttachmentRequest.objects.exists()
    answer = client.post(url(structure), {"scope": "services", "services": [other.pk]}, follow=True)
    assert f"est envoyée ({AttachmentRequest.objects.get().part})" in answer.text
    assert "Cantine" in answer.text


def test_whoever_has_all_of_it_has_nothing_to_ask(client, person, structure):
    AttachmentFactory(user=person, structure=structure)
    assert "Votre rattachement couvre déjà toute cette structure" in client.get(url(structure)).text
    assert client.post(url(structure), {"scope": "whole"}).status_code == 200
    assert not AttachmentRequest.objects.exists()


def test_whoever_waits_reads_the_number_and_who_decides(client, person, structure):
    sent = AttachmentRequestFactory(user=person, structure=structure)
    page = client.get(url(structure)).text
    assert sent.spaced_reference in page
    assert "La décision revient à Claire Fontaine" in page
    client.post(url(structure), {"scope": "whole"})
    assert AttachmentRequest.objects.get() == sent


def test_an_inactive_structure_says_so(client, person):
    structure = StructureFactory(state="inactive")
    assert "Cette structure est inactive" in client.get(url(structure)).text
    client.post(url(structure), {"scope": "whole"})
    assert not AttachmentRequest.objects.exists()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_private_structure_of_others_is_not_found(client, person, method):
    structure = StructureFactory(private=True)
    assert getattr(client, method)(url(structure), {"scope": "whole"}).status_code == 404
    assert client.get("/structures/99999999999999999999/rattachement/").status_code == 404


def test_where_nobody_manages_support_decides(client, person):
    answer = client.post(url(StructureFactory()), {"scope": "whole"}, follow=True)
    assert "La décision revient à l'assistance du portail." in answer.text


def test_where_only_secondaries_act_no_name_is_promised(client, person):
    structure = AttachmentFactory(role=Role.SECONDARY).structure
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__state="disabled")
    answer = client.post(url(structure), {"scope": "whole"}, follow=True)
    assert "La décision revient à un gestionnaire secondaire de la structure." in answer.text


def test_the_first_one_on_a_private_structure_is_told_before_and_after(client, person):
    held = AttachmentFactory(user=person, structure=StructureFactory(private=True), whole_structure=False)
    assert "Vous devenez gestionnaire principal" in client.get(url(held.structure)).text
    answer = client.post(url(held.structure), {"scope": "whole"}, follow=True)
    assert "Vous êtes gestionnaire principal de" in answer.text


def test_the_button_is_for_whoever_may_ask(person, structure):
    def may(user, where=structure):
        return user.has_perm("attachments.request_attachment", where)

    partly = AttachmentFactory(structure=structure, whole_structure=False).user
    assert [may(user) for user in (person, partly)] == [True, True]
    whole = AttachmentFactory(structure=structure).user
    waiting = AttachmentRequestFactory(structure=structure, user=UserFactory()).user
    assert [may(user) for user in (whole, waiting, UserFactory(staff=True))] == [False] * 3
    assert not may(person, StructureFactory(state="inactive"))
    assert not may(person, None)
