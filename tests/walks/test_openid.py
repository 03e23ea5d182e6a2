"""Login by way of a real OpenID provider, with and without JavaScript: linked once by the password, then without it."""

import re

import pytest
from playwright.sync_api import expect

from accounts import openid
from accounts.models import ExternalIdentity
from tests.factories import AttachmentFactory, UserFactory
from tests.servers import running_oidc
from tests.walks.steps import PASSWORD, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL, SUB = "claire@champoulant.example", "b5d1-claire"
CLAIMS = {"sub": SUB, "email": EMAIL, "siret": "20003035100015", "given_name": "Claire", "usual_name": "Fontaine"}
BUTTON = re.compile("Se connecter avec ProConnect")


@pytest.fixture(scope="module")
def issuer():
    with running_oidc(CLAIMS) as issuer:
        yield issuer


@pytest.fixture
def provider(issuer, settings):
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = issuer, "portail", "secret"
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives | {"form-action": ["'self'", issuer]}}
    openid._discovered.cache_clear()
    return issuer


def arrive(page, site):
    # The mock's own style sheet is on the web.
    page.route(re.compile("cdn"), lambda route: route.abort())
    page.goto(f"{site}/connexion/?next=/mon-compte/")
    page.get_by_role("link", name=BUTTON).click()
    page.get_by_role("button", name=SUB).first.click()


def test_linked_by_the_password_then_without_it(site, person, provider, axe):
    user = UserFactory(email=EMAIL, first_name="Claire", last_name="Fontaine")
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user)
    page = person()
    page.goto(f"{site}/connexion/?next=/mon-compte/")
    axe(page)
    nothing_overflows(page, 390)
    arrive(page, site)
    expect(page.get_by_text("Encore une étape la première fois")).to_be_visible()
    expect(page.get_by_label("Adresse de connexion")).to_have_value(EMAIL)
    axe(page)
    nothing_overflows(page, 390)
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")
    expect(page.get_by_text("Votre compte est relié")).to_be_visible()
    expect(page.get_by_text("Reliée le")).to_be_visible()
    axe(page)
    assert ExternalIdentity.objects.get().sub == SUB

    log_out(page)
    expect(page.get_by_role("link", name="Se connecter").first).to_be_visible()
    arrive(page, site)
    expect(page.get_by_role("heading", level=1)).to_have_text("Mon compte")

    # This time the provider had a session too.
    log_out(page)
    expect(page).to_have_url(re.compile(rf"{provider}/oauth2/end_session\?id_token_hint="))
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_text("Vous êtes déconnecté")).to_be_visible()

    arrive(page, site)
    page.get_by_role("link", name=re.compile("Délier")).click()
    axe(page)
    page.get_by_label("Mot de passe actuel").fill(PASSWORD)
    page.get_by_role("button", name="Valider").click()
    expect(page.get_by_text("Non reliée")).to_be_visible()
    axe(page)


def test_whoever_has_no_account_is_led_to_the_registration(site, person, provider, axe):
    page = person()
    arrive(page, site)
    page.get_by_role("link", name="Créez-le").click()
    expect(page.get_by_label("Adresse e-mail", exact=True)).to_have_value(EMAIL)
    axe(page)
    page.goto(f"{site}/connexion/")
    page.goto(f"{site}/connexion/fournisseur/retour/?code=x&state=y")
    expect(page.get_by_role("heading", level=1)).to_contain_text("pas abouti")
    axe(page)


def log_out(page):
    page.locator("summary", has_text="Compte d").click()
    page.get_by_role("button", name="Se déconnecter").click()
