"""What holds on every page of the site, whoever may open it (the admin's pages: test_admin.py)."""

import pytest
from django.urls import reverse

from attachments.models import Role
from tests.factories import AttachmentFactory, UserFactory
from tests.test_access import TABLE, arguments  # noqa: F401
from tests.walks.steps import PASSWORD, focus_is_seen, log_in, nothing_overflows

pytestmark = pytest.mark.django_db(transaction=True)

# Not pages: files, pictures, fragments for scripts, mails as they were sent.
NO_PAGE = {
    "health",
    "registration:captcha_image",
    "registration:captcha_audio",
    "demo:mail",
    "demo:mail_html",
}
VISITOR, PRINCIPAL = 0, 4


def pages_for(role):
    return [name for name, (_, answers) in TABLE.items() if answers[role] == 200 and not is_file(name)]


def is_file(name):
    return name in NO_PAGE or name.rpartition(":")[2].startswith(("export", "download"))


def look_at(page, address, axe):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(address)
    axe(page)
    focus_is_seen(page)
    nothing_overflows(page, 320)
    page.set_viewport_size({"width": 390, "height": 844})
    header = page.locator(".site-bar").bounding_box()
    assert header["height"] <= 64, address


@pytest.mark.timeout(180)
@pytest.mark.parametrize("javascript", [True], indirect=True)
@pytest.mark.parametrize("role", [VISITOR, PRINCIPAL], ids=["visitor", "principal"])
def test_focus_is_seen_nothing_overflows_and_axe_has_nothing_to_say(role, site, person, axe, arguments):  # noqa: F811
    page = person()
    names = pages_for(role)
    if role == PRINCIPAL:
        user = UserFactory(email="claire@exemple.example")
        user.set_password(PASSWORD)
        user.save()
        AttachmentFactory(user=user, structure=arguments["structure"], role=Role.PRINCIPAL)
        log_in(page, site, user.email)
        names = [name for name in names if name not in pages_for(VISITOR)]
    for name in names:
        wanted, _ = TABLE[name]
        look_at(page, site + reverse(name, args=[arguments[argument] for argument in wanted]), axe)
