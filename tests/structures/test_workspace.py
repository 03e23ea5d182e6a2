"""A structure as a workspace: what its band and tabs say to whom, and the way back to where one came from."""

import html
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from attachments.models import AttachmentRequest, Role
from structures.models import Referent, Structure
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    BankAccountFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Collège Ferry", address="1 rue du Bois", postcode="35000")
    ServiceFactory(structure=structure)
    ServiceFactory(structure=structure, is_active=False)
    BankAccountFactory(structure=structure)
    return structure


def tabs(answer):
    return [(label, count) for label, _, _, count in answer.context["workspace"].tabs]


def open_as(client, structure, role=None, **user):
    user = AttachmentFactory(structure=structure, role=role).user if role else UserFactory(**user)
    client.force_login(user)
    return client.get(f"/structures/{structure.pk}/")


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (Role.PRINCIPAL, "Vous êtes gestionnaire principal"),
        (Role.SECONDARY, "Vous êtes gestionnaire secondaire"),
        (Role.SIMPLE, "Vous êtes utilisateur simple"),
    ],
)
def test_the_band_says_what_one_is_there(client, structure, role, said):
    assert said in open_as(client, structure, role).text


def test_whoever_is_not_attached_learns_only_of_their_own_request(client, structure):
    assert "Vous êtes" not in open_as(client, structure).text
    request = AttachmentRequestFactory(structure=structure, user=UserFactory())
    client.force_login(request.user)
    assert "Votre demande de rattachement est en attente" in client.get(f"/structures/{structure.pk}/").text
    AttachmentRequest.objects.update(status="refused", reason="Non", decided_at=timezone.now())
    assert "Votre demande de rattachement a été refusée" in client.get(f"/structures/{structure.pk}/").text
    AttachmentFactory(user=request.user)
    client.force_login(UserFactory())
    assert "Votre demande" not in client.get(f"/structures/{structure.pk}/").text


def test_tabs_count_what_is_in_service(client, structure):
    for role in (Role.PRINCIPAL, Role.SIMPLE):
        assert tabs(open_as(client, structure, role))[:3] == [
            ("Informations", None),
            ("Services", 1),
            ("Coordonnées bancaires", 1),
        ]
    client.force_login(structure.attachments.principal().get().user)
    for path, count in (("/structures/gerees/", "service_count"), ("/services/", "part_count")):
        [listed] = client.get(f"{path}?q=ferry").context["page"]
        assert getattr(listed, count) == 1
    assert tabs(open_as(client, structure)) == [("Informations", None), ("Services", 1)]


@pytest.mark.parametrize(
    ("view", "tab"),
    [
        ("structure", "Informations"),
        ("change_structure", "Informations"),
        ("deactivate_structure", "Informations"),
        ("update_from_directory", "Informations"),
        ("change_identifier", "Informations"),
        ("services", "Services"),
        ("create_service", "Services"),
        ("bank_accounts", "Coordonnées bancaires"),
        ("create_bank_account", "Coordonnées bancaires"),
    ],
)
def test_every_page_of_a_structure_says_where_one_is(client, structure, view, tab):
    open_as(client, structure, Role.PRINCIPAL)
    answer = client.get(reverse(f"structures:{view}", args=[structure.pk]))
    assert [label for label, _, is_current, _ in answer.context["workspace"].tabs if is_current] == [tab]
    assert answer.text.count("<h1>") == 1
    trail = answer.context["workspace"].trail
    assert len(trail) <= 2
    assert ("Organisation", "/organisation/") in trail or ("Collège Ferry", f"/structures/{structure.pk}/") in trail


@pytest.mark.parametrize("view", ["service", "change_service", "deactivate_service"])
def test_pages_of_a_service_lead_back_to_the_list_as_it_was(client, structure, view):
    open_as(client, structure, Role.PRINCIPAL)
    services = f"/structures/{structure.pk}/services/"
    page = f"{reverse(f'structures:{view}', args=[structure.services.first().pk])}?retour={services}?q=e"
    assert ("Services", f"{services}?q=e") in client.get(page).context["workspace"].trail


