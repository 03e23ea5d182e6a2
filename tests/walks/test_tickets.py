"""« Gestionnaire parti »: from the ticket to the new manager, with and without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from attachments.models import Role
from notifications.models import OutgoingMail
from support.models import Ticket
from tests.factories import AttachmentFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)


def with_password(user):
    user.set_password(PASSWORD)
    user.save()
    return user


def test_from_the_ticket_to_the_new_manager(site, person, axe, time_machine, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    held = AttachmentFactory(role=Role.PRINCIPAL, structure__legal_name="Collège de Champoulant")
    asker = with_password(AttachmentFactory(structure=held.structure).user)
    agent = with_password(UserFactory(staff=True))

    page = person()
    log_in(page, site, asker.email)
    page.goto(f"{site}/structures/{held.structure_id}/")
    page.get_by_role("link", name=re.compile("Dites-le à l.assistance")).click()
    axe(page)
    expect(page.locator("[name=principal_name]")).to_have_value(str(held.user))
    page.locator("[name=text]").fill("La gestionnaire est partie.")
    page.get_by_role("button", name="Enregistrer le brouillon").click()
    expect(page.get_by_text("Le brouillon est enregistré.")).to_be_visible()
    page.get_by_role("button", name="Envoyer", exact=True).click()
    expect(page.get_by_text("Votre sollicitation est envoyée.")).to_be_visible()
    axe(page)
    assert OutgoingMail.objects.filter(slug="claim_warning", to=held.user.email).exists()
    ticket = Ticket.objects.get()

    desk = person()
    log_in(desk, site, agent.email)
    desk.goto(f"{site}/admin/support/ticket/?status__exact=in_progress")
    axe(desk)
    desk.get_by_role("link", name="Gestionnaire principal inconnu ou parti").click()
    axe(desk)
    nothing_overflows(desk, 390)
    desk.get_by_role("button", name=re.compile("attestation à signer")).click()
    expect(desk.get_by_text("L’attestation est envoyée.")).to_be_visible()

    page.goto(f"{site}/sollicitations/")
    axe(page)
    page.get_by_role("link", name="Gestionnaire principal inconnu ou parti").click()
    axe(page)
    nothing_overflows(page, 390)
    with page.expect_download() as download:
        page.get_by_role("link", name="Téléchargez").click()
    download.value.save_as(tmp_path / "scan.pdf")
    page.get_by_label("Attestation signée").set_input_files(tmp_path / "scan.pdf")
    page.get_by_role("button", name="Déposer").click()
    expect(page.get_by_text(re.compile("signée est déposée")).first).to_be_visible()

    time_machine.move_to(timezone.now() + timedelta(hours=73))
    log_in(desk, site, agent.email)
    desk.goto(f"{site}/admin/support/ticket/{ticket.pk}/change/")
    desk.get_by_role("link", name="Effectuer le transfert").click()
    axe(desk)
    desk.get_by_role("button", name="Effectuer le transfert").click()
    expect(desk.get_by_text("Le transfert est fait")).to_be_visible()
    axe(desk)
    assert held.structure.attachments.current().principal().get().user == asker


def test_a_visitor_asks_for_an_account_back(site, person, axe):
    page = person()
    page.goto(f"{site}/connexion/")
    page.get_by_role("link", name="Demandez à l’assistance").click()
    axe(page)
    nothing_overflows(page, 390)
    page.get_by_role("button", name="Envoyer", exact=True).last.click()
    expect(page.get_by_role("alert").first).to_contain_text("Écrivez votre prénom et votre nom.")
    axe(page)
