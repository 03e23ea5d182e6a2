"""« Page précédente », a second click, a session that ended: nothing typed is lost, and nobody else sees it."""

from contextlib import suppress
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Error, expect

from attachments.models import Role
from plumbing.typography import french_text as shown
from registration.captcha import challenge
from registration.models import Submission
from structures.models import Service
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, log_in

pytestmark = pytest.mark.django_db(transaction=True)

SIRET = "20003035100015"
LAST = "Dernière étape avant la validation de votre compte"


@pytest.fixture
def principal():
    """The principal manager of a structure, who can log in."""
    user = UserFactory(email="claire@champoulant.example")
    user.set_password(PASSWORD)
    user.save()
    return AttachmentFactory(user=user, structure=StructureFactory(identifier=SIRET), role=Role.PRINCIPAL)


def send(page):
    page.get_by_role("button", name="Créer mon compte").last.click()


def test_a_registrant_comes_back_and_sends_again(site, principal, person):
    visitor = person()
    visitor.goto(f"{site}/inscription/")
    for name, value in {
        "email": "rachid@champoulant.example",
        "email_again": "autre@champoulant.example",
        "first_name": "Rachid",
        "last_name": "Amrani",
        "identifier": SIRET,
    }.items():
        visitor.locator(f"[name={name}]").fill(value)
    visitor.locator("[name=terms]").check()
    visitor.get_by_role("button", name="Rechercher la structure").click()
    expect(visitor.get_by_role("heading", name="Cette structure est déjà présente")).to_be_visible()
    send(visitor)
    expect(visitor.get_by_role("alert").first).to_contain_text("Les deux adresses diffèrent")
    expect(visitor.locator("#erreurs")).to_be_focused()
    assert visitor.title().startswith("Erreur")
    # Back to the answer to the first button, and forward again.
    visitor.go_back()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Créer un compte")
    visitor.go_forward()
    visitor.locator("[name=email_again]").fill("rachid@champoulant.example")
    key = visitor.locator("[name=captcha_key]").input_value()
    visitor.locator("[name=captcha_answer]").fill(challenge(key)[1])
    send(visitor)
    expect(visitor.get_by_role("heading", level=1)).to_have_text(LAST)
    visitor.go_back()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Créer un compte")
    expect(visitor.locator("[name=first_name]")).to_have_value("Rachid")


def test_the_same_form_sent_twice_is_one_registration(site, principal, person):
    visitor = person()
    visitor.goto(f"{site}/inscription/")
    for name, value in {
        "email": "r@b.example",
        "email_again": "r@b.example",
        "first_name": "R",
        "last_name": "A",
    }.items():
        visitor.locator(f"[name={name}]").fill(value)
    visitor.locator("[name=identifier]").fill(SIRET)
    visitor.locator("[name=terms]").check()
    visitor.locator("[name=captcha_answer]").fill(challenge(visitor.locator("[name=captcha_key]").input_value())[1])
    # Two clicks as fast as a hand makes them; with JavaScript the second one is not even sent.
    visitor.get_by_role("button", name="Créer mon compte").last.dblclick(no_wait_after=True)
    expect(visitor.get_by_role("heading", level=1)).to_have_text(LAST)
    assert Submission.objects.count() == 1


def test_a_manager_comes_back_and_after_logging_out_nobody_does(site, principal, person):
    manager = person()
    log_in(manager, site, principal.user.email)
    manager.goto(f"{site}/structures/{principal.structure_id}/services/nouveau/")
    manager.get_by_label("Libellé").fill("Service confidentiel")
    manager.locator("main form button").last.click()
    expect(manager.get_by_role("alert").first).to_be_visible()
    manager.goto(f"{site}/organisation/")
    manager.go_back()
    expect(manager.get_by_label("Libellé")).to_have_value("Service confidentiel")
    manager.goto(f"{site}/organisation/")
    manager.locator("summary", has_text="Compte d").click()
    manager.get_by_role("button", name=shown("Se déconnecter")).click()
    expect(manager.get_by_text("Vous êtes déconnecté")).to_be_visible()
    for _ in range(3):
        with suppress(Error):
            manager.go_back()
        # The browser's own error page may be what comes: any but ours.
        manager.wait_for_timeout(500)
        assert "Service confidentiel" not in manager.content()
        assert "Gérer une structure" not in manager.content()


def test_a_session_that_ended_keeps_what_was_typed(site, principal, person, axe):
    manager = person()
    log_in(manager, site, principal.user.email)
    expect(manager.get_by_role("heading", level=1)).to_be_visible()
    manager.goto(f"{site}/structures/{principal.structure_id}/services/nouveau/")
    manager.get_by_label("Libellé").fill("Intendance")
    manager.get_by_label("Code").fill("INT")
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    manager.locator("main form button").last.click()
    expect(manager.get_by_text("ce que vous avez saisi est gardé")).to_be_visible()
    axe(manager)
    manager.get_by_label("Adresse de connexion").fill(principal.user.email)
    manager.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    manager.get_by_role("button", name="Se connecter").click()
    expect(manager.get_by_label("Libellé")).to_have_value("Intendance")
    expect(manager.get_by_text("Voici ce que vous aviez saisi")).to_be_visible()
    assert not Service.objects.exists()
