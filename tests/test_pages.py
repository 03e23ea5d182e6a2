"""Home, « Organisation », the pages of text and the error pages."""

import re
from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import LinkRequest
from attachments.actions import refuse_request
from attachments.models import Role
from history.actions import record
from history.models import Event
from notifications.models import OutgoingMail
from plumbing.references import new_reference
from plumbing.text import of
from registration.models import Submission
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    BankAccountFactory,
    DirectoryImportFactory,
    OutgoingMailFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def words(answer):
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


@pytest.fixture
def structure():
    return StructureFactory(legal_name="Collège Jean Macé")


@pytest.fixture
def manager(client, structure):
    user = UserFactory(first_name="Claire", last_name="Fontaine")
    AttachmentFactory(user=user, structure=structure, role=Role.PRINCIPAL)
    client.force_login(user)
    return user


@pytest.fixture
def person(client):
    user = UserFactory(first_name="Rachid")
    client.force_login(user)
    return user


def ago(days):
    return timezone.now() - timedelta(days=days)


def test_home_starts_with_what_waits_oldest_first(client, manager, structure):
    for days in (2, 16, 5, 1, 3):
        AttachmentRequestFactory(structure=structure, created_at=ago(days))
    page = client.get("/")
    assert "Bonjour Claire" in page.text
    assert "5 demandes attendent votre décision, la plus ancienne depuis 16 jours." in words(page)
    assert [round((timezone.now() - row.created_at).days) for row in page.context["oldest"]] == [16, 5, 3, 2]
    assert "Voir les 5 demandes" in words(page)
    assert page.text.count("btn-primary") == 1


def test_a_row_says_the_level_and_the_structure_only_where_there_are_several(client, manager, structure):
    wanted = AttachmentRequestFactory(structure=structure, whole_structure=False)
    wanted.services.add(ServiceFactory(structure=structure, label="Intendance"))
    page = client.get("/")
    assert "1 demande attend votre décision." in words(page)
    assert "Rattachement · Intendance" in words(page)
    assert f"/demandes/{wanted.reference}/" in page.text
    AttachmentFactory(user=manager, role=Role.PRINCIPAL)
    assert "Rattachement · Collège Jean Macé · Intendance" in words(client.get("/"))


def test_nothing_waits_for_managers_and_nothing_is_said_of_it_to_others(client, manager, structure):
    assert "Aucune demande n'attend votre décision" in client.get("/").text
    AttachmentRequestFactory(structure=structure)
    client.force_login(AttachmentFactory(structure=structure).user)
    assert "votre décision" not in client.get("/").text


def test_my_requests_say_who_can_decide(client, person, manager, structure):
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY, user__last_name="Benali").user
    AttachmentFactory(structure=structure, role=Role.SECONDARY, user=UserFactory(activating=True, last_name="Absente"))
    client.force_login(person)
    wanted = AttachmentRequestFactory(user=person, structure=structure)
    orphan = AttachmentRequestFactory(user=person)
    decided = AttachmentRequestFactory(user=person, status="approved")
    page = words(client.get("/"))
    assert f"Peuvent décider : {manager} , {secondary} ." in page
    assert "Absente" not in page
    assert "l'assistance décide" in page
    assert wanted.spaced_reference in page
    assert orphan.spaced_reference in page
    assert decided.spaced_reference not in page


def test_an_undisclosed_structure_is_not_named_to_who_asks_for_it(client, person):
    hidden = StructureFactory(private=True, undisclosed=True, legal_name="Docteur Secret")
    AttachmentRequestFactory(user=person, structure=hidden)
    page = client.get("/").text
    assert "Docteur Secret" not in page
    assert hidden.full_identifier in page


@pytest.mark.parametrize(("days", "shown"), [(27, True), (29, False)])
def test_a_refusal_of_the_last_weeks_shows_its_reason(client, person, structure, days, shown):
    AttachmentRequestFactory(
        user=person, structure=structure, status="refused", reason="Mauvais collège", decided_at=ago(days)
    )
    assert ("Mauvais collège" in client.get("/").text) is shown


