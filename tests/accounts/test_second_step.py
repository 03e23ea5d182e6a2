"""Logging in with a second factor: the password alone opens nothing."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import actions
from accounts.models import OpenSession, Passkey, User, Way
from attachments.models import Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.accounts.second import (
    PASSWORD,
    STEP,
    at_the_door,
    is_in,
    mailed_code,
    now_code,
    rested,
    send,
    somebody,
    with_email,
    with_totp,
)
from tests.authenticator import Authenticator
from tests.conftest import as_typed
from tests.factories import AttachmentFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
SITE = "http://localhost:8000"


@pytest.fixture
def user():
    return somebody(first_name="Maximilien")


def wrong(answer):
    assert answer.status_code == 422
    assert "Ce code n'est pas valable" in answer.text or "La clé d'accès n'a pas été reconnue" in answer.text
    return True


def test_the_password_alone_opens_nothing(user):
    with_totp(user)
    client = at_the_door(user, "/connexion/?next=/organisation/")
    assert client.answer.url == f"{STEP}?next=%2Forganisation%2F"
    assert SESSION_KEY not in client.session
    assert not is_in(client)
    assert not OpenSession.objects.exists()
    page = client.get(client.answer.url)
    assert "no-store" in page["Cache-Control"]
    assert "assistance@portail.example" in page.text


def test_a_right_code_lets_in_under_a_new_session_key(user):
    with_totp(user)
    client = Client()
    client.get("/connexion/")
    session = client.session
    session["planted"] = "1"
    session.save()
    client.cookies["session"] = planted = session.session_key
    at_the_door(user, "/connexion/?next=/organisation/", client)
    half_way = client.session.session_key
    assert send(client, now_code(), query="?next=/organisation/").url == "/organisation/"
    assert len({planted, half_way, client.session.session_key}) == 3
    assert is_in(client)
    assert [row.session_key for row in OpenSession.objects.all()] == [client.session.session_key]
    stolen = Client()
    for key in (planted, half_way):
        stolen.cookies["session"] = key
        assert not is_in(stolen)
    assert "second_step" not in client.session


@pytest.mark.parametrize("code", ["", "000000", "abc", "12345", "1234567", "٠١٢٣٤٥", "0" * 40, "-1", "1e5"])
def test_what_is_no_right_code(user, code):
    with_totp(user)
    client = at_the_door(user)
    answer = send(client, code)
    assert answer.status_code == 422
    assert not is_in(client)


def test_a_code_of_the_application_counts_once_and_not_for_long(user):
    with_totp(user)
    code, old = now_code(), now_code(ago=3)
    assert wrong(send(at_the_door(user), old))
    rested(user)
    assert send(at_the_door(user), f"{code[:3]} {code[3:]}").status_code == 302
    again = at_the_door(user)
    assert wrong(send(again, code))
    assert not is_in(again)
    with time_machine.travel(timezone.now() + timedelta(seconds=60), tick=False):
        assert send(again, now_code()).status_code == 302
        assert is_in(again)


def test_a_mailed_code(user):
    with_email(user)
    client = at_the_door(user)
    assert "Recevoir un code" in client.get(STEP).text
    first = mailed_code(client)
    second = mailed_code(client)
    if first != second:
        assert wrong(send(client, first, Way.EMAIL))
        rested(user)
    assert send(client, second, Way.EMAIL).url == "/"
    assert is_in(client)
    assert wrong(send(at_the_door(user), second, Way.EMAIL))
    mail = OutgoingMail.objects.filter(slug="login_code").first()
    assert (mail.to, second in mail.subject) == (user.email, False)
    assert not HistoryEntry.objects.filter(data__icontains=second).exists()


@pytest.mark.parametrize(("minutes", "opens"), [(9, True), (10, False)])
def test_a_mailed_code_lasts_ten_minutes(user, minutes, opens):
    with_email(user)
    with time_machine.travel(timezone.now() - timedelta(minutes=minutes), tick=False):
        code = mailed_code(at_the_door(user))
    client = at_the_door(user)
    send(client, code, Way.EMAIL)
    assert is_in(client) is opens


def test_a_mailed_code_dies_with_the_address_it_went_to(user):
    with_email(user)
    code = mailed_code(at_the_door(user))
    User.objects.update(email="autre@exemple.example")
    user.refresh_from_db()
    assert wrong(send(at_the_door(user), code, Way.EMAIL))


def test_so_many_codes_are_mailed_and_no_more(user, settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    with_email(user)
    client = at_the_door(user)
    for _ in range(3):
        answer = client.post(f"{STEP}courriel/", follow=True)
    assert "Trop de codes demandés" in answer.text
    assert OutgoingMail.objects.filter(slug="login_code").count() == 2
    assert send(client, mailed_code(), Way.EMAIL).status_code == 302


def test_codes_asked_for_from_one_network_are_counted(user, settings):
    settings.LOGIN_RATE = "2/m"
    with_email(user)
    client = at_the_door(user)
    assert "Un code est parti" in client.post(f"{STEP}courriel/", follow=True).text
    assert "Attendez une minute" in client.post(f"{STEP}courriel/", follow=True).text
    assert OutgoingMail.objects.filter(slug="login_code").count() == 1


def test_no_code_is_mailed_for_who_chose_other_ways(user):
    with_totp(user)
    client = at_the_door(user)
    assert "ne sont pas activés" in client.post(f"{STEP}courriel/", follow=True).text
    assert not OutgoingMail.objects.filter(slug="login_code").exists()
    assert wrong(send(client, "123456", Way.EMAIL))


def test_a_recovery_code_counts_once(user):
    codes = with_totp(user)
    assert len(set(codes)) == 10
    client = at_the_door(user)
    assert "code de secours" in client.get(f"{STEP}?moyen=recovery").text.lower()
    page = client.post(STEP, {"way": "recovery", "code": codes[3].upper().replace("-", " ")}, follow=True)
    assert "Codes restants : 9." in page.text
    assert HistoryEntry.objects.first().event == "recovery_code_used"
    assert "Codes restants : 9" in as_typed(OutgoingMail.objects.order_by("pk").last().parts()[0])
    assert wrong(send(at_the_door(user), codes[3], Way.RECOVERY))
    rested(user)
    assert send(at_the_door(user), codes[4], Way.RECOVERY).status_code == 302


# Passkeys.


@pytest.fixture
def passkey(user):
    return enrolled(user)


def enrolled(user, **options):
    key = Authenticator(SITE, **options)
    client = Client()
    client.force_login(user)
    path = "/mon-compte/double-authentification/cle/"
    answer = key.create(client.get(path).context["options"])
    sent = {"name": "Clé USB", "current_password": PASSWORD, "credential": answer}
    assert client.post(path, sent).status_code == 302
    user.refresh_from_db()
    return key


def sign(client, answer):
    return client.post(STEP, {"way": "passkey", "credential": answer})


def asked(client):
    return client.get(f"{STEP}?moyen=passkey").context["options"]


def test_a_passkey_lets_in_and_what_it_signed_counts_once(user):
    key = enrolled(user, counts=False)
    client = at_the_door(user)
    options = asked(client)
    assert options == asked(client)
    answer = key.get(options)
    assert sign(client, answer).url == "/"
    assert is_in(client)
    assert Passkey.objects.get().last_used_at
    again = at_the_door(user)
    asked(again)
    assert wrong(sign(again, answer))
    # Even where the session still asks the same.
    session = again.session
    session["second_step"]["challenge"] = Passkey.objects.get().last_challenge
    session.save()
    assert wrong(sign(again, answer))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key, options: Authenticator(SITE).get(options),
        lambda key, options: key.get('{"challenge": "AAAA"}'),
        lambda key, options: setattr(key, "origin", "https://mal.example") or key.get(options),
        lambda key, options: setattr(key, "host", "mal.example") or key.get(options),
        lambda key, options: key.get(options).replace('"signature": "', '"signature": "AAAA'),
        lambda key, options: "{}",
        lambda key, options: "[1",
        lambda key, options: "[" * 5000,
        lambda key, options: '{"rawId": 3}',
        lambda key, options: "null",
    ],
)
def test_what_no_passkey_of_theirs_signed(user, passkey, spoil):
    client = at_the_door(user)
    assert wrong(sign(client, spoil(passkey, asked(client))))
    assert not is_in(client)


def test_somebody_else_s_passkey_opens_nothing(user, passkey):
    other = somebody()
    theirs = enrolled(other)
    client = at_the_door(user)
    assert wrong(sign(client, theirs.get(asked(client))))


def test_a_passkey_that_counts_backwards_is_a_copy(user, passkey):
    client = at_the_door(user)
    assert sign(client, passkey.get(asked(client))).status_code == 302
    passkey.count = 0
    client = at_the_door(user)
    assert wrong(sign(client, passkey.get(asked(client))))


# Between the two steps.


def test_the_first_step_lasts_ten_minutes(user):
    with_totp(user)
    with time_machine.travel(timezone.now() - timedelta(minutes=10), tick=False):
        client = at_the_door(user)
    answer = send(client, now_code(), query="?next=/organisation/")
    assert answer.url == "/connexion/?next=%2Forganisation%2F"
    assert "redonnez votre mot de passe" in client.get(answer.url).text
    assert not is_in(client)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: actions.change_password(user, password="quatre chevaux dans la cour", session_key=""),
        lambda user: actions.deactivate_account(user.pk, actor=None),
    ],
)
def test_the_first_step_ends_with_the_password_or_the_account(user, change):
    with_totp(user)
    client = at_the_door(user)
    change(User.objects.get(pk=user.pk))
    assert send(client, now_code()).url == "/connexion/"
    assert not is_in(client)


def test_another_account_s_first_step_is_not_one_s_own(user):
    """A code is asked of whoever gave the password last, and of nobody else."""
    with_totp(user)
    other = somebody()
    with_email(other)
    client = at_the_door(user)
    at_the_door(other, client=client)
    assert wrong(send(client, now_code()))
    code = mailed_code(client)
    rested(other)
    send(client, code, Way.EMAIL)
    assert client.session[SESSION_KEY] == str(other.pk)
    assert Client().post(STEP, {"way": "totp", "code": now_code()}).url == "/connexion/"


@pytest.mark.parametrize("address", ["https://mal.example", "//mal.example", "javascript:alert(1)"])
def test_nobody_is_led_away(user, address):
    with_totp(user)
    client = at_the_door(user, f"/connexion/?next={address}")
    assert client.answer.url.startswith(STEP)
    assert send(client, now_code(), query=f"?next={address}").url == "/"


def test_what_was_typed_before_the_session_ended_comes_back_after_the_code(user):
    with_totp(user)
    client, path = Client(), "/mon-compte/informations/"
    client.force_login(user)
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    typed = {"first_name": "Max", "last_name": "Fontaine"}
    page = client.post(path, typed, headers={"Referer": f"http://testserver{path}"})
    sent = {"username": user.email, "password": PASSWORD, "kept": page.context["kept"]}
    answer = client.post(f"/connexion/?next={path}", sent)
    assert send(client, now_code(), query=f"?next={path}").url == path
    assert answer.url.startswith(STEP)
    assert "ce que vous aviez saisi" in client.get(path).text


def test_wrong_codes_are_made_to_wait_and_then_shut_out_as_wrong_passwords_are(user, settings):
    with_totp(user)
    client = at_the_door(user)
    assert wrong(send(client, "000000"))
    answer = send(client, now_code())
    assert answer.status_code == 422
    assert "Trop d'essais rapprochés" in answer.text
    for _ in range(settings.LOCKOUT_FAILURES - 2):
        rested(user)
        assert wrong(send(client, "000000"))
    rested(user)
    assert send(client, "000000").status_code == 429
    rested(user)
    assert send(client, now_code()).status_code == 429
    assert not is_in(client)
    assert at_the_door(user).answer.status_code == 429
    mail = OutgoingMail.objects.get(slug="wrong_codes")
    assert "Quelqu'un a donné votre mot de passe" in as_typed(mail.parts()[0])


def test_the_owner_is_told_once_of_wrong_codes(user):
    """At the fifth, however often a sixth is tried too soon from wherever."""
    with_totp(user)
    told = OutgoingMail.objects.filter(slug="wrong_codes")
    for number in range(1, 6):
        rested(user)
        with pytest.raises(ActionError):
            actions.use_code(user.pk, way=Way.TOTP, code="000000")
        assert told.count() == (number == 5)
    for _ in range(3):
        with pytest.raises(ActionError) as refusal:
            actions.use_code(user.pk, way=Way.TOTP, code="000000")
        assert (refusal.value.code, told.count()) == ("too_soon", 1)
    rested(user)
    with pytest.raises(ActionError):
        actions.use_code(user.pk, way=Way.TOTP, code="000000")
    assert told.count() == 1


def test_wrong_passkeys_shut_out_as_wrong_passwords_do(user, passkey, settings):
    client = at_the_door(user)
    for _ in range(settings.LOCKOUT_FAILURES - 1):
        assert wrong(sign(client, "{}"))
    assert sign(client, "{}").status_code == 429
    assert sign(client, passkey.get(asked(client))).status_code == 429
    assert not is_in(client)


def test_the_wait_does_not_grow_for_ever(user):
    with_totp(user)
    device = user.totpdevice
    for _ in range(40):
        device.throttle_increment()
    until = device.verify_is_allowed()[1]["locked_until"]
    assert timedelta(minutes=30) < until - timezone.now() < timedelta(minutes=40)


def test_requests_of_one_network_are_counted(user, settings):
    settings.LOGIN_RATE = "2/m"
    with_totp(user)
    client = at_the_door(user)
    rested(user)
    send(client, "000000")
    rested(user)
    answer = send(client, now_code())
    assert answer.status_code == 429
    assert not is_in(client)


def test_who_comes_from_the_pigp_has_one_too(user):
    User.objects.update(identity_from_pigp=True)
    with_totp(user)
    client = at_the_door(user)
    assert not is_in(client)
    assert send(client, now_code()).status_code == 302


# Demanded by a setting.


@pytest.mark.parametrize(
    ("required", "who", "asked_for"),
    [
        (set(), "principal", False),
        ({"managers"}, "principal", True),
        ({"managers"}, "secondary", True),
        ({"managers"}, "simple", False),
        ({"managers"}, "staff", False),
        ({"support"}, "staff", True),
        ({"support"}, "principal", False),
    ],
)
def test_a_setting_demands_it_of_some(settings, required, who, asked_for):
    settings.SECOND_FACTOR_REQUIRED = required
    user = somebody(is_staff=who == "staff")
    if who != "staff":
        AttachmentFactory(user=user, role=Role(who))
    client = at_the_door(user, "/connexion/?next=/organisation/")
    assert client.answer.url.startswith(STEP) is asked_for
    if asked_for:
        # Until they chose a way, who reads their mail is who they are.
        assert send(client, mailed_code(client), Way.EMAIL).status_code == 302
        assert client.get("/organisation/?page=1").url == "/mon-compte/double-authentification/"
        page = client.get("/mon-compte/double-authentification/")
        assert "Votre rôle demande" in page.text
        client.post("/mon-compte/double-authentification/courriel/", {"current_password": PASSWORD})
        assert client.post("/mon-compte/double-authentification/codes/nouveaux/").url == "/organisation/?page=1"
        assert client.get("/organisation/?page=1").status_code == 200
    else:
        assert is_in(client)


def test_an_expired_password_comes_before_a_second_factor(settings):
    settings.SECOND_FACTOR_REQUIRED, settings.PASSWORD_EXPIRES_DAYS = {"support"}, 90
    user = UserFactory(staff=True, password_changed_at=timezone.now() - timedelta(days=200))
    client = Client()
    client.force_login(user)
    assert client.get("/organisation/").url.startswith("/mon-compte/mot-de-passe/")
    assert client.get("/mon-compte/mot-de-passe/").status_code == 200


def test_the_demand_costs_a_query_once_a_session(settings, client):
    client.force_login(UserFactory())

    def queries():
        with CaptureQueriesContext(connection) as counted:
            client.get("/aide/")
        return len(counted)

    queries()
    before = queries()
    settings.SECOND_FACTOR_REQUIRED = {"managers", "support"}
    # One that asks, and the session that keeps the answer.
    assert queries() > before
    assert queries() == before
