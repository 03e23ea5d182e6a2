"""A manager with five minutes: what waits, three requests validated at once, one refused, nothing pending left."""

import pytest
from playwright.sync_api import expect

from attachments.models import AttachmentRequest, Role
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("Amrani", "Descombes", "Guéguen", "Inconnu")


@pytest.fixture
def manager():
    structure = StructureFactory(legal_name="Collège de Champoulant")
    for name in NAMES:
        AttachmentRequestFactory(structure=structure, user=UserFactory(pending=True, last_name=name))
    user = UserFactory(email="claire@exemple.example")
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user, structure=structure, role=Role.PRINCIPAL)
    return user


def test_three_are_validated_at_once_and_one_is_refused(site, manager, person, axe, javascript):
    page = person()
    log_in(page, site, manager.email)
    page.get_by_role("navigation", name="Sections").get_by_role("link", name="Activités du gestionnaire").click()
    expect(page.get_by_role("heading", name="Mes structures")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Traiter les 4 demandes").click()

    # Nothing ticked; all ticked, less one.
    page.get_by_role("button", name="Valider les demandes cochées").click()
    expect(page.get_by_role("status")).to_contain_text("Rien n'est coché".replace("'", "’"))
    page.get_by_role("link", name="Tout cocher sur la page").first.click()
    expect(page.get_by_label("Cocher la demande d’Anne Amrani")).to_be_checked()
    assert ("coche=1" in page.url) is not javascript
    page.get_by_label("Cocher la demande d’Anne Inconnu").uncheck()
    axe(page)
    page.get_by_role("button", name="Valider les demandes cochées").click()

    expect(page.get_by_role("heading", name="Valider 3 demandes ?")).to_be_visible()
    expect(page.get_by_text("Anne Inconnu")).to_have_count(0)
    axe(page)
    page.get_by_role("button", name="Valider les 3 demandes").click()
    expect(page.get_by_role("heading", name="3 demandes validées")).to_be_visible()
    expect(page.get_by_text("Anne Guéguen")).to_be_visible()
    axe(page)
    nothing_overflows(page, 390)
    page.get_by_role("link", name="Revenir aux demandes à traiter").click()

    nothing_overflows(page, 390)
    page.get_by_label("Cocher la demande d’Anne Inconnu").check()
    page.get_by_role("button", name="Refuser les demandes cochées").click()
    nothing_overflows(page, 390)
    page.get_by_role("button", name="Refuser la demande").click()
    expect(page.get_by_role("alert")).to_be_visible()
    axe(page)
    page.get_by_label("Je ne connais pas cette personne").check()
    page.get_by_role("button", name="Refuser la demande").click()
    expect(page.get_by_role("heading", name="1 demande refusée")).to_be_visible()
    page.goto(f"{site}/activites/")
    expect(page.get_by_text("Aucune demande n’attend votre décision")).to_be_visible()
    axe(page)
    nothing_overflows(page, 390)
    assert not AttachmentRequest.objects.pending().exists()
    assert AttachmentRequest.objects.filter(status="refused").count() == 1
