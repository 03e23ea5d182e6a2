"""« Mon compte »: one's data, password, login address and sessions, with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import User
from accounts.tasks import answer_link_requests
from attachments.models import Role
from notifications.models import OutgoingMail
from plumbing.typography import french_text as shown
from tests.factories import AttachmentFactory, UserFactory
from tests.walks.steps import PASSWORD, every_control_shows_focus, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL, NEW_EMAIL = "claire@champoulant.example", "claire.fontaine@champoulant.example"
NEW_PASSWORD = "quatre chevaux dans la cour"


@pytest.fixture
def user():
    user = UserFactory(email=EMAIL, first_name="Claire", last_name="Fontaine")
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user, role=Role.PRINCIPAL)
    return user


@pytest.fixture
def page(site, person, user):
    page = person()
    log_in(page, site, EMAIL)
    page.locator("summary", has_text="Compte d").click()
    page.get_by_role("group").get_by_role("link", name="Mon compte").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")
    return page


def open_screen(page, name):
    page.get_by_role("link", name=shown(name), exact=True).click()


def fill(page, **values):
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name="Valider").click()


def link_of(slug, site):
    mail = OutgoingMail.objects.filter(slug=slug).order_by("pk").last()
    return re.search(rf"{site}\S+", mail.parts()[0]).group()


def test_one_s_data(page, axe, javascript):
    axe(page)
    every_control_shows_focus(page)
    nothing_overflows(page, 390)
    open_screen(page, "Modifier mes informations générales")
    axe(page)
    fill(page, first_name="", phone="12")
    expect(page.get_by_role("alert").first).to_contain_text("2 points à corriger")
    axe(page)
    fill(page, first_name="Clara", phone="02 33 55 01 40")
    expect(page.get_by_text("Vos informations sont enregistrées")).to_be_visible()
    open_screen(page, "Modifier mon adresse postale")
    axe(page)
    fill(page, address="14 rue des Tanneurs", postcode="50890", city="Champoulant")
    expect(page.get_by_text("50890 Champoulant")).to_be_visible()
    open_screen(page, "Modifier mon adresse de contact")
    axe(page)
    fill(page, contact_email="bureau@champoulant.example")
    expect(page.get_by_text("À confirmer")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Renvoyer le lien").click()
    expect(page.get_by_text("moins de cinq minutes")).to_be_visible()
    open_screen(page, "Modifier mes paramètres")
    axe(page)
    page.get_by_label("Recevoir des notifications").check()
    fill(page)
    expect(page.get_by_text("Vos choix sont enregistrés")).to_be_visible()
    open_screen(page, "Modifier mes paramètres")
    page.get_by_role("link", name="Annuler").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")


def test_password_question_and_sessions(page, site, person, axe, javascript):
    elsewhere = person()
    log_in(elsewhere, site, EMAIL)
    expect(elsewhere.locator("summary", has_text="Compte d")).to_be_visible()
    page.reload()
    open_screen(page, "Voir mes sessions ouvertes")
    expect(page.get_by_text("Cette session")).to_have_count(1)
    axe(page)
    nothing_overflows(page, 390)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name=shown("Fermer toutes les autres")).click()
    expect(page.get_by_text("La session est fermée")).to_be_visible()
    elsewhere.goto(f"{site}/mon-compte/")
    expect(elsewhere.get_by_role("heading", level=1)).to_have_text("Se connecter")
    page.goto(f"{site}/mon-compte/")
    open_screen(page, "Modifier mon mot de passe")
    axe(page)
    if javascript:
        page.locator("[name=password]").press_sequentially("court")
        expect(page.get_by_text("Trop court : encore 7 caractères")).to_be_visible()
        axe(page)
    fill(page, current_password="pas celui-là", password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    expect(page.get_by_role("alert").first).to_contain_text("Mot de passe actuel")
    axe(page)
    fill(page, current_password=PASSWORD, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    expect(page.get_by_text("Votre mot de passe est remplacé")).to_be_visible()
    open_screen(page, "Modifier ma question secrète")
    axe(page)
    page.locator("[name=secret_question]").select_option("pet")
    fill(page, current_password=NEW_PASSWORD, secret_answer="Médor")
    expect(page.get_by_text("Enregistrée", exact=True)).to_be_visible()


def test_the_login_address_changes_and_comes_back(page, site, person, axe, javascript):
    open_screen(page, "Modifier mon adresse de connexion")
    axe(page)
    fill(page, current_password=PASSWORD, email=NEW_EMAIL, email_again=NEW_EMAIL)
    expect(page.get_by_text("rien ne change avant")).to_be_visible()
    axe(page)
    answer_link_requests()
    page.goto(link_of("address_confirmation", site))
    axe(page)
    page.get_by_role("button", name="Confirmer cette adresse").click()
    expect(page.get_by_text("connectez-vous désormais avec cette adresse")).to_be_visible()
    assert User.objects.get(email=NEW_EMAIL)
    owner = person()
    owner.goto(link_of("address_changed", site))
    axe(owner)
    owner.get_by_role("button", name="Reprendre cette adresse").click()
    expect(owner.get_by_text("Votre adresse est rétablie")).to_be_visible()
    page.goto(f"{site}/mon-compte/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Se connecter")
    owner.goto(link_of("address_changed", site))
    expect(owner.get_by_role("heading", level=1)).to_have_text("Ce lien ne sert plus")
    axe(owner)


def test_an_expired_password_comes_before_anything_else(site, person, user, settings, axe, javascript):
    settings.PASSWORD_EXPIRES_DAYS = 90
    User.objects.update(password_changed_at="2020-01-01T12:00:00Z")
    page = person()
    log_in(page, site, EMAIL)
    expect(page.get_by_role("heading", level=1)).to_have_text("Changer de mot de passe")
    expect(page.get_by_text("Votre mot de passe a expiré")).to_be_visible()
    axe(page)
    page.goto(f"{site}/organisation/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Changer de mot de passe")
    fill(page, current_password=PASSWORD, password=NEW_PASSWORD, password_again=NEW_PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Organisation")
