"""A principal manager reads the history of a structure: filters it, opens a line, downloads it."""

import pytest
from playwright.sync_api import expect

from attachments.models import Role
from history.actions import record
from history.models import Event
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


def test_reading_the_history(site, person, axe):
    structure = StructureFactory(legal_name="Lycée Simone Veil")
    manager = UserFactory(email="claire@exemple.example", first_name="Claire", last_name="Fontaine")
    manager.set_password(PASSWORD)
    manager.save()
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    ngoc = UserFactory(first_name="Ngoc-Anh", last_name="Tran")
    told = {"actor": manager, "structure": structure}
    record(Event.REQUEST_REFUSED, subject=ngoc, reason="Écrivez au rectorat.", **told)
    changes = {"model": "structures.Structure", "changes": {"city": ["Rennes", "Brest"]}}
    record(Event.STRUCTURE_CHANGED, **changes, **told)
    page = person()
    log_in(page, site, manager.email)
    page.goto(f"{site}/structures/{structure.pk}/")
    page.get_by_role("navigation", name="Rubriques").get_by_role("link", name="Historique").click()
    expect(page.get_by_role("row")).to_have_count(3)
    axe(page)
    nothing_overflows(page, 390)
    nothing_overflows(page, 1280)
    page.get_by_label("Personne").fill("tran")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("row").last).to_contain_text("Refusée")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"historique-{structure.identifier}.csv"
    page.get_by_role("link", name="Demande de rattachement refusée").click()
    expect(page.get_by_text("Écrivez au rectorat.")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Historique").first.click()
    expect(page.get_by_label("Personne")).to_have_value("tran")
    page.get_by_role("link", name="Tout afficher").click()
    page.get_by_role("link", name="Structure modifiée").click()
    expect(page.get_by_role("heading", name="Avant et après")).to_be_visible()
    expect(page.get_by_role("cell", name="Rennes")).to_be_visible()
    axe(page)
    page.goto(f"{site}/historique/?until=2026-99-99")
    expect(page.get_by_text("Écrivez une date qui existe")).to_be_visible()
    axe(page)
