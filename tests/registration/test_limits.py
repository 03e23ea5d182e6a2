"""What one visitor may do again and again, and how often."""

import pytest
from captcha.models import CaptchaStore

from accounts.actions import approve_account, close_never_active, invite_account, register_account, tell_invited
from notifications.models import OutgoingMail
from registration.captcha import fresh
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", ["x" * 41, "x\x00y", ""], ids=["long", "NUL", "none"])
def test_a_captcha_key_that_is_none_is_a_wrong_answer(client, key):
    answer = client.post("/inscription/", {"captcha_key": key, "captcha_answer": "AAAAA"})
    assert answer.status_code == 200
    assert "error" in answer.text


@pytest.mark.parametrize("path", ["/inscription/", "/inscription/captcha/"])
def test_answers_to_pictures_are_counted_whichever_button_sends_them(client, settings, path):
    settings.CAPTCHA_IMAGE_RATE = "2/m"
    sent = {"captcha_answer": "AAAAA"} | ({"check_captcha": "1"} if "captcha" in path else {})
    for _ in range(5):
        client.post(path, sent | {"captcha_key": fresh().key})
    assert CaptchaStore.objects.count() == 2


NEWCOMER = {"email": "cible@exemple.example", "first_name": "A", "last_name": "B", "phone": ""}


def register_and_approve():
    user = register_account(**NEWCOMER, contact_email="", survey_consent=False)
    approve_account(user.pk, actor=None, reference=user.reference)
    return user


def invite():
    actor = UserFactory()
    user = invite_account(**NEWCOMER, actor=actor)
    tell_invited(user, actor=actor)
    return user


@pytest.mark.parametrize("create", [register_and_approve, invite])
def test_an_address_given_an_account_again_and_again_activates_it_by_a_few_mails(settings, create):
    settings.MAIL_TO_ONE_RATE = "2/h"
    for _ in range(4):
        close_never_active(create().pk, actor=None)
    assert OutgoingMail.objects.filter(slug="activation").count() == 2
