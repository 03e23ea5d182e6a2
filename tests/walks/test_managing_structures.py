"""A principal manager's structure in a real browser: found, changed, renumbered; with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from attachments.models import Role
from plumbing.typography import french_text
from structures.models import Structure
from tests.factories import AttachmentFactory, DirectoryEntryFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "21350051500035", "21350051500043"


@pytest.fixture
def manager(site, person):
    """The page of the principal manager of a town hall, logged in."""
    user = UserFactory(email="claire@mairie.example", first_name="Claire", last_name="Fontaine")
    user.set_password(PASSWORD)
    user.save()
    town = StructureFactory(identifier=OLD, legal_name="COMMUNE DE CESSON", city="CESSON", postcode="35510")
    AttachmentFactory(user=user, structure=town, role=Role.PRINCIPAL)
    ServiceFactory(structure=town, label="Finances")
    DirectoryEntryFactory(identifier=OLD, legal_name="COMMUNE DE CESSON-SÉVIGNÉ", city="CESSON-SÉVIGNÉ")
    DirectoryEntryFactory(identifier=NEW, legal_name="COMMUNE DE CESSON-SÉVIGNÉ", city="CESSON-SÉVIGNÉ")
    page = person()
    log_in(page, site, user.email)
    return page


def test_a_manager_keeps_the_structure_right(site, manager, axe):
    manager.get_by_role("link", name="Organisation").first.click()
    axe(manager)
    manager.get_by_role("link", name="Gérer une structure").click()
    expect(manager.get_by_role("heading", level=1)).to_have_text("COMMUNE DE CESSON")
    axe(manager)

    manager.get_by_role("link", name="Modifier", exact=True).click()
    axe(manager)
    manager.get_by_label("Libellé").fill("Mairie")
    manager.get_by_label(french_text("Le numéro d'engagement ou le service est obligatoire")).check()
    manager.get_by_label("Code postal").fill("3551")
    manager.get_by_label("Pays").fill("")
    manager.get_by_role("button", name="Valider").click()
    expect(manager.get_by_role("alert")).to_contain_text("Écrivez le pays")
    axe(manager)
    manager.get_by_label("Pays").fill("France")
    manager.get_by_role("button", name="Valider").click()
    expect(manager.get_by_role("alert")).to_contain_text("un code postal compte 5 chiffres")
    manager.get_by_label("Code postal").fill("35510")
    manager.get_by_role("button", name="Valider").click()
    expect(manager.get_by_text("Les modifications sont enregistrées")).to_be_visible()
    expect(manager.get_by_text("ou désigner un service, au choix")).to_be_visible()

    manager.get_by_role("link", name=french_text("Mettre à jour depuis l'annuaire")).click()
    expect(manager.get_by_role("row").filter(has_text="Ville")).to_contain_text("CESSON-SÉVIGNÉ")
    axe(manager)
    manager.get_by_role("button", name="Mettre à jour").click()
    expect(manager.get_by_text(french_text("La structure est à jour de l'annuaire"))).to_be_visible()

    manager.get_by_role("link", name="Désactiver").click()
    axe(manager)
    manager.get_by_role("button", name="Désactiver la structure").click()
    expect(manager.get_by_role("heading", name="Cette structure est inactive")).to_be_visible()
    axe(manager)
    manager.get_by_role("button", name="Activer").click()
    expect(manager.get_by_text("est activée.")).to_be_visible()


def test_a_manager_gives_the_structure_a_new_siret(site, manager, axe):
    manager.goto(f"{site}/structures/gerees/")
    manager.get_by_role("link", name=french_text("Modifier l'identifiant")).click()
    axe(manager)
    manager.get_by_label("Nouvel identifiant").fill("213 500 515 00044")
    manager.get_by_role("button", name="Continuer").click()
    expect(manager.get_by_role("alert")).to_contain_text(french_text("Ce SIRET n'existe pas"))
    expect(manager.get_by_label("Nouvel identifiant")).to_have_value("213 500 515 00044")
    axe(manager)
    manager.get_by_label("Nouvel identifiant").fill("213 500 515 00043")
    manager.get_by_role("button", name="Continuer").click()
    expect(manager.get_by_text("1 service, avec codes")).to_be_visible()
    expect(manager.get_by_text("1 rattachement, avec rôles")).to_be_visible()
    axe(manager)
    manager.get_by_role("button", name=french_text("Modifier l'identifiant")).click()
    expect(manager.get_by_text(french_text("L'identifiant est modifié"))).to_be_visible()
    expect(manager.get_by_text("213 500 515 00043").first).to_be_visible()
    axe(manager)
    assert not Structure.objects.get(identifier=OLD).is_active


def test_somebody_searches_and_founds_a_structure(site, manager, axe):
    for number in range(25):
        DirectoryEntryFactory(legal_name=f"Menuiserie {number:02d} aux très longs panneaux de bois", city="Rennes")
    manager.goto(f"{site}/organisation/")
    manager.get_by_role("link", name="Rechercher une structure").click()
    axe(manager)
    box = manager.get_by_label("Raison sociale, identifiant ou code postal")
    box.fill("me")
    manager.get_by_role("button", name="Rechercher", exact=True).click()
    expect(manager.get_by_role("alert")).to_contain_text("au moins trois lettres")
    axe(manager)
    box.fill("menuiserie")
    manager.get_by_text("Préciser champ par champ").click()
    manager.get_by_label("Ville").fill("rennes")
    manager.get_by_role("button", name="Rechercher avec ces champs").click()
    axe(manager)
    manager.get_by_role("link", name="Page suivante").click()
    expect(manager.get_by_role("row").filter(has_text="Menuiserie 24")).to_be_visible()
    manager.get_by_role("link", name="Menuiserie 24").first.click()
    axe(manager)
    manager.get_by_role("link", name="Résultats de la recherche").click()
    expect(manager.get_by_role("row").filter(has_text="Menuiserie 24")).to_be_visible()
    expect(manager.get_by_label("Ville")).to_have_value("rennes")
    manager.goto(f"{site}/structures/?legal_name=inconnue")
    axe(manager)

    manager.get_by_role("link", name="Créer une structure").click()
    manager.get_by_label("Identifiant", exact=True).fill("999 900 111 00017")
    manager.get_by_role("button", name="Rechercher la structure").click()
    axe(manager)
    for label, value in (
        ("Raison sociale", "Menuiserie Kerjean"),
        ("Adresse", "1 rue du Bois"),
        ("Code postal", "35000"),
    ):
        manager.get_by_label(label, exact=True).fill(value)
    manager.get_by_role("button", name="Créer la structure").click()
    expect(manager.get_by_role("alert")).to_contain_text("Écrivez la ville")
    axe(manager)
    manager.get_by_label("Ville").fill("Rennes")
    manager.get_by_role("button", name="Créer la structure").click()
    expect(manager.get_by_text("vous en êtes gestionnaire principal")).to_be_visible()
    axe(manager)
