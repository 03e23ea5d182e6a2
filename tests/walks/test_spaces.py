"""« Mes abonnements aux espaces » in a real browser, in the words of the guide: asking, waiting, having, deleting."""

import pytest
from playwright.sync_api import expect

from attachments.models import Role
from spaces.actions import approve, ask
from spaces.models import Space, StructureSpace, Subscription
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager():
    structure = StructureFactory(legal_name="Lycée Simone Veil")
    ServiceFactory(structure=structure, label="Intendance")
    StructureSpace.objects.create(structure=structure, space=Space.objects.get(code="engagements"))
    manager = UserFactory(first_name="Claire", last_name="Fontaine")
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    return manager


@pytest.fixture
def asker(manager):
    user = UserFactory(email="rachid@exemple.example")
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user, structure=manager.attachments.get().structure)
    return user


def test_from_asking_to_deleting(site, manager, asker, person, axe):
    page = person()

    def looks_right():
        axe(page)
        nothing_overflows(page, 390)
        page.set_viewport_size({"width": 1280, "height": 900})

    log_in(page, site, asker.email)
    # Both levels at once, in one click.
    expect(page.get_by_text("Claire Fontaine peut l’ouvrir et vous l’accorder").first).to_be_visible()
    page.get_by_role("button", name="Demander « Factures à valider »").click()
    expect(page.get_by_text("La décision revient à Claire Fontaine")).to_be_visible()
    looks_right()

    # « Ajouter un abonnement », in two steps.
    page.goto(f"{site}/mes-abonnements/")
    page.get_by_role("link", name="Ajouter un abonnement").click()
    looks_right()
    page.get_by_label("Espace", exact=True).select_option("Factures de travaux")
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_text("Cet espace n’est pas ouvert sur la structure")).to_be_visible()
    looks_right()
    page.get_by_role("link", name="Ajouter un abonnement").click()
    page.get_by_label("Espace", exact=True).select_option("Engagements")
    page.get_by_role("button", name="Continuer").click()
    page.get_by_label("Consultation, service par défaut").uncheck()
    page.get_by_role("button", name="Envoyer la demande").click()
    expect(page.get_by_role("alert")).to_contain_text("Cochez au moins un accès")
    looks_right()
    page.get_by_label("Consultation, Intendance").check()
    page.get_by_label("Modification, Intendance").check()
    page.get_by_role("button", name="Envoyer la demande").click()
    expect(page.get_by_text("En cours de validation")).to_have_count(3)
    looks_right()

    # Approved: it opens. Then deleted.
    approve(list(Subscription.objects.pending().values_list("pk", flat=True)), actor=manager)
    page.get_by_role("link", name="Engagements").first.click()
    expect(page.get_by_text("Ouvert pour vous")).to_be_visible()
    looks_right()
    page.goto(f"{site}/mes-abonnements/")
    page.get_by_label("Cocher Engagements – Intendance – Modification").check()
    page.get_by_label("Cocher Factures à valider").check()
    page.get_by_role("button", name="Supprimer mes abonnements").click()
    expect(page.get_by_role("heading", name="Supprimer 2 abonnements")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Supprimer mes abonnements").click()
    expect(page.get_by_text("2 abonnements sont supprimés")).to_be_visible()
    assert [row.access for row in asker.subscriptions.live()] == ["consultation"]

    # On one of two structures: one click too.
    AttachmentFactory(user=asker, structure=StructureFactory(legal_name="Lycée Hugo"))
    page.goto(f"{site}/")
    page.get_by_label("Structure, pour « Factures de travaux »").select_option("Lycée Hugo")
    page.get_by_role("button", name="Demander « Factures de travaux »").click()
    expect(page.get_by_text("Lycée Hugo : en cours de validation")).to_be_visible()
    looks_right()


def test_the_manager_decides_for_one_for_many_and_closes(site, manager, asker, person, axe):
    structure = manager.attachments.get().structure
    manager.set_password(PASSWORD)
    manager.save()
    AttachmentFactory(structure=structure, user=UserFactory(first_name="Bruno", last_name="Petit"))
    engagements = Space.objects.get(code="engagements")
    ask(asker, structure.pk, engagements.pk, actor=asker, parts=[(None, "consultation")])
    page = person()

    def looks_right():
        axe(page)
        nothing_overflows(page, 390)
        page.set_viewport_size({"width": 1280, "height": 900})

    # Consult, and give it to everybody of the structure.
    log_in(page, site, manager.email)
    page.goto(f"{site}/activites/")
    looks_right()
    page.get_by_role("link", name="Traiter la demande d’abonnement").click()
    looks_right()
    page.get_by_role("link", name="Consulter").click()
    page.get_by_label("À toute la structure").check()
    looks_right()
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_role("heading", name="et à 1 autre personne")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Donner à 2 personnes").click()
    expect(page.get_by_text("À 1 autre personne : ")).to_be_visible()

    # Open a space: a request for each person, decided together.
    page.goto(f"{site}/structures/{structure.pk}/espaces/")
    looks_right()
    page.get_by_role("link", name="Ouvrir Factures de travaux").click()
    looks_right()
    page.get_by_role("button", name="Ouvrir l’espace").click()
    expect(page.get_by_text("3 demandes à décider")).to_be_visible()
    page.get_by_role("link", name="Tout cocher sur la page").first.click()
    page.get_by_role("button", name="Valider").click()
    looks_right()
    page.get_by_role("button", name="Valider les 3 demandes").click()
    expect(page.get_by_role("heading", name="3 demandes validées")).to_be_visible()
    looks_right()

    # Close it: who loses what, first.
    page.goto(f"{site}/structures/{structure.pk}/espaces/factures-de-travaux/fermer/")
    expect(page.get_by_text("3 personnes perdent cet espace")).to_be_visible()
    looks_right()
    page.get_by_role("button", name="Fermer l’espace").click()
    expect(page.get_by_text("est fermé sur Lycée Simone Veil")).to_be_visible()
    assert set(asker.subscriptions.live().values_list("space__code", flat=True)) == {"engagements"}
