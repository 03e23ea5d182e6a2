"""A manager decides on spaces: one request in part, one refused, and who has what, changed in place."""

import pytest
from playwright.sync_api import expect

from attachments.models import Role
from spaces.actions import ask
from spaces.models import Space, StructureSpace
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager():
    structure = StructureFactory(legal_name="Lycée Simone Veil")
    engagements = Space.objects.get(code="engagements")
    StructureSpace.objects.create(structure=structure, space=engagements)
    user = UserFactory(email="claire@exemple.example")
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user, structure=structure, role=Role.PRINCIPAL)
    for name in ("Amrani", "Riva"):
        asker = AttachmentFactory(structure=structure, user=UserFactory(last_name=name)).user
        parts = [(None, "consultation"), (None, "modification")]
        ask(asker, structure.pk, engagements.pk, actor=asker, parts=parts)
    return user


def test_from_what_waits_to_who_has_what(site, manager, person, axe):
    page = person()

    def looks_right():
        axe(page)
        nothing_overflows(page, 390)
        page.set_viewport_size({"width": 1280, "height": 900})

    log_in(page, site, manager.email)
    expect(page.get_by_text("2 demandes attendent votre décision")).to_be_visible()
    page.get_by_role("link", name="Traiter les demandes").click()
    page.get_by_role("link", name="Consulter la demande d’abonnement d’Anne Amrani").click()
    page.get_by_label("Modification, Engagements").uncheck()
    page.get_by_label("À toute la structure").check()
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_role("alert")).to_contain_text("Dites pourquoi")
    looks_right()
    page.get_by_label("Motif de ce qui est refusé").fill("Vous ne signez pas les bons de commande.")
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_role("heading", name="Refusé à Anne Amrani")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Revenir").click()
    page.get_by_label("À cet utilisateur seulement").check()
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_text("Donné à Anne Amrani : Engagements")).to_be_visible()

    page.get_by_role("link", name="Consulter la demande d’Anne Riva").click()
    page.get_by_role("link", name="Refuser").click()
    looks_right()
    page.get_by_label("Autre motif").check()
    page.get_by_label("Précision").fill("Pas dans vos missions.")
    page.get_by_role("button", name="Refuser la demande").click()
    page.get_by_role("link", name="Décidées").click()
    expect(page.get_by_role("link", name="Anne Riva")).to_be_visible()
    looks_right()

    structure = manager.attachments.get().structure_id
    page.goto(f"{site}/structures/{structure}/espaces/personnes/")
    looks_right()
    page.get_by_role("link", name="Modifier ces accès").click()
    page.get_by_label("Modification, Engagements, Anne Riva").check()
    looks_right()
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_role("heading", name="Donnés (1)")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Changer ces accès").click()
    expect(page.get_by_text("1 accès donné")).to_be_visible()
