"""Leaving the portal and coming back, with and without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from accounts.tasks import answer_link_requests, end_accounts
from attachments.models import Attachment, Role
from notifications.models import OutgoingMail
from plumbing.typography import french_text as shown
from tests.factories import AttachmentFactory, AttachmentRequestFactory, UserFactory
from tests.walks.steps import PASSWORD, every_control_shows_focus, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL, NEW_PASSWORD = "claire@champoulant.example", "quatre chevaux dans la cour"


@pytest.fixture
def held():
    user = UserFactory(email=EMAIL, first_name="Claire", last_name="Fontaine")
    user.set_password(PASSWORD)
    user.save()
    held = AttachmentFactory(user=user, role=Role.PRINCIPAL, structure__legal_name="Collège de Champoulant")
    AttachmentRequestFactory(structure=held.structure)
    AttachmentRequestFactory(user=user, structure__legal_name="Lycée Monnet")
    return held


def last_mail():
    return OutgoingMail.objects.order_by("pk").last().slug


def heading(page):
    return expect(page.get_by_role("heading", level=1))


def test_leaving_coming_back_and_being_closed(site, person, held, axe, time_machine):
    page = person()
    log_in(page, site, EMAIL)
    page.goto(f"{site}/mon-compte/")
    page.get_by_role("link", name="Désactiver mon compte").click()
    heading(page).to_have_text("Désactiver mon compte")
    axe(page)
    page.get_by_role("link", name="Désigner un nouveau gestionnaire principal").click()
    heading(page).to_have_text("Désigner un nouveau gestionnaire principal")
    axe(page)

    Attachment.objects.update(role=Role.SECONDARY)
    page.goto(f"{site}/mon-compte/desactiver/")
    expect(page.get_by_text(shown("1 demande à traiter dans vos structures"))).to_be_visible()
    expect(page.get_by_text("Lycée Monnet")).to_be_visible()
    axe(page)
    every_control_shows_focus(page)
    nothing_overflows(page, 390)
    page.get_by_label("Mot de passe actuel").fill("pas celui-là")
    page.get_by_role("button", name="Désactiver mon compte").click()
    expect(page.get_by_role("alert").first).to_contain_text("Mot de passe actuel")
    axe(page)
    page.get_by_label("Mot de passe actuel").fill(PASSWORD)
    page.get_by_role("button", name="Désactiver mon compte").click()
    heading(page).to_have_text("Se connecter")
    expect(page.get_by_text("Votre compte est désactivé. Vous pouvez le réactiver")).to_be_visible()

    log_in(page, site, EMAIL)
    expect(page.get_by_role("alert").first).to_contain_text("ou désactivé")
    axe(page)
    page.get_by_role("link", name="Réactiver mon compte").click()
    axe(page)
    page.get_by_label("Adresse de connexion").fill(EMAIL)
    page.get_by_role("button", name="Envoyer le lien").click()
    expect(page.get_by_text("un courriel vient d’y être envoyé")).to_be_visible()
    axe(page)
    answer_link_requests()

    link = re.search(
        rf"{site}/reactivation/\S{{20,}}", OutgoingMail.objects.get(slug="reactivation").parts()[0]
    ).group()
    page.goto(link)
    heading(page).to_have_text("Réactiver mon compte")
    axe(page)
    nothing_overflows(page, 390)
    page.locator("[name=password]").fill(NEW_PASSWORD)
    page.locator("[name=password_again]").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Réactiver mon compte").click()
    expect(page.get_by_role("alert").first).to_contain_text("Choisissez une question secrète")
    page.locator("[name=password]").fill(NEW_PASSWORD)
    page.locator("[name=password_again]").fill(NEW_PASSWORD)
    page.locator("[name=secret_question]").select_option("pet")
    page.locator("[name=secret_answer]").fill("Médor")
    page.get_by_role("button", name="Réactiver mon compte").click()
    expect(page.get_by_text("Votre compte est réactivé")).to_be_visible()
    page.goto(link)
    heading(page).to_have_text("Ce lien ne sert plus")
    axe(page)
    log_in(page, site, EMAIL, NEW_PASSWORD)
    page.goto(f"{site}/mon-compte/")
    expect(page.get_by_text("Collège de Champoulant")).to_be_visible()
    assert User.objects.get(email=EMAIL).is_active

    # Gone again, and this time for good: announced, closed, and told so at the door.
    page.goto(f"{site}/mon-compte/desactiver/")
    page.get_by_label("Mot de passe actuel").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Désactiver mon compte").click()
    heading(page).to_have_text("Se connecter")
    left_at = timezone.now()
    for days, state, slug in ((55, User.State.DISABLED, "account_closing"), (61, User.State.CLOSED, "account_closed")):
        time_machine.move_to(left_at + timedelta(days=days))
        end_accounts()
        assert (User.objects.get(email=EMAIL).state, last_mail()) == (state, slug)
    log_in(page, site, EMAIL, NEW_PASSWORD)
    expect(page.get_by_role("alert").first).to_contain_text("ou désactivé")
    page.get_by_role("link", name="Réactiver mon compte").click()
    page.get_by_label("Adresse de connexion").fill(EMAIL)
    page.get_by_role("button", name="Envoyer le lien").click()
    expect(page.get_by_text("un courriel vient d’y être envoyé")).to_be_visible()
    answer_link_requests()
    assert last_mail() == "reactivation_over"
    page.goto(link)
    heading(page).to_have_text("Ce lien ne sert plus")
    expect(page.get_by_text(shown("l'assistance seule")).first).to_be_visible()
    axe(page)