@pytest.mark.parametrize("then", ["asked again", "attached"])
def test_a_refusal_that_was_answered_is_not_shown(client, person, structure, then):
    AttachmentRequestFactory(
        user=person, structure=structure, status="refused", reason="Motif", decided_at=ago(2), created_at=ago(3)
    )
    if then == "attached":
        AttachmentFactory(user=person, structure=structure)
    else:
        AttachmentRequestFactory(user=person, structure=structure)
    assert "Motif" not in client.get("/").text


def test_a_refusal_comes_first_to_be_corrected_even_for_who_has_a_place_there(client, person, structure):
    place = AttachmentFactory(user=person, structure=structure, whole_structure=False, created_at=ago(9))
    place.services.add(ServiceFactory(structure=structure))
    AttachmentRequestFactory(user=person)
    refused = AttachmentRequestFactory(
        user=person, structure=structure, status="refused", reason="Motif", decided_at=ago(2), created_at=ago(3)
    )
    page = client.get("/").text
    assert page.index("Motif") < page.index("En cours de validation")
    assert f"/structures/{structure.pk}/rattachement/?dossier={refused.reference}" in page
    assert "Corriger et renvoyer" in page


def test_one_structure_shows_what_it_holds(client, manager, structure):
    ServiceFactory.create_batch(3, structure=structure)
    ServiceFactory(structure=structure, is_active=False)
    BankAccountFactory(structure=structure)
    for factory in (ServiceFactory, BankAccountFactory):
        factory(structure=structure, valid_from="2020-01-01", valid_until="2020-12-31")
    page = words(client.get("/"))
    for said in (
        "Ma structure",
        "3 Services",
        "1 Coordonnée bancaire",
        "1 Personne",
        "Vous êtes gestionnaire principal",
    ):
        assert said in page
    assert f"/structures/{structure.pk}/services/nouveau/" in client.get("/").text


def test_one_structure_says_who_does_the_rest(client, person, manager, structure):
    client.force_login(person)
    attachment = AttachmentFactory(user=person, structure=structure, whole_structure=False)
    attachment.services.add(ServiceFactory(structure=structure, label="Intendance"))
    page = client.get("/")
    assert "Vous êtes utilisateur simple (Intendance)" in words(page)
    assert manager.email in page.text
    assert "services/nouveau" not in page.text


def test_six_structures_are_shown_those_that_wait_first(client, manager, structure):
    attachments = AttachmentFactory.create_batch(11, user=manager, role=Role.SECONDARY)
    waiting = attachments[9].structure
    AttachmentRequestFactory.create_batch(2, structure=waiting)
    page = client.get("/")
    assert page.context["places"][0].structure == waiting
    assert len(page.context["places"]) == 6
    assert "Voir mes 12 structures" in page.text
    assert "2 demandes" in words(page)
    assert len(client.get("/organisation/").context["places"]) == 12


def test_the_structures_of_a_simple_user_count_nobody(client, person):
    AttachmentFactory.create_batch(2, user=person)
    page = client.get("/")
    assert "Rien" not in words(page).partition("Mes structures")[2].partition("Ce que vous pouvez faire")[0]
    assert "Utilisateur simple" in page.text


def test_an_attachment_to_come_is_announced_and_not_a_structure_of_mine_yet(client, person):
    AttachmentFactory(user=person, structure__legal_name="Lycée Future", starts_on="2999-01-01")
    page = client.get("/")
    assert page.context["places"] == []
    assert "Votre rattachement commence le 1 janvier 2999 Lycée Future" in words(page)
    assert "le jour où votre rattachement commence" in page.text


def test_attachments_that_end_soon_are_announced_to_their_managers(client, manager, structure):
    soon = timezone.localdate() + timedelta(days=10)
    ending = AttachmentFactory.create_batch(2, structure=structure, ends_on=soon)
    AttachmentFactory(structure=structure, ends_on=soon + timedelta(days=90))
    AttachmentFactory(structure=structure, starts_on=soon - timedelta(days=1), ends_on=soon)
    AttachmentFactory(structure=structure, ends_on=soon, ended_at=timezone.now())
    AttachmentFactory(ends_on=soon)
    page = client.get("/")
    assert (page.context["beginning"], page.context["ending"]) == ([], ending)
    for place in ending:
        assert f"Le rattachement {of(place.user)} prend fin le" in words(page)
        assert f"/rattachements/{place.pk}/prolonger/" in page.text
    AttachmentFactory.create_batch(5, structure=structure, ends_on=soon)
    assert "Et 2 autres d'ici à 30 jours" in words(client.get("/"))


