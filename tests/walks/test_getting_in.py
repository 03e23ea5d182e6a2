"""The whole story in a real browser: register, decide, activate, log in; with and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from accounts.models import User
from attachments.models import Attachment, Role
from notifications.actions import deliver_due
from plumbing.typography import french_text as shown
from registration.captcha import challenge
from tests.deferred import work_off_everything
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in

pytestmark = pytest.mark.django_db(transaction=True)

SIRET = "20003035100015"


@pytest.fixture
def college():
    """A managed public structure with two services; its manager can log in."""
    structure = StructureFactory(identifier=SIRET, legal_name="COLLEGE DE CHAMPOULANT")
    ServiceFactory(structure=structure, code="SERVICE_INTENDANCE", label="Intendance")
    ServiceFactory(structure=structure, code="SERVICE_CDI", label="Centre de documentation")
    manager = UserFactory(email="claire@champoulant.example", first_name="Claire", last_name="Fontaine")
    manager.set_password(PASSWORD)
    manager.save()
    AttachmentFactory(user=manager, structure=structure, role=Role.PRINCIPAL)
    return structure


def link_in_mail(smtp_sink, to, subject):
    """Do and send what waits, then the first link of the mail to `to` whose subject has `subject`."""
    work_off_everything()
    deliver_due()
    mail = next(m for m in reversed(smtp_sink.messages) if m["To"] == to and subject in m["Subject"])
    return re.search(r"https?://\S+", mail.get_body(("plain",)).get_content()).group()


def fill_person(page, email):
    page.get_by_label("Adresse e-mail", exact=True).fill(email)
    page.get_by_label(shown("Confirmation de l'adresse e-mail")).fill(email)
    page.get_by_label("Prénom").fill("Rachid")
    page.get_by_label("Nom", exact=True).fill("Amrani")
    page.get_by_label(shown("J'accepte les conditions")).check()


def answer_captcha(page):
    key = page.locator("input[name=captcha_key]").input_value()
    page.get_by_label(shown("caractères de l'image")).fill(challenge(key)[1])
    page.get_by_role("button", name="Valider le captcha").click()
    expect(page.get_by_text("Captcha validé")).to_be_visible()


def activate(page, axe, link):
    page.goto(link)
    axe(page)
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_label("Confirmation du mot de passe").fill(PASSWORD)
    page.get_by_label("Question secrète").select_option(index=1)
    page.get_by_label("Réponse secrète").fill("Médor")
    page.get_by_role("button", name="Activer mon compte").click()
    expect(page.get_by_text("Votre compte est actif")).to_be_visible()
    axe(page)


@pytest.mark.also_sqlite
def test_a_newcomer_is_approved_activates_and_sees_the_structure(site, college, person, smtp_sink, axe):
    newcomer, manager = person(), person()

    newcomer.goto(site)
    axe(newcomer)
    newcomer.get_by_role("main").get_by_role("link", name="Créer un compte").click()
    axe(newcomer)
    fill_person(newcomer, "Rachid.Amrani@Champoulant.example")
    newcomer.get_by_label("Identifiant", exact=True).fill("200 030 351 00015")
    newcomer.get_by_role("button", name="Rechercher la structure").click()
    expect(newcomer.get_by_role("heading", name="Cette structure est déjà présente")).to_be_visible()
    axe(newcomer)
    newcomer.get_by_label("à la maille du service").check()
    newcomer.get_by_label("Intendance").check()
    answer_captcha(newcomer)
    newcomer.get_by_role("button", name="Créer mon compte").last.click()
    expect(newcomer.get_by_role("heading", level=1)).to_have_text("Dernière étape avant la validation de votre compte")
    expect(newcomer.get_by_text("Intendance")).to_be_visible()
    axe(newcomer)

    link_in_mail(smtp_sink, "rachid.amrani@champoulant.example", "est envoyée")
    request_link = link_in_mail(smtp_sink, "claire@champoulant.example", "vous attend")
    manager.goto(request_link)
    expect(manager.get_by_role("heading", level=1)).to_have_text("Se connecter")
    axe(manager)
    log_in(manager, site, "CLAIRE@champoulant.example")
    expect(manager.get_by_text("1 demande attend votre décision")).to_be_visible()
    axe(manager)
    manager.get_by_role("link", name="Traiter la demande").click()
    axe(manager)
    manager.get_by_role("link", name="Rachid Amrani", exact=True).click()
    expect(manager.get_by_role("heading", level=1)).to_have_text("Rachid Amrani")
    expect(manager.get_by_label("Intendance")).to_be_checked()
    axe(manager)
    manager.get_by_role("button", name="Valider", exact=True).click()
    expect(manager.get_by_text("utilisateur simple de COLLEGE DE CHAMPOULANT")).to_be_visible()
    expect(manager.get_by_role("heading", name="Rien à traiter")).to_be_visible()
    axe(manager)

    link_in_mail(smtp_sink, "rachid.amrani@champoulant.example", "est validée")
    activate(newcomer, axe, link_in_mail(smtp_sink, "rachid.amrani@champoulant.example", "Activez votre compte"))
    log_in(newcomer, site, "rachid.amrani@champoulant.example")
    expect(newcomer.get_by_role("heading", name="Bonjour Rachid")).to_be_visible()
    mine = newcomer.get_by_role("region", name="Ma structure")
    expect(mine).to_contain_text("COLLEGE DE CHAMPOULANT")
    expect(mine).to_contain_text("Vous êtes utilisateur simple")
    expect(mine).to_contain_text("Intendance")
    axe(newcomer)
    newcomer.locator("summary:visible", has_text="Compte d").click()
    newcomer.get_by_role("button", name="Se déconnecter").click()
    expect(newcomer.get_by_text("Vous êtes déconnecté")).to_be_visible()


def test_a_refused_newcomer_learns_why_and_registers_again(site, college, person, smtp_sink, axe):
    newcomer, manager = person(), person()
    register(newcomer, site, "rachid@champoulant.example")
    log_in(manager, site, "claire@champoulant.example")
    manager.goto(link_in_mail(smtp_sink, "claire@champoulant.example", "vous attend"))
    manager.get_by_role("link", name="Refuser").click()
    axe(manager)
    manager.get_by_role("button", name="Refuser la demande").click()
    expect(manager.get_by_role("alert")).to_contain_text("Indiquez le motif du refus")
    axe(manager)
    manager.get_by_label("Autre motif").check()
    manager.get_by_label("Précision").fill("Vous travaillez au lycée voisin.")
    manager.get_by_role("button", name="Refuser la demande").click()
    expect(manager.get_by_text("est refusée, et le motif envoyé")).to_be_visible()

    again = link_in_mail(smtp_sink, "rachid@champoulant.example", "est refusée")
    assert "Vous travaillez au lycée voisin." in smtp_sink.messages[-1].get_body(("plain",)).get_content()
    newcomer.goto(again)
    expect(newcomer.get_by_role("heading", level=1)).to_have_text("Créer un compte")
    register(newcomer, site, "rachid@champoulant.example")
    work_off_everything()
    assert User.objects.get(email="rachid@champoulant.example").state == User.State.PENDING


def test_the_first_person_of_a_private_structure_manages_it(site, person, smtp_sink, axe):
    founder = person()
    founder.goto(f"{site}/inscription/")
    fill_person(founder, "gwen@menuiserie.example")
    founder.get_by_label("Identifiant", exact=True).fill("99990011100017")
    founder.get_by_role("button", name="Rechercher la structure").click()
    expect(founder.get_by_role("heading", name=shown("Cet identifiant n'est pas encore connu"))).to_be_visible()
    axe(founder)
    founder.get_by_label("Raison sociale").fill("Menuiserie Kerjean")
    founder.get_by_label("Adresse", exact=True).fill("3 rue du Port")
    founder.get_by_label("Code postal").fill("35400")
    founder.get_by_label("Ville").fill("Saint-Malo")
    answer_captcha(founder)
    founder.get_by_role("button", name="Créer mon compte").last.click()
    expect(founder.get_by_text("vous en devenez gestionnaire principal")).to_be_visible()
    activate(founder, axe, link_in_mail(smtp_sink, "gwen@menuiserie.example", "Activez votre compte"))
    log_in(founder, site, "gwen@menuiserie.example")
    mine = founder.get_by_role("region", name="Ma structure")
    expect(mine).to_contain_text("Menuiserie Kerjean")
    expect(mine).to_contain_text("Vous êtes gestionnaire principal")
    expect(founder.get_by_text(shown("Aucune demande n'attend votre décision"))).to_be_visible()
    axe(founder)
    assert Attachment.objects.effective().principal().count() == 1


def test_errors_are_said_and_nothing_typed_is_lost(site, college, person, axe):
    visitor = person()
    visitor.goto(f"{site}/inscription/")
    fill_person(visitor, "rachid@champoulant.example")
    visitor.get_by_label(shown("Confirmation de l'adresse e-mail")).fill("autre@champoulant.example")
    visitor.get_by_label("Identifiant", exact=True).fill("20003035100016")
    visitor.get_by_role("button", name="Créer mon compte").last.click()
    alert = visitor.get_by_role("alert").first
    expect(alert).to_contain_text("Les deux adresses diffèrent")
    expect(alert).to_contain_text(shown("Ce SIRET n'existe pas"))
    expect(visitor.get_by_label("Prénom")).to_have_value("Rachid")
    expect(visitor.get_by_label("Identifiant", exact=True)).to_have_value("20003035100016")
    axe(visitor)


def test_a_wrong_identifier_is_told_at_the_look_up_and_services_appear_when_chosen(site, college, person, axe):
    visitor = person()
    visitor.goto(f"{site}/inscription/")
    number = visitor.get_by_label("Identifiant", exact=True)
    number.fill("20003035100016")
    visitor.get_by_role("button", name="Rechercher la structure").click()
    expect(number).to_have_attribute("aria-invalid", "true")
    expect(number).to_have_accessible_description(re.compile("14 chiffres.*sans doute mal recopié"))
    axe(visitor)
    number.fill(SIRET)
    visitor.get_by_role("button", name="Rechercher la structure").click()
    expect(visitor.get_by_role("heading", name="Cette structure est déjà présente")).to_be_visible()
    expect(number).not_to_have_attribute("aria-invalid", "true")
    expect(visitor.get_by_label("Intendance")).to_be_hidden()
    visitor.get_by_label("à la maille du service").check()
    expect(visitor.get_by_label("Intendance")).to_be_visible()
    axe(visitor)
    visitor.get_by_role("button", name="Non, chercher une autre structure").click()
    expect(number).to_have_value("")
    expect(visitor.get_by_role("heading", name="Cette structure est déjà présente")).to_be_hidden()
    visitor.get_by_label(shown("Type d'identifiant")).select_option("RIDET")
    expect(visitor.get_by_text("9 ou 10 chiffres")).to_be_visible()
    expect(visitor.get_by_text("14 chiffres, avec")).to_be_hidden()


def test_a_forgotten_password_is_replaced(site, college, person, smtp_sink, axe):
    owner = person()
    owner.goto(f"{site}/connexion/")
    owner.get_by_role("link", name="Mot de passe oublié ?").click()
    axe(owner)
    owner.get_by_label("Adresse de connexion").fill("claire@champoulant.example")
    owner.get_by_role("button", name="Envoyer le lien").click()
    expect(owner.get_by_text(shown("un courriel vient d'y être envoyé"))).to_be_visible()
    axe(owner)
    link = link_in_mail(smtp_sink, "claire@champoulant.example", "nouveau mot de passe")
    owner.goto(link)
    axe(owner)
    owner.get_by_label("Mot de passe", exact=True).fill("une autre phrase longue")
    owner.get_by_label("Confirmation du mot de passe").fill("une autre phrase longue")
    owner.get_by_role("button", name="Remplacer le mot de passe").click()
    expect(owner.get_by_text("Votre mot de passe est remplacé")).to_be_visible()
    owner.goto(link)
    expect(owner.get_by_role("heading", level=1)).to_have_text("Ce lien ne sert plus")
    axe(owner)
    log_in(owner, site, "claire@champoulant.example", "une autre phrase longue")
    expect(owner.get_by_role("heading", name="Bonjour Claire")).to_be_visible()


def register(page, site, email):
    page.goto(f"{site}/inscription/")
    fill_person(page, email)
    page.get_by_label("Identifiant", exact=True).fill(SIRET)
    page.get_by_role("button", name="Rechercher la structure").click()
    expect(page.get_by_role("heading", name="Cette structure est déjà présente")).to_be_visible()
    answer_captcha(page)
    page.get_by_role("button", name="Créer mon compte").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dernière étape avant la validation de votre compte")
