"""« Rattacher un utilisateur », « Créer le compte utilisateur », « Rechercher utilisateur », in a real browser."""

import pytest
from playwright.sync_api import expect

from attachments.models import Attachment, Role
from notifications.models import OutgoingMail
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(site, person):
    structure = StructureFactory(legal_name="Lycée Simone Veil")
    ServiceFactory(structure=structure, label="Intendance")
    manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__email="claire@exemple.example").user
    manager.set_password(PASSWORD)
    manager.save()
    page = person()
    log_in(page, site, manager.email)
    page.goto(f"{site}/structures/{structure.pk}/")
    return page


def test_a_manager_attaches_creates_resends_and_exports(page, axe, site):
    UserFactory(email="lou@exemple.example", first_name="Lou", last_name="Petit")
    page.get_by_role("link", name="Personnes").click()
    page.get_by_role("link", name="Rattacher un utilisateur").click()
    axe(page)
    page.get_by_label("Adresse de connexion").fill("lou@exemple.example")
    page.get_by_label("Gestionnaire secondaire").check()
    page.get_by_role("button", name="Rattacher", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Rattachement fait : Lou Petit, gestionnaire secondaire")
    axe(page)

    page.get_by_role("link", name="Rattacher un utilisateur").click()
    page.get_by_label("Adresse de connexion").fill("sam@exemple.example")
    page.get_by_label("Seulement un ou plusieurs services").check()
    page.get_by_label("Intendance").check()
    page.get_by_role("button", name="Rattacher", exact=True).click()
    axe(page)
    page.get_by_role("button", name="Créer le compte utilisateur").click()
    expect(page.get_by_label("Adresse de connexion", exact=True)).to_have_value("sam@exemple.example")
    axe(page)
    page.get_by_label("Confirmation de l’adresse").fill("sam@exemple.example")
    page.get_by_label("Prénom").fill("Sam")
    page.get_by_label("Nom", exact=True).fill("Martin")
    page.get_by_role("button", name="Créer le compte").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sam Martin")
    axe(page)
    place = Attachment.objects.get(user__email="sam@exemple.example")
    assert (place.part, place.user.state) == ("Intendance", "activating")

    OutgoingMail.objects.all().delete()
    page.goto(f"{site}/personnes/")
    axe(page)
    page.get_by_label("Cocher Sam Martin").check()
    with page.expect_download() as file:
        page.get_by_role("button", name="CSV").click()
    text = file.value.path().read_text(encoding="utf-8-sig")
    assert "sam@exemple.example" in text
    assert "lou@exemple.example" not in text
    page.get_by_role("button", name="Renvoyer le courriel d’activation").click()
    axe(page)
    page.get_by_role("button", name="Renvoyer le courriel d’activation").click()
    expect(page.get_by_role("status").first).to_contain_text("renvoyé à Sam Martin")
    assert OutgoingMail.objects.get().slug == "activation"


def test_a_file_of_ten_two_of_them_wrong(page, axe, tmp_path):
    good = [f"p{n}@exemple.example;Anne;Numéro {letter};;;;;" for n, letter in enumerate("ABCDEFGH")]
    wrong = ["sans adresse;Sam;Un;;;;;", "x@exemple.example;Lou;Deux;;;INCONNU;;"]
    header = "Adresse de connexion;Prénom;Nom;Téléphone;Rôle;Services;Date de début;Date de fin"
    path = tmp_path / "personnes.csv"
    path.write_text("\n".join([header, *good, *wrong]), encoding="utf-8")
    structure = Attachment.objects.get().structure
    page.goto(f"{page.url.partition('/structures/')[0]}/structures/{structure.pk}/fichier/")
    axe(page)
    page.get_by_label("Fichier").set_input_files(path)
    page.get_by_role("button", name="Vérifier le fichier").click()
    expect(page.get_by_role("heading", name="2 à corriger")).to_be_visible()
    axe(page)
    with page.expect_download() as file:
        page.get_by_role("button", name="Télécharger les lignes à corriger").click()
    assert len(file.value.path().read_text(encoding="utf-8-sig").splitlines()) == 3
    # The page is still there, and so is what it is for.
    page.get_by_role("button", name="Rattacher 8 personnes").click()
    expect(page.get_by_text("8 personnes").first).to_be_visible()
    axe(page)
    assert Attachment.objects.count() == 9