def test_one_s_own_attachment_that_ends_soon_is_told_once(client, person, structure):
    soon = timezone.localdate() + timedelta(days=10)
    own = AttachmentFactory(user=person, structure=structure, role=Role.SECONDARY, ends_on=soon)
    AttachmentFactory(user=person, role=Role.SIMPLE, ends_on=soon + timedelta(days=90))
    elsewhere = AttachmentFactory(user=person).structure
    AttachmentFactory(structure=elsewhere, ends_on=soon)
    page = client.get("/")
    assert (page.context["beginning"], page.context["ending"]) == ([own], [])


def test_nobody_s_structure_gives_three_ways_on(client, person):
    page = client.get("/").text
    assert "Aucune structure pour l'instant" in page
    for address in ("/structures/", "/structures/nouvelle/", "mailto:assistance@portail.example"):
        assert f'href="{address}"' in page


def test_home_tells_what_i_did_and_not_what_others_did(client, manager, structure):
    wanted = AttachmentRequestFactory(structure=structure, user__last_name="Perrotin")
    refuse_request(wanted.pk, actor=manager, reason="Non")
    record(Event.SERVICE_CREATED, actor=manager, structure=structure, name="Restauration (R1)")
    record(Event.SERVICE_CHANGED, actor=UserFactory(), structure=structure, name="Autre")
    page = words(client.get("/"))
    assert f"Demande de rattachement refusée : {wanted.user}" in page
    assert "Service créé : Restauration (R1)" in page
    assert "Service modifié" not in page


def test_support_s_home_starts_with_its_queue(client):
    client.force_login(UserFactory(staff=True))
    orphan = AttachmentRequestFactory(structure__legal_name="École sans personne")
    AttachmentFactory(role=Role.PRINCIPAL, user=UserFactory(activating=True))
    DirectoryImportFactory(failed=True)
    DirectoryImportFactory(running=True)
    Submission.objects.create(reference=new_reference(), payload={}, attempts=1)
    LinkRequest.objects.create(email="a@exemple.example", purpose="reset", attempts=2)
    OutgoingMailFactory.create_batch(2, state=OutgoingMail.State.FAILED)
    page = client.get("/")
    assert f"/demandes/{orphan.reference}/" in page.text
    for said in (
        "École sans personne · Toute la structure",
        "1 gestionnaire principal n'a jamais activé son compte",
        "1 import de l'annuaire s'est interrompu",
        "1 import de l'annuaire est en attente ou en cours",
        "1 inscription n'a pas pu être traitée",
        "1 demande de lien n'a pas pu être traitée",
        "2 courriels n'ont pas pu partir",
    ):
        assert said in words(page)
    for errand in page.context["errands"]:
        listed = client.get(errand.address)
        assert listed.status_code == 200
        assert "?e=" not in listed.headers.get("Location", "")


def test_support_s_home_is_short_when_nothing_waits(client):
    client.force_login(UserFactory(staff=True))
    Submission.objects.create(reference=new_reference(), payload={})
    page = client.get("/")
    assert page.context["errands"] == []
    assert "Aucune demande n'attend votre décision" in page.text


def test_organisation_shows_counts_and_what_one_may_create(client, manager, structure):
    other = AttachmentFactory(user=manager).structure
    principal = AttachmentFactory(structure=other, role=Role.PRINCIPAL).user
    ServiceFactory.create_batch(2, structure=structure)
    page = client.get("/organisation/")
    assert f"/structures/{structure.pk}/services/nouveau/" in page.text
    assert f"/structures/{other.pk}/services/nouveau/" not in page.text
    assert f"Géré par {principal}" in words(page)
    assert f"mailto:{principal.email}" in page.text
    assert "2 services de Collège Jean Macé" in words(page)


def test_a_structure_switched_off_offers_nothing_to_create(client, manager, structure):
    structure.state = structure.State.INACTIVE
    structure.save()
    for path in ("/", "/organisation/"):
        page = client.get(path).text
        assert "Inactive" in page
        assert f"/structures/{structure.pk}/services/nouveau/" not in page


def test_a_secondary_manager_is_not_offered_what_the_principal_does(client, structure):
    client.force_login(AttachmentFactory(structure=structure, role=Role.SECONDARY).user)
    page = client.get("/organisation/").text
    assert "Gérer une structure" not in page
    assert "Les demandes de rattachement à une structure" in page


