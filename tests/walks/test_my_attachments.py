"""« Mes rattachements aux structures » in a real browser: asking, being refused, correcting, taking back, leaving."""

import pytest
from playwright.sync_api import expect

from attachments.actions import approve_request, refuse_request
from attachments.models import Attachment, AttachmentRequest, Role
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, every_control_shows_focus, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


def account(email, **fields):
    user = UserFactory(email=email, **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Lycée Simone Veil")
    for label in ("Intendance", "Vie scolaire"):
        ServiceFactory(structure=structure, label=label)
    return structure


@pytest.fixture
def manager(structure):
    manager = UserFactory(first_name="Claire", last_name="Fontaine")
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    return manager


def open_mine(page):
    page.locator("header details:has(.initials) > summary").click()
    page.get_by_role("link", name="Mes rattachements", exact=True).click()


def ask_from_the_search(page, axe):
    page.get_by_role("link", name="Demander un rattachement").click()
    page.get_by_label("Raison sociale, identifiant ou code postal").fill("simone veil")
    page.get_by_role("button", name="Rechercher", exact=True).click()
    page.get_by_role("link", name="Demander un rattachement").first.click()
    axe(page)
    page.get_by_label("Seulement un ou plusieurs services").check()
    page.get_by_label("Intendance").check()
    page.get_by_label("Date de fin").fill("2020-01-01")
    page.get_by_label("Commentaire").fill("Je remplace Anne.")
    page.locator("form[novalidate] .btn-primary").click()
    expect(page.get_by_role("alert")).to_contain_text("La date de fin précède la date de début")
    axe(page)
    page.get_by_label("Date de fin").fill("")
    page.get_by_role("button", name="Envoyer la demande").click()
    expect(page.get_by_text("La décision revient à Claire Fontaine")).to_be_visible()


def test_from_asking_to_leaving(site, structure, manager, person, axe):
    asker = account("rachid@exemple.example")
    page = person()
    log_in(page, site, asker.email)
    open_mine(page)
    expect(page.get_by_role("heading", name="Vous n’êtes rattaché à aucune structure")).to_be_visible()
    axe(page)
    ask_from_the_search(page, axe)

    # Pending: who can decide; refused: why; corrected.
    open_mine(page)
    expect(page.get_by_text("Peut décider : Claire Fontaine.")).to_be_visible()
    axe(page)
    nothing_overflows(page, 390)
    axe(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    first = AttachmentRequest.objects.get()
    refuse_request(first.pk, actor=manager, reason="Demandez la vie scolaire.")
    page.reload()
    expect(page.get_by_text("Demandez la vie scolaire.")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Corriger et renvoyer").click()
    expect(page.get_by_label("Commentaire")).to_have_value("Je remplace Anne.")
    expect(page.get_by_label("Intendance")).to_be_checked()
    axe(page)
    page.get_by_label("Intendance").uncheck()
    page.get_by_label("Vie scolaire").check()
    page.get_by_role("button", name="Envoyer la demande").click()

    # Approved, then left.
    second = AttachmentRequest.objects.pending().get()
    assert [service.label for service in second.services.all()] == ["Vie scolaire"]
    approve_request(second.pk, actor=manager, whole_structure=False, services=second.services.all())
    open_mine(page)
    expect(page.get_by_role("row", name="Lycée Simone Veil")).to_contain_text("Vie scolaire")
    axe(page)
    every_control_shows_focus(page)
    nothing_overflows(page, 390)
    axe(page)
    page.get_by_label("Cocher Lycée Simone Veil").check()
    page.get_by_role("button", name="Supprimer mes rattachements").click()
    expect(page.get_by_text("Ce service reste sans personne : Vie scolaire.")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Supprimer mon rattachement").click()
    expect(page.get_by_text("Vous n’êtes plus rattaché à Lycée Simone Veil.")).to_be_visible()
    assert not Attachment.objects.current().filter(user=asker).exists()


def test_taking_back_and_the_succession(site, structure, manager, person, axe):
    principal = account("anne@exemple.example")
    for name in ("Collège Jean Macé", "Collège Cleunay"):
        AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__legal_name=name)
    page = person()
    log_in(page, site, principal.email)
    page.goto(f"{site}/structures/{structure.pk}/rattachement/")
    page.get_by_role("button", name="Envoyer la demande").click()
    open_mine(page)
    page.get_by_role("link", name="Demandes 1").click()
    page.get_by_role("link", name="Retirer la demande").click()
    axe(page)
    page.get_by_role("button", name="Retirer la demande").click()
    expect(page.get_by_text("Votre demande est retirée")).to_be_visible()
    expect(page.get_by_role("heading", name="Aucune demande en cours")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Rattachements 2").click()
    page.get_by_label("Cocher Collège Jean Macé").check()
    page.get_by_role("button", name="Supprimer mes rattachements").click()
    expect(page.get_by_role("heading", name="Désigner un nouveau gestionnaire principal")).to_be_visible()
    expect(page.get_by_text("Collège Jean Macé").first).to_be_visible()
    expect(page.get_by_text("Collège Cleunay")).to_have_count(0)
    axe(page)
    assert principal.attachments.current().count() == 2