def test_what_was_found_leads_back_to_the_search_from_every_tab(client, structure):
    user = UserFactory()
    client.force_login(user)
    found = client.get("/structures/", {"q": "ferry"})
    page = client.get(html.unescape(re.search(r'href="(/structures/\d+/[^"]*)"', found.text)[1]))
    assert page.context["workspace"].trail == [("Résultats de la recherche", "/structures/?q=ferry")]
    [address] = [address for label, address, _, _ in page.context["workspace"].tabs if label == "Services"]
    assert "/structures/?q=ferry" in client.get(address).text
    for inside in (page, client.get(address)):
        assert [section.label for section in inside.context["navigation"] if section.current] == ["Rechercher"]
    asking = client.get(f"/structures/{structure.pk}/rattachement/?retour=/structures/?q=ferry")
    assert asking.context["workspace"].trail == [
        ("Résultats de la recherche", "/structures/?q=ferry"),
        ("Collège Ferry", page.context["workspace"].address),
    ]
    elsewhere = client.get(f"/structures/{structure.pk}/?retour=https://mal.example/structures/?q=x")
    assert "mal.example" not in elsewhere.context["workspace"].trail[0][1]


def test_empty_values_are_not_printed(client, structure):
    page = open_as(client, structure, Role.PRINCIPAL).text
    assert "Raison sociale" in page
    assert "Libellé" not in page
    assert "Non diffusible" not in page
    assert "PIGP" not in page
    Structure.objects.update(address="", postcode="", city="")
    assert "Adresse" not in client.get(f"/structures/{structure.pk}/").text


def test_users_of_the_pigp_see_their_referent(client, structure):
    referent = Referent.objects.create(administration="Académie", name="Zoé Prat", email="zoe@academie.example")
    Structure.objects.update(uses_pigp=True, referent=referent)
    page = open_as(client, structure).text
    assert "Portail de gestion publique (PIGP)" in page
    assert "mailto:zoe@academie.example" in page


def test_rare_and_grave_actions_are_the_principal_s(client, structure):
    for role, offered in ((Role.PRINCIPAL, True), (Role.SECONDARY, False), (Role.SIMPLE, False), (None, False)):
        page = open_as(client, structure, role).text
        assert ("Autres actions" in page) is offered
        assert (f"/structures/{structure.pk}/desactiver/" in page) is offered
    page = open_as(client, structure, Role.SIMPLE).text
    assert "Qui peut modifier ?" in page
    assert f"{structure.attachments.principal().get().user}, gestionnaire principal" in page
    structure.attachments.principal().delete()
    assert "n'a pas de gestionnaire principal" in open_as(client, structure, Role.SIMPLE).text


def test_an_inactive_structure_says_who_can_activate_it(client, structure):
    Structure.objects.update(state="inactive")
    page = open_as(client, structure, Role.PRINCIPAL).text
    assert f'action="/structures/{structure.pk}/activer/"' in page
    page = open_as(client, structure, Role.SIMPLE).text
    assert "Son gestionnaire principal ou l'assistance" in page
    assert "/activer/" not in page


@pytest.mark.parametrize("may", [True, False])
def test_whoever_may_ask_for_an_attachment_is_offered_it(client, structure, monkeypatch, may):
    """Who may is the question of the app that knows requests."""
    monkeypatch.setattr("structures.views.workspace.Workspace.may_ask", may)
    assert ("Demander un rattachement</a>" in open_as(client, structure).text) is may


def test_whoever_works_there_is_offered_another_service(client, structure):
    user = AttachmentFactory(structure=structure, whole_structure=False).user
    client.force_login(user)
    page = client.get(f"/structures/{structure.pk}/").text
    assert "Demander un autre service</a>" in page
    assert "Demander un rattachement" not in page