@pytest.mark.parametrize("path", ["/", "/organisation/"])
def test_many_structures_cost_no_more_queries_than_few(client, manager, path):
    def add():
        attachment = AttachmentFactory(user=manager, role=Role.PRINCIPAL, whole_structure=True)
        wanted = AttachmentRequestFactory(structure=attachment.structure, whole_structure=False)
        wanted.services.add(ServiceFactory(structure=attachment.structure))
        AttachmentRequestFactory(user=manager)
        record(Event.STRUCTURE_CHANGED, actor=manager, structure=attachment.structure, subject=UserFactory())

    counts = []
    for size in (2, 48):
        for _ in range(size):
            add()
        client.get("/")
        with CaptureQueriesContext(connection) as captured:
            client.get(path)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 30


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/aide/", "Ma demande reste sans réponse. Qui décide ?"),
        ("/accessibilite/", "partiellement conforme"),
        ("/mentions-legales/", "Éditeur"),
        ("/conditions/", "Ce à quoi vous vous engagez"),
        ("/donnees-personnelles/", "Vos droits"),
    ],
)
def test_pages_of_text_are_for_everybody_and_in_the_footer(client, path, said):
    assert f'href="{path}"' in client.get("/connexion/").text
    page = client.get(path)
    assert said in page.text
    assert "assistance@portail.example" in page.text


def test_links_of_the_help_lead_somewhere(client):
    client.force_login(UserFactory())
    page = client.get("/aide/").text
    for address in set(re.findall(r'href="(/[^"#]*)"', page)):
        if not address.startswith("/static/"):
            assert client.get(address, follow=True).status_code == 200, address


def test_the_legal_notice_names_publisher_and_host_or_says_what_is_missing(client, settings):
    assert "(inventé)" in client.get("/mentions-legales/").text
    settings.LEGAL_PUBLISHER = settings.LEGAL_HOST = ""
    page = client.get("/mentions-legales/").text
    assert "n'a pas encore indiqué son nom" in page
    assert "Le nom de l'hébergeur n'est pas encore indiqué" in page
    assert "LEGAL_" not in page
    settings.LEGAL_PUBLISHER = "Région <Ouest> ; 1 rue du Port ;"
    settings.LEGAL_HOST = "Hébergeur SA"
    page = client.get("/mentions-legales/").text
    assert "Région &lt;Ouest&gt;<br>1 rue du Port</p>" in page
    assert "Hébergeur SA" in page
    assert "LEGAL_" not in page


def test_browsers_find_an_icon_at_its_old_address(client):
    answer = client.get("/favicon.ico")
    assert finders.find(answer.url.removeprefix("/static/"))


def test_an_address_that_only_takes_a_form_says_so(client):
    client.force_login(UserFactory())
    for answer in (client.get("/deconnexion/"), client.get("/services/1/activer/"), client.delete("/aide/")):
        assert answer.status_code == 405
        assert answer["Allow"]
        assert "Rien n'a été changé" in answer.text
        assert 'href="/organisation/"' in answer.text


def test_support_is_not_sent_to_support(client):
    client.force_login(UserFactory(staff=True))
    page = client.get("/organisation/").text
    assert "Vous en devenez" not in page
    assert "où vous travaillez" not in page
    assert "Personne ne peut ou ne répond" not in page
    assert 'href="/admin/structures/structure/add/"' in page


def test_a_page_that_is_not_there_says_what_to_do(client):
    answer = client.get("/nulle-part/")
    assert answer.status_code == 404
    for said in ("Vérifiez l'adresse", 'href="/structures/"', "assistance@portail.example"):
        assert said in answer.text


def test_a_page_one_may_not_open_says_who_can(client, structure):
    client.force_login(AttachmentFactory(structure=structure).user)
    answer = client.get(f"/structures/{structure.pk}/modifier/")
    assert answer.status_code == 403
    assert 'href="/organisation/"' in answer.text


def test_a_breakdown_gives_the_address_of_support(client, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("chorus.pages.places_of", None)
    client.force_login(UserFactory())
    answer = client.get("/")
    assert answer.status_code == 500
    assert "assistance@portail.example" in answer.text
