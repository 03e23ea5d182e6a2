"""The contact address: nothing goes there before somebody who reads it said so."""

import re

import pytest
from django.urls import reverse

from accounts import actions
from accounts.links import Purpose, make_token
from accounts.models import User
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

CONTACT = "bureau@exemple.example"
WORDS = {"password": "un long mot de passe", "secret_question": "pet", "secret_answer": "Médor"}


@pytest.fixture
def user():
    return UserFactory(contact_email=CONTACT)


def test_activating_asks_the_contact_address_and_tells_it_nothing_of_anybody():
    user = UserFactory(state="activating", activated_at=None, contact_email=CONTACT, first_name="Gagnez")
    assert user.mail_address == user.email
    user = actions.activate_account(make_token(user, Purpose.ACTIVATION), **WORDS)
    mail = OutgoingMail.objects.get()
    assert (mail.slug, mail.to, user.mail_address) == ("contact_confirmation", CONTACT, user.email)
    assert not re.search("Gagnez|" + user.last_name, "".join(mail.parts()))


def test_opening_the_link_changes_nothing_and_its_button_confirms_once(client, user):
    path = reverse("accounts:confirm_contact", args=[make_token(user, Purpose.CONTACT)])
    assert CONTACT in client.get(path).text
    assert User.objects.get().mail_address == user.email
    client.post(path)
    assert User.objects.get().mail_address == CONTACT
    assert HistoryEntry.objects.get().event == "contact_confirmed"
    assert client.post(path).status_code == 410
    assert HistoryEntry.objects.count() == 1


def test_a_new_address_is_asked_anew_and_the_old_link_is_worth_nothing(user):
    token = make_token(user, Purpose.CONTACT)
    actions.confirm_contact(token)
    actions.change_account(user.pk, actor=None, values={"contact_email": "autre@exemple.example"})
    user.refresh_from_db()
    assert user.mail_address == user.email
    mails = {(mail.slug, mail.to) for mail in OutgoingMail.objects.all()}
    told = {("contact_changed", user.email), ("contact_changed", CONTACT)}
    assert mails == told | {("contact_confirmation", "autre@exemple.example")}
    assert "autre@" not in "".join(OutgoingMail.objects.get(to=CONTACT).parts())
    with pytest.raises(ActionError):
        actions.confirm_contact(token)


def test_one_address_is_asked_a_few_times_whoever_gives_it(settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    for user in UserFactory.create_batch(4):
        actions.change_account(user.pk, actor=None, values={"contact_email": CONTACT})
    assert OutgoingMail.objects.filter(to=CONTACT).count() == 2


def test_the_links_of_two_purposes_are_not_each_other_s(user):
    with pytest.raises(ActionError):
        actions.confirm_contact(make_token(user, Purpose.RESET))


@pytest.mark.parametrize("state", ["pending", "activating", "disabled", "closed"])
def test_only_an_active_account_has_its_contact_address_asked(state):
    user = UserFactory(state=state)
    actions.change_account(user.pk, actor=None, values={"contact_email": CONTACT})
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(
    ("state", "activated"), [("active", True), ("disabled", True), ("closed", False), ("activating", True)]
)
def test_the_address_of_an_account_that_served_or_is_over_is_not_corrected(state, activated):
    more = {} if activated else {"activated_at": None}
    user = UserFactory(state=state, **more)
    with pytest.raises(ActionError) as error:
        actions.correct_address(user.pk, email="autre@exemple.example")
    assert error.value.code == "not_correctable"


def test_one_person_has_a_few_addresses_written_to(client, user, settings):
    settings.MAIL_REQUEST_RATE = "2/h"
    client.force_login(user)
    path = reverse("accounts:change_contact")
    answers = [client.post(path, {"contact_email": f"tiers{number}@exemple.example"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert 'value="tiers2@exemple.example"' in answers[-1].text
    assert OutgoingMail.objects.filter(slug="contact_confirmation").count() == 2
