"""A principal manager's services and bank accounts in a real browser; with and without JavaScript."""

import pytest
from playwright.sync_api import expect

from attachments.models import Role
from history.models import HistoryEntry
from plumbing.typography import french_text
from tests.factories import AttachmentFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(site, person):
    """The page of a principal manager, logged in."""
    user = UserFactory(email="claire@champoulant.example")
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user, structure__legal_name="COLLEGE DE CHAMPOULANT", role=Role.PRINCIPAL)
    page = person()
    log_in(page, site, user.email)
    return page


def test_a_service_is_created_changed_switched_off_and_on(site, manager, axe):
    manager.goto(f"{site}/services/")
    expect(manager.get_by_role("heading", name="Aucun service")).to_be_visible()
    axe(manager)
    manager.get_by_role("link", name="Créer un service").click()
    manager.get_by_label("Libellé").fill("Intendance")
    manager.get_by_role("button", name="Créer le service").click()
    expect(manager.get_by_role("alert")).to_contain_text("Donnez un code au service")
    axe(manager)
    manager.get_by_label("Code").fill("SERVICE_INTENDANCE")
    manager.get_by_label("Date de début").fill("2026-01-01")
    manager.get_by_label(french_text("Le numéro d'engagement est obligatoire")).check()
    manager.get_by_role("button", name="Créer le service").click()
    expect(manager.get_by_text("Le service Intendance est créé.")).to_be_visible()
    axe(manager)

    manager.get_by_role("link", name="Modifier").click()
    axe(manager)
    manager.get_by_label("Libellé").fill("Gestion")
    manager.get_by_role("button", name="Enregistrer").click()
    expect(manager.get_by_role("heading", level=1)).to_have_text("Gestion")
    manager.get_by_role("link", name="Désactiver").click()
    axe(manager)
    manager.get_by_role("button", name="Désactiver").click()
    expect(manager.get_by_text("Le service Gestion est désactivé.")).to_be_visible()
    axe(manager)
    manager.get_by_role("button", name="Activer").click()
    expect(manager.get_by_text("Le service Gestion est activé.")).to_be_visible()
    manager.get_by_role("link", name="Services").first.click()
    expect(manager.get_by_role("row").filter(has_text="Gestion")).to_contain_text("En service")
    axe(manager)
    assert HistoryEntry.objects.filter(event__startswith="service_").count() == 4


def test_a_bank_account_is_created_changed_switched_off_and_on(site, manager, axe):
    manager.goto(f"{site}/coordonnees-bancaires/nouvelle/")
    axe(manager)
    manager.get_by_label("Libellé").fill("Compte principal")
    manager.get_by_label("Titulaire").fill("Agent comptable")
    manager.get_by_label("IBAN").fill("fr76 3000 6000 0112 3456 7890 188")
    manager.get_by_role("button", name="Créer").click()
    expect(manager.get_by_role("alert")).to_contain_text("mal recopié")
    axe(manager)
    manager.get_by_label("IBAN").fill("fr76 3000 6000 0112 3456 7890 189")
    manager.get_by_role("button", name="Créer").click()
    expect(manager.get_by_text("La coordonnée bancaire Compte principal est créée.")).to_contain_text("AGRIFRPPXXX")
    expect(manager.get_by_text("FR76 3000 6000 0112 3456 7890 189")).to_be_visible()
    axe(manager)

    manager.get_by_role("link", name="Modifier").click()
    axe(manager)
    manager.get_by_label("IBAN").fill("FR14 2004 1010 0505 0001 3M02 606")
    manager.get_by_role("button", name="Enregistrer").click()
    expect(manager.get_by_text("Les modifications sont enregistrées.")).to_contain_text("LA BANQUE POSTALE")
    manager.get_by_role("link", name="Désactiver").click()
    axe(manager)
    manager.get_by_role("button", name="Désactiver").click()
    manager.get_by_role("button", name="Activer").click()
    expect(manager.get_by_text("La coordonnée bancaire Compte principal est activée.")).to_be_visible()
    manager.get_by_role("link", name="Coordonnées bancaires").first.click()
    expect(manager.get_by_role("row").filter(has_text="Compte principal")).to_contain_text("FR•• •••• 2606")
    axe(manager)
    assert not [entry for entry in HistoryEntry.objects.all() if "2004" in str(entry.data)]
