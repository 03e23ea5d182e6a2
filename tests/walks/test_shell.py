"""What surrounds every page: one row of header, menus, focus, small screens, dark mode and print."""

import pytest
from playwright.sync_api import expect

from attachments.models import Role
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory
from tests.walks.steps import PASSWORD, every_control_shows_focus, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

# Of style alone, which no script changes.
once = pytest.mark.parametrize("javascript", [True], indirect=True, ids=["javascript"])

PHONE = {"width": 390, "height": 844}
PAGES = ["/", "/organisation/", "/demandes/", "/structures/", "/aide/"]
LONG = "Groupement d'établissements pour la formation continue et l'insertion professionnelle du Val-de-Vire"


@pytest.fixture
def structure():
    structure = StructureFactory(legal_name=LONG)
    for _ in range(3):
        AttachmentRequestFactory(structure=structure, user__last_name="Descombes-Villeneuve-Montesquiou")
    ServiceFactory(structure=structure)
    return structure


def manager_of(structure, **names):
    user = UserFactory(email="claire@exemple.example", **names)
    user.set_password(PASSWORD)
    user.save()
    AttachmentFactory(user=user, structure=structure, role=Role.PRINCIPAL)
    AttachmentFactory(user=user, role=Role.SECONDARY)
    AttachmentRequestFactory(user=user)
    return user


@pytest.fixture
def manager(structure, site, person):
    manager_of(structure)
    page = person()
    log_in(page, site, "claire@exemple.example")
    return page


def header_height(page):
    return page.evaluate("document.querySelector('.site-bar').getBoundingClientRect().height")


@once
@pytest.mark.parametrize("demo", [True, False])
def test_long_names_make_the_header_no_higher(site, structure, person, settings, demo):
    settings.DEMO = demo
    settings.PORTAL_NAME = "Portail national des structures et des organisations publiques"
    manager_of(structure, first_name="Anne-Charlotte", last_name="de Montesquiou-Fezensac-Lemarchand")
    visitor = person()
    for arrive in (lambda: visitor.goto(site), lambda: log_in(visitor, site, "claire@exemple.example")):
        arrive()
        expect(visitor.locator(".demo-notice")).to_have_count(1 if demo else 0)
        for width in (320, 390, 640, 1000, 1280):
            nothing_overflows(visitor, width)
            assert header_height(visitor) <= 64


def test_the_menus_open_and_lead_on_a_phone(site, manager, axe):
    manager.set_viewport_size(PHONE)
    manager.goto(f"{site}/organisation/")
    expect(manager.get_by_role("link", name="Rechercher", exact=True)).to_be_hidden()
    manager.locator("summary:visible", has_text="Menu").click()
    current = manager.get_by_role("navigation", name="Menu").get_by_role("link", name="Organisation")
    expect(current).to_have_attribute("aria-current", "page")
    axe(manager)
    manager.get_by_role("navigation", name="Menu").get_by_role("link", name="Activités du gestionnaire").click()
    expect(manager).to_have_url(f"{site}/activites/")
    manager.locator("summary:visible", has_text="Compte d").click()
    manager.get_by_role("button", name="Se déconnecter").click()
    expect(manager.get_by_role("link", name="Se connecter").first).to_be_visible()


@once
def test_the_section_is_marked_on_the_pages_below_it(site, manager, structure):
    manager.goto(f"{site}/structures/{structure.pk}/services/")
    section = manager.get_by_role("navigation", name="Sections").get_by_role("link", name="Organisation")
    expect(section).to_have_attribute("aria-current", "true")


@once
def test_the_keyboard_reaches_every_control_and_shows_it(site, manager, structure):
    """Whether each control has its ring on each page: test_every_page.py."""
    for path in ("/", "/demandes/", f"/structures/{structure.pk}/modifier/", "/inscription/"):
        manager.goto(site + path)
        assert every_control_shows_focus(manager) > 8


@once
def test_the_first_key_leads_past_the_header(site, manager):
    manager.goto(f"{site}/organisation/")
    manager.keyboard.press("Tab")
    expect(manager.get_by_role("link", name="Aller au contenu")).to_be_focused()
    manager.keyboard.press("Enter")
    manager.keyboard.press("Tab")
    assert manager.evaluate("document.querySelector('main').contains(document.activeElement)")


@once
def test_a_control_with_its_ring_taken_away_would_be_found(site, person):
    visitor = person()
    visitor.goto(f"{site}/connexion/")
    visitor.evaluate("for (const e of document.querySelectorAll('input')) e.style.outline = 'none'")
    with pytest.raises(AssertionError, match="no ring on <input"):
        every_control_shows_focus(visitor)


@once
def test_at_twice_the_size_nothing_overflows_and_in_the_dark_axe_finds_nothing(site, manager, structure, axe):
    """At 320 px and in light: test_every_page.py."""
    manager.emulate_media(color_scheme="dark")
    for path in [*PAGES, f"/structures/{structure.pk}/", "/accessibilite/", "/nulle-part/", "/demo/courriels/"]:
        manager.set_viewport_size({"width": 1280, "height": 900})
        manager.goto(site + path)
        axe(manager)
        for width in (390, 640):
            nothing_overflows(manager, width)


@once
def test_print_leaves_out_what_is_for_the_screen(site, manager):
    manager.emulate_media(media="print", color_scheme="dark")
    manager.goto(f"{site}/organisation/")
    expect(manager.locator(".site-bar")).to_be_hidden()
    expect(manager.locator(".site-footer")).to_be_hidden()
    assert manager.evaluate("getComputedStyle(document.body).color") == "rgb(21, 37, 45)"
