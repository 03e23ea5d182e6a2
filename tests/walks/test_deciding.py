"""The decision desk in a real browser: the decision in sight, services when chosen, asking from a structure's page."""

import pytest
from playwright.sync_api import expect

from attachments.models import Attachment, AttachmentRequest, Role
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name="Lycée Simone Veil")
    for number in range(12):
        ServiceFactory(structure=structure, label=f"Service de gestion numéro {number}")
    return structure


def account(email, **fields):
    user = UserFactory(email=email, **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.parametrize("email", ["claire@exemple.example", "assistance@exemple.example"])
def test_the_decision_is_in_sight_whatever_there_is_to_choose(site, structure, person, axe, email):
    manager = account("claire@exemple.example")
    account("assistance@exemple.example", is_staff=True)
    wanted = AttachmentRequestFactory(structure=structure, whole_structure=False, comment="Bonjour.\n" * 30)
    wanted.services.set(structure.services.all())
    if email == manager.email:
        AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    page = person()
    log_in(page, site, email)
    for width, height in ((1280, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"{site}/demandes/{wanted.reference}/")
        for role, name in (("button", "Valider"), ("link", "Refuser")):
            expect(page.get_by_role(role, name=name, exact=True)).to_be_in_viewport(ratio=1)
        axe(page)
        page.mouse.wheel(0, 600)
        expect(page.get_by_role("button", name="Valider", exact=True)).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# The middle of what has the focus is what one sees there, on this side of anything that stays in sight.
COVERED = """() => {
  const focused = document.activeElement, box = focused.getBoundingClientRect();
  return !focused.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}"""


@pytest.mark.parametrize("javascript", [False], indirect=True, ids=["no-javascript"])
@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_nothing_covers_what_has_the_focus(site, structure, person, size):
    manager = account("claire@exemple.example")
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    wanted = AttachmentRequestFactory(structure=structure, whole_structure=False)
    page = person()
    page.set_viewport_size({"width": size[0], "height": size[1]})
    log_in(page, site, manager.email)
    page.goto(f"{site}/demandes/{wanted.reference}/")
    page.get_by_label("Par services").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.name") == "services"
        assert not page.evaluate(COVERED)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText").startswith("Valider" if size[0] > 390 else "Valider et")
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        assert not page.evaluate(COVERED)


def test_services_come_into_sight_when_they_are_chosen(site, structure, person, axe):
    manager = account("claire@exemple.example")
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    wanted = AttachmentRequestFactory(structure=structure)
    page = person()
    log_in(page, site, manager.email)
    page.goto(f"{site}/demandes/{wanted.reference}/")
    box = page.get_by_label("Service de gestion numéro 11")
    expect(box).to_be_hidden()
    page.get_by_label("Par services").check()
    box.check()
    page.get_by_label("Toute la structure").check()
    page.get_by_role("button", name="Valider", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Des services sont cochés")
    expect(box).to_be_visible()
    axe(page)
    page.get_by_label("Par services").check()
    page.get_by_role("button", name="Valider", exact=True).click()
    expect(page.get_by_text("(Service de gestion numéro 11)")).to_be_visible()
    assert not Attachment.objects.get(user=wanted.user).whole_structure
    page.get_by_role("link", name="Décidées").click()
    expect(page.get_by_text("Utilisateur simple · Service de gestion numéro 11")).to_be_visible()
    axe(page)
    page.get_by_role("link", name="Consulter").click()
    expect(page.get_by_text("il n’y a plus rien à faire")).to_be_visible()
    axe(page)


def test_whoever_is_logged_in_asks_for_a_service(site, structure, person, axe):
    asker = account("rachid@exemple.example")
    page = person()
    log_in(page, site, asker.email)
    page.goto(f"{site}/structures/{structure.pk}/rattachement/")
    expect(page.get_by_label("Service de gestion numéro 3")).to_be_hidden()
    axe(page)
    page.get_by_label("Seulement un ou plusieurs services").check()
    page.get_by_role("button", name="Envoyer la demande").click()
    expect(page.get_by_role("alert")).to_contain_text("Cochez au moins un service")
    axe(page)
    page.get_by_label("Service de gestion numéro 3").check()
    page.get_by_role("button", name="Envoyer la demande").click()
    sent = AttachmentRequest.objects.get()
    expect(page.get_by_text(sent.spaced_reference)).to_be_visible()
    assert [service.label for service in sent.services.all()] == ["Service de gestion numéro 3"]
    page.goto(f"{site}/structures/{structure.pk}/rattachement/")
    expect(page.get_by_role("heading", name="Votre demande est déjà envoyée")).to_be_visible()
    axe(page)


def test_a_ready_motive_is_completed_and_sent(site, structure, person, axe):
    manager = account("claire@exemple.example")
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    wanted = AttachmentRequestFactory(
        structure=structure, whole_structure=False, user__first_name="Rachid", user__last_name="Amrani"
    )
    page = person()
    log_in(page, site, manager.email)
    page.goto(f"{site}/demandes/?q=amr*ni")
    axe(page)
    page.get_by_role("link", name="Examiner la demande de Rachid Amrani").click()
    page.get_by_role("link", name="Refuser", exact=True).click()
    axe(page)
    page.get_by_role("button", name="Refuser la demande").click()
    expect(page.get_by_role("alert")).to_contain_text("Indiquez le motif du refus")
    axe(page)
    page.get_by_label("Ce n’est pas le bon service").check()
    page.get_by_label("Précision").fill("Demandez la vie scolaire.")
    page.get_by_role("button", name="Refuser la demande").click()
    expect(page.get_by_text("est refusée, et le motif envoyé")).to_be_visible()
    assert page.url == f"{site}/demandes/?q=amr*ni"
    wanted.refresh_from_db()
    assert wanted.reason.endswith("où vous travaillez.\nDemandez la vie scolaire.")
