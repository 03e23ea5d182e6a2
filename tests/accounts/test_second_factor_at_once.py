"""A second factor used or changed twice at the same instant, on PostgreSQL."""

import pytest

from accounts import actions
from accounts.models import Factors, Passkey, RecoveryDevice, TotpDevice, User, Way
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from plumbing.sealed import seal
from tests.accounts.second import KEY, mailed_code, now_code, somebody, with_email, with_totp
from tests.at_once import at_once, meanwhile
from tests.authenticator import Authenticator

pytestmark = pytest.mark.django_db(transaction=True)
SITE = "http://localhost:8000"


@pytest.fixture
def user():
    return somebody()


def codes(answers):
    return sorted(getattr(answer, "code", "ok") for answer in answers)


def use(user, way, code):
    return lambda: actions.use_code(user.pk, way=way, code=code)


def test_a_code_of_the_application_lets_one_in(user):
    with_totp(user)
    answers = at_once(*[use(user, Way.TOTP, now_code())] * 2)
    assert answers.count(None) == 1
    assert codes(answers) in (["ok", "wrong_code"],)


def test_a_recovery_code_lets_one_in(user):
    drawn = with_totp(user)
    assert at_once(*[use(user, Way.RECOVERY, drawn[0])] * 2).count(None) == 1
    assert Factors(user).codes_left == 9


def test_a_mailed_code_lets_one_in(user):
    with_email(user)
    actions.mail_login_code(user.pk)
    assert at_once(*[use(user, Way.EMAIL, mailed_code())] * 2).count(None) == 1


def test_what_a_passkey_signed_lets_one_in(user):
    key = Authenticator(SITE, counts=False)
    options = '{"challenge": "AAAAAAAAAAAAAAAAAAAAAA"}'
    challenge = "AAAAAAAAAAAAAAAAAAAAAA"
    actions.add_passkey(user, name="Clé", credential=key.create(options), challenge=challenge)
    answer = key.get(options)
    answers = at_once(*[lambda: actions.use_passkey(user.pk, credential=answer, challenge=challenge)] * 2)
    assert answers.count(None) == 1
    assert Passkey.objects.get().last_challenge == challenge


def test_wrong_codes_at_once_are_one_try(user):
    with_totp(user)
    answers = at_once(*[use(user, Way.TOTP, "000000")] * 4)
    assert codes(answers) == ["too_soon", "too_soon", "too_soon", "wrong_code"]


def test_two_applications_enrolled_at_once_are_one(user):
    def add():
        return actions.add_totp(User.objects.get(pk=user.pk), sealed_key=seal(KEY.hex()), code=now_code())

    answers = at_once(add, add)
    assert sorted(len(answer) for answer in answers if isinstance(answer, list)) == [10]
    assert (TotpDevice.objects.count(), HistoryEntry.objects.count()) == (1, 1)


def test_two_tabs_draw_codes_once_each_and_the_last_count(user):
    with_totp(user)
    answers = at_once(*[lambda: actions.renew_recovery_codes(user)] * 2)
    assert [len(answer) for answer in answers] == [10, 10]
    kept = RecoveryDevice.objects.get().digests
    assert [RecoveryDevice.digest(answer[0]) in kept for answer in answers].count(True) == 1


def test_support_removes_it_while_a_code_is_tried(user):
    with_totp(user)
    support = somebody(is_staff=True)
    answer = meanwhile(
        lambda: actions.remove_second_factor(user.pk, actor=support, reason="Perdu"), use(user, Way.TOTP, now_code())
    )
    assert isinstance(answer, ActionError)


def test_a_password_replaced_meanwhile_changes_no_factor(user):
    me = User.objects.get(pk=user.pk)
    change = {"password": "quatre chevaux dans la cour", "session_key": ""}
    answer = meanwhile(lambda: actions.change_password(user, **change), lambda: actions.turn_on_email_code(me))
    assert answer.code == "changed_meanwhile"
    assert not Factors(user).any


def test_codes_asked_for_at_once_stay_within_the_rate(user, settings):
    settings.MAIL_TO_ONE_RATE = "1/h"
    with_email(user)
    at_once(*[lambda: actions.mail_login_code(user.pk)] * 3)
    assert OutgoingMail.objects.filter(slug="login_code").count() == 1
