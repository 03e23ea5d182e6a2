"""Somebody's own library of files in a real browser; with and without JavaScript."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

from documents.models import FOLDER, SupportingDocument
from plumbing.typography import french_text
from tests.documents.samples import PDF, PROGRAM
from tests.factories import UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

MEGABYTE = 2**20
LONG_NAME = "é" * 150 + "à" * 146 + ".pdf"


@pytest.fixture
def owner(site, person, settings, tmp_path):
    """The page of somebody logged in, whose files are kept under `tmp_path`."""
    settings.MEDIA_ROOT = tmp_path
    user = UserFactory(email="claire@champoulant.example")
    user.set_password(PASSWORD)
    user.save()
    page = person()
    log_in(page, site, user.email)
    return page


def file(name, content):
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}


def on_disk(path, size):
    """A PDF of that size, too large to be handed to the browser another way."""
    path.write_bytes(PDF.ljust(size))
    return path


def fill(page, designation, chosen):
    page.get_by_label("Désignation").fill(designation)
    page.get_by_label("Type").select_option("Délégation de signature")
    page.get_by_label("Fichier").set_input_files(chosen)
    page.get_by_role("button", name="Ajouter la pièce jointe").click()


def test_files_are_added_found_changed_given_back_and_deleted(site, owner, axe, tmp_path):
    owner.goto(f"{site}/mes-pieces-jointes/")
    expect(owner.get_by_role("heading", name="Aucune pièce jointe")).to_be_visible()
    axe(owner)
    owner.get_by_role("link", name="Ajouter une pièce jointe").click()
    axe(owner)
    fill(owner, "Délégation 2026", on_disk(tmp_path / "délégation.pdf", 10 * MEGABYTE))
    expect(owner.get_by_text("La pièce jointe Délégation 2026 est ajoutée.")).to_be_visible()
    expect(owner.get_by_role("row").filter(has_text="Délégation 2026")).to_contain_text(french_text("PDF, 10 Mo"))

    owner.get_by_role("link", name="Ajouter une pièce jointe").click()
    refused = {
        "dépasse 10 Mo": on_disk(tmp_path / "trop.pdf", 10 * MEGABYTE + 1),
        "Ce fichier est un programme": file("facture.pdf", PROGRAM),
        "choisissez un PDF, une image": file("page.html", b"<html>"),
    }
    for said, chosen in refused.items():
        fill(owner, "Refusée", chosen)
        expect(owner.get_by_role("alert")).to_contain_text(french_text(said))
        expect(owner.get_by_label("Désignation")).to_have_value("Refusée")
        axe(owner)
    fill(owner, "Au nom très long", file(LONG_NAME, PDF))
    expect(owner.get_by_text("La pièce jointe Au nom très long est ajoutée.")).to_be_visible()
    for width in (320, 768, 1280):
        nothing_overflows(owner, width)
    axe(owner)

    row = owner.get_by_role("row").filter(has_text="Au nom très long")
    with owner.expect_download() as download:
        row.get_by_role("link", name="Télécharger").click()
    assert download.value.path().read_bytes() == PDF
    assert re.fullmatch(r"é{100,}\.pdf", SupportingDocument.objects.first().original_name)
    row.get_by_role("link", name="Modifier").click()
    axe(owner)
    owner.get_by_label("Désignation").fill("Bail")
    owner.get_by_label("Type").select_option("Marché, contrat ou convention")
    owner.get_by_role("button", name="Valider").click()
    expect(owner.get_by_text("Les modifications sont enregistrées.")).to_be_visible()

    owner.get_by_role("button", name="Supprimer celles qui sont cochées").click()
    expect(owner.get_by_text(french_text("Rien n'est coché"))).to_be_visible()
    owner.get_by_label("Cocher Bail").check()
    owner.get_by_label("Cocher Délégation 2026").check()
    axe(owner)
    with owner.expect_download() as download:
        owner.get_by_role("button", name="Télécharger celles qui sont cochées").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert sorted(info.file_size for info in archive.infolist()) == [len(PDF), 10 * MEGABYTE]
    owner.get_by_role("button", name="Supprimer celles qui sont cochées").click()
    expect(owner.get_by_role("heading", level=1)).to_have_text(french_text("Supprimer 2 pièces jointes ?"))
    axe(owner)
    owner.get_by_role("button", name="Supprimer les 2 pièces jointes").click()
    expect(owner.get_by_text(french_text("2 pièces jointes sont supprimées."))).to_be_visible()
    assert not [path for path in (tmp_path / FOLDER).rglob("*") if path.is_file()]
