"""A second factor: set up, asked for at login, lost and found again; passkeys with a browser's virtual key."""

from base64 import b32decode
from time import time

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import expect

from accounts.models import TotpDevice, User
from attachments.models import Role
from plumbing.typography import french_text as shown
from tests.accounts.second import mailed_code
from tests.factories import AttachmentFactory, UserFactory
from tests.walks.steps import PASSWORD, every_control_shows_focus, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "claire@champoulant.example"


@pytest.fixture
def user():
    user = UserFactory(email=EMAIL, first_name="Claire", last_name="Fontaine")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def page(site, person, user):
    page = person()
    log_in(page, site, EMAIL)
    page.goto(f"{site}/mon-compte/")
    page.get_by_role("link", name=shown("Modifier ma double authentification")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Double authentification")
    return page


def code_for(key):
    """What an application shows that was given this key."""
    totp = TOTP(b32decode(key.replace(" ", "")))
    totp.time = time()
    return f"{totp.token():06}"


def confirm(page, button="Valider", **values):
    for name, value in {"current_password": PASSWORD, **values}.items():
        page.locator(f"[name={name}]").fill(value)
    page.get_by_role("button", name=shown(button)).click()


def log_in_again(page, site):
    page.context.clear_cookies()
    log_in(page, site, EMAIL)
    expect(page.get_by_role("heading", level=1)).to_have_text(shown("Confirmez que c'est vous"))


def test_an_application_and_recovery_codes(page, site, axe, javascript):
    axe(page)
    every_control_shows_focus(page)
    nothing_overflows(page, 390)
    page.get_by_role("link", name="Ajouter une application").click()
    axe(page)
    nothing_overflows(page, 390)
    key = page.locator("code").inner_text()
    confirm(page, code="12")
    expect(page.get_by_role("alert").first).to_contain_text(shown("n'est pas valable"))
    confirm(page, code=code_for(key))
    expect(page.get_by_role("heading", level=1)).to_have_text("Vos codes de secours")
    nothing_overflows(page, 390)
    codes = page.locator("code").all_inner_texts()
    axe(page)
    page.get_by_role("button", name=shown("J'ai noté ces codes")).click()
    expect(page.get_by_text("10 codes encore valables")).to_be_visible()
    axe(page)
    # A code counts once: as if the next one had come.
    TotpDevice.objects.update(last_t=-1)
    log_in_again(page, site)
    axe(page)
    nothing_overflows(page, 390)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("alert").first).to_contain_text(shown("n'est pas valable"))
    axe(page)
    TotpDevice.objects.update(throttling_failure_timestamp=None)
    page.get_by_label("Code").fill(code_for(key))
    page.get_by_role("button", name="Se connecter").click()
    expect(page.locator("summary", has_text="Compte d")).to_be_visible()
    log_in_again(page, site)
    page.get_by_role("link", name="Code de secours").click()
    page.get_by_label("Code de secours").fill(codes[0])
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_text("Codes restants : 9")).to_be_visible()
    page.goto(f"{site}/mon-compte/double-authentification/")
    page.get_by_role("link", name=shown("Désactiver la double authentification")).click()
    axe(page)
    confirm(page, "Désactiver la double authentification")
    expect(page.get_by_text(shown("La double authentification est désactivée."))).to_be_visible()
    assert not User.objects.get().second_factor_since


def test_codes_by_e_mail_where_a_setting_demands_a_second_factor(site, person, user, settings, axe):
    settings.SECOND_FACTOR_REQUIRED = {"managers"}
    AttachmentFactory(user=user, role=Role.PRINCIPAL)
    page = person()
    for first in (True, False):
        log_in_again(page, site)
        page.get_by_role("button", name="Recevoir un code").click()
        expect(page.get_by_text(shown("Un code est parti"))).to_be_visible()
        axe(page)
        nothing_overflows(page, 390)
        page.get_by_label("Code").fill(mailed_code())
        page.get_by_role("button", name="Se connecter").click()
        if first:
            expect(page.get_by_text("Votre rôle demande")).to_be_visible()
            axe(page)
            page.get_by_role("link", name=shown("Activer les codes par courriel")).click()
            confirm(page)
            page.get_by_role("button", name=shown("J'ai noté ces codes")).click()
        expect(page.locator("summary", has_text="Compte d")).to_be_visible()
        page.goto(f"{site}/organisation/")
        expect(page.get_by_text("Votre rôle demande")).to_have_count(0)


@pytest.fixture
def virtual_key(page):
    """A key in the browser itself, which says yes to all; (the session that commands it, its number)."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools, made["authenticatorId"]


@pytest.mark.parametrize("javascript", [True], indirect=True, ids=["javascript"])
def test_a_passkey(page, site, axe, virtual_key):
    devtools, key = virtual_key
    page.get_by_role("link", name="Ajouter une clé").click()
    axe(page)
    nothing_overflows(page, 390)
    confirm(page, name="")
    expect(page.get_by_role("alert").first).to_contain_text("Nom de la clé")
    confirm(page, name="Clé USB du bureau")
    expect(page.get_by_role("heading", level=1)).to_have_text("Vos codes de secours")
    page.get_by_role("button", name=shown("J'ai noté ces codes")).click()
    expect(page.get_by_text("Clé USB du bureau")).to_have_count(2)
    axe(page)
    assert len(devtools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]) == 1
    log_in_again(page, site)
    axe(page)
    page.get_by_role("button", name="Présenter ma clé").click()
    expect(page.locator("summary", has_text="Compte d")).to_be_visible()
    # The key is not there.
    devtools.send("WebAuthn.clearCredentials", {"authenticatorId": key})
    log_in_again(page, site)
    page.get_by_role("button", name="Présenter ma clé").click()
    expect(page.get_by_text(shown("La clé n'a pas répondu"))).to_be_visible()
    axe(page)


@pytest.mark.parametrize("javascript", [False], indirect=True, ids=["no-javascript"])
def test_without_javascript_a_passkey_says_so(page, axe):
    page.get_by_role("link", name="Ajouter une clé").click()
    expect(page.get_by_text(shown("Une clé d'accès demande JavaScript"))).to_be_visible()
    axe(page)
    confirm(page, name="Clé")
    expect(page.get_by_role("alert").first).to_contain_text("Il lui faut JavaScript")
    axe(page)
