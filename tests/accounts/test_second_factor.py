"""« Double authentification »: set up and taken away by whoever knows the password, or by support."""

from base64 import b32decode
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import totp

from accounts import actions, events
from accounts.links import Purpose, make_token
from accounts.models import EmailDevice, ExternalIdentity, Factors, Passkey, RecoveryDevice, TotpDevice, User
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from plumbing.sealed import digest, seal, unseal
from tests.accounts.second import (
    KEY,
    PAGE,
    PASSWORD,
    at_the_door,
    is_in,
    now_code,
    rested,
    send,
    somebody,
    with_email,
    with_totp,
)
from tests.authenticator import Authenticator
from tests.factories import PasskeyFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
SITE = "http://localhost:8000"
PROOF = {"current_password": PASSWORD}


@pytest.fixture
def user():
    return somebody()


@pytest.fixture
def client(user):
    client = Client()
    client.force_login(user)
    return client


def journal():
    return [entry.event for entry in HistoryEntry.objects.order_by("pk")]


def mails():
    return [(mail.slug, mail.to) for mail in OutgoingMail.objects.order_by("pk")]


def code_of(page, ago=0):
    """What an application shows that read the key of this page."""
    return f"{totp(b32decode(page.context['key'].replace(' ', '')), t0=30 * ago):06}"


def test_an_application_counts_once_it_showed_a_right_code(client, user):
    page = client.get(f"{PAGE}application/")
    assert page.context["key"] == client.get(f"{PAGE}application/").context["key"]
    assert "<svg" in page.text
    assert "style=" not in page.text
    wrong = client.post(f"{PAGE}application/", PROOF | {"code": "000000"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["code"])
    assert wrong.context["key"] == page.context["key"]
    assert not TotpDevice.objects.exists()
    answer = client.post(f"{PAGE}application/", PROOF | {"code": code_of(page)}, follow=True)
    assert "L'application est enregistrée." in answer.text
    codes = answer.context["codes"]
    assert (len(set(codes)), codes[0] in answer.text) == (10, True)
    assert client.get(f"{PAGE}codes/nouveaux/").context["codes"] == codes
    assert client.post(f"{PAGE}codes/nouveaux/").url == PAGE
    assert client.get(f"{PAGE}codes/nouveaux/").url == PAGE
    user.refresh_from_db()
    assert user.second_factor_since
    assert journal() == ["second_factor_added"]
    assert mails() == [("second_factor_changed", user.email)]
    # Neither kept as it is, nor shown again.
    kept = [TotpDevice.objects.get().sealed_key, *RecoveryDevice.objects.get().digests, str(dict(client.session))]
    secrets = [page.context["key"].replace(" ", ""), *codes]
    assert not [secret for secret in secrets if secret in " ".join(kept)]
    assert client.get(f"{PAGE}application/").url == PAGE
    assert "10 codes encore valables" in client.get(PAGE).text
    assert is_in(client)


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("application/", {"code": "123456"}),
        ("courriel/", {}),
        ("cle/", {"name": "Clé", "credential": "{}"}),
        ("retirer/email/", {}),
        ("codes/", {}),
        ("desactiver/", {}),
        ("cle/{}/retirer/", {}),
    ],
)
def test_nothing_changes_without_the_current_password(client, user, path, more):
    passkey = PasskeyFactory(user=user)
    if path != "courriel/":
        with_email(user)
    client.force_login(user)
    before, written = vars(Factors(user)).copy(), len(journal())
    for password in ("", "pas celui-là"):
        page = client.post(f"{PAGE}{path.format(passkey.pk)}", more | {"current_password": password})
        assert (page.status_code, "current_password" in page.context["form"].errors) == (422, True)
    assert {name: str(value) for name, value in vars(Factors(user)).items()} == {
        name: str(value) for name, value in before.items()
    }
    assert len(journal()) == written


def test_codes_by_e_mail(client, user):
    answer = client.post(f"{PAGE}courriel/", PROOF)
    assert answer.url == f"{PAGE}codes/nouveaux/"
    assert EmailDevice.objects.get().confirmed
    client.post(f"{PAGE}codes/nouveaux/")
    again = client.post(f"{PAGE}courriel/", PROOF)
    assert "déjà activés" in again.text
    client.post(f"{PAGE}retirer/email/", PROOF)
    user.refresh_from_db()
    assert user.second_factor_since is None
    assert not RecoveryDevice.objects.exists()
    assert journal() == ["second_factor_added", "second_factor_removed"]
    assert at_the_door(user).answer.url == "/"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"credential": ""}, "aucune clé d'accès"),
        ({"credential": "{}"}, "n'a pas répondu"),
        ({"credential": "[" * 5000}, "n'a pas répondu"),
        ({"credential": "x" * 20001}, "20000"),
        ({"name": ""}, "Nom de la clé"),
    ],
)
def test_what_is_no_passkey(client, sent, said):
    key = Authenticator(SITE)
    made = key.create(client.get(f"{PAGE}cle/").context["options"])
    page = client.post(f"{PAGE}cle/", PROOF | {"name": "Clé USB", "credential": made} | sent)
    assert page.status_code == 422
    assert said in page.text.replace("\u202f", "").replace(" 000", "000")
    assert not Passkey.objects.exists()


def test_a_passkey_made_for_another_site_or_question(client):
    options = client.get(f"{PAGE}cle/").context["options"]
    elsewhere = Authenticator("https://mal.example")
    for made in (elsewhere.create(options), Authenticator(SITE).create('{"challenge": "AAAA"}')):
        page = client.post(f"{PAGE}cle/", PROOF | {"name": "Clé", "credential": made})
        assert (page.status_code, Passkey.objects.count()) == (422, 0)


def test_what_is_taken_away_is_named_on_its_button(client, user):
    assert "otpauth://totp/" in client.get(reverse("accounts:add_totp")).text
    with_totp(user)
    page = client.get(reverse("accounts:remove_factor", args=["totp"])).text
    assert "btn-danger" in page
    assert ">Retirer l'application</button>" in page


def test_passkeys_are_added_listed_and_removed_by_their_owner(client, user):
    key = Authenticator(SITE)
    made = key.create(client.get(f"{PAGE}cle/").context["options"])
    client.post(f"{PAGE}cle/", PROOF | {"name": "<b>Clé</b>", "credential": made})
    passkey = Passkey.objects.get()
    assert (passkey.user, passkey.transports) == (user, ["usb"])
    page = client.get(PAGE).text
    assert "&lt;b&gt;Clé&lt;/b&gt;" in page
    assert "Jamais utilisée" in page
    again = key.create(client.get(f"{PAGE}cle/").context["options"])
    assert "déjà enregistrée" in client.post(f"{PAGE}cle/", PROOF | {"name": "Clé", "credential": again}).text
    stranger = Client()
    stranger.force_login(somebody())
    assert stranger.post(f"{PAGE}cle/{passkey.pk}/retirer/", PROOF).status_code == 404
    assert client.post(f"{PAGE}cle/{passkey.pk}/retirer/", PROOF).url == PAGE
    assert not Passkey.objects.exists()
    assert not RecoveryDevice.objects.exists()


def test_ten_passkeys_and_no_more(client, user):
    PasskeyFactory.create_batch(10, user=user)
    made = Authenticator(SITE).create(client.get(f"{PAGE}cle/").context["options"])
    assert "retirez-en une" in client.post(f"{PAGE}cle/", PROOF | {"name": "Clé", "credential": made}).text
    assert Passkey.objects.count() == 10


def test_the_page_asks_as_much_for_ten_passkeys_as_for_one(client, user, django_assert_num_queries):
    PasskeyFactory(user=user)
    client.get(PAGE)
    with CaptureQueriesContext(connection) as one:
        client.get(PAGE)
    PasskeyFactory.create_batch(9, user=user)
    with django_assert_num_queries(len(one)):
        page = client.get(PAGE)
    assert page.text.count("/retirer/") == 10


def test_recovery_codes_are_drawn_again(client, user):
    old = with_totp(user)
    client.force_login(user)
    new = client.post(f"{PAGE}codes/", PROOF, follow=True).context["codes"]
    assert len(new) == 10
    assert not set(new) & set(old)
    assert send(at_the_door(user), old[0], "recovery").status_code == 422
    rested(user)
    assert send(at_the_door(user), new[0], "recovery").status_code == 302
    assert "recovery_codes_drawn" in journal()


def test_all_of_it_is_turned_off_at_once(client, user):
    with_totp(user)
    with_email(user)
    PasskeyFactory(user=user)
    client.force_login(user)
    assert "ne vaudront plus rien" in client.get(f"{PAGE}desactiver/").text
    assert "Vos autres moyens restent" in client.get(f"{PAGE}retirer/totp/").text
    assert client.post(f"{PAGE}desactiver/", PROOF).url == PAGE
    assert client.post(f"{PAGE}desactiver/", PROOF).url == PAGE
    for table in (TotpDevice, EmailDevice, RecoveryDevice, Passkey):
        assert not table.objects.exists()
    assert journal()[-1] == "second_factor_turned_off"
    assert journal().count("second_factor_turned_off") == 1
    assert at_the_door(user).answer.url == "/"
    assert is_in(client)


def test_recovery_codes_alone_are_nothing_to_ask_for(user):
    with pytest.raises(ActionError) as refusal:
        actions.renew_recovery_codes(user)
    assert refusal.value.code == "no_factor"


def test_unknown_ways_are_no_page(client):
    assert client.get(f"{PAGE}retirer/recovery/").status_code == 404
    assert client.post(f"{PAGE}retirer/autre/", PROOF).status_code == 404


def test_my_account_says_whether_it_is_on(client, user):
    assert "Désactivée" in client.get("/mon-compte/").text
    with_email(user)
    assert "Activée" in client.get("/mon-compte/").text


# The way back, and the end of an account.


@pytest.fixture
def support():
    return UserFactory(staff=True)


def remove_as(support, *rows, **sent):
    client = Client()
    client.force_login(support)
    data = {"action": "remove_second_factor", "_selected_action": [row.pk for row in rows], **sent}
    return client.post(reverse("admin:accounts_user_changelist"), data, follow=True)


def test_support_takes_it_away_with_a_reason(user, support):
    with_totp(user)
    OutgoingMail.objects.all().delete()
    page = remove_as(support, user)
    assert "Retirer la double authentification ?" in page.text
    assert remove_as(support, user, post="yes", reason=" ").status_code == 422
    assert TotpDevice.objects.exists()
    page = remove_as(support, user, post="yes", reason="Téléphone volé, appel vérifié.")
    assert "Doubles authentifications retirées : 1." in page.text
    entry = HistoryEntry.objects.first()
    assert (entry.event, entry.actor, entry.subject) == ("second_factor_turned_off", support, user)
    assert entry.comment == "Motif : Téléphone volé, appel vérifié."
    assert mails() == [("second_factor_changed", user.email)]
    assert at_the_door(user).answer.url == "/"
    assert "pas de double authentification" in remove_as(support, user, post="yes", reason="Encore").text


def test_support_does_not_take_away_their_own_nor_a_superuser_s(user, support):
    boss = somebody(is_staff=True, is_superuser=True)
    for person in (boss, support):
        person.set_password(PASSWORD)
        person.save()
        with_email(person)
    page = remove_as(support, boss, support, post="yes", reason="Pour voir").text
    assert "seul un super-utilisateur" in page
    assert "se retire dans « Mon compte »" in page
    assert EmailDevice.objects.count() == 2


def test_support_sees_since_when_and_no_secret(user, support, client):
    codes = with_totp(user)
    client.force_login(support)
    page = client.get(reverse("admin:accounts_user_change", args=[user.pk])).text
    assert f"Depuis le {timezone.localdate().day}" in page
    assert TotpDevice.objects.get().sealed_key not in page
    assert codes[0] not in page


def test_a_new_password_does_not_take_it_away(user):
    with_totp(user)
    path = reverse("accounts:reset", args=[make_token(User.objects.get(pk=user.pk), Purpose.RESET)])
    assert "La double authentification reste" in Client().get(path).text
    new = "quatre chevaux dans la cour"
    Client().post(path, {"password": new, "password_again": new})
    client = Client()
    assert client.post("/connexion/", {"username": user.email, "password": new}).url == "/connexion/code/"


def test_a_deactivated_account_keeps_it_and_a_closed_one_does_not(user):
    with_totp(user)
    actions.deactivate_account(user.pk, actor=None)
    actions.reactivate_account(user.pk, actor=None)
    user.refresh_from_db()
    assert user.second_factor_since
    ExternalIdentity.objects.create(user=user, issuer="https://fournisseur.example", sub="1")
    events.accounts_closed.send(sender=None, users=[user], actor=None, cause="account_closed")
    user.refresh_from_db()
    assert user.second_factor_since is None
    assert not TotpDevice.objects.exists()
    assert not RecoveryDevice.objects.exists()
    assert not ExternalIdentity.objects.exists()


# Secrets.


def test_what_is_sealed_is_read_with_the_same_key_alone(settings, user):
    sealed = seal(KEY.hex())
    assert (unseal(sealed), KEY.hex() in sealed, digest("a") == digest("a")) == (KEY.hex(), False, True)
    with_totp(user)
    settings.SECRET_KEY = "another"
    assert unseal(sealed) is None
    assert unseal("nothing sealed") is None
    assert not TotpDevice.objects.get().verify_token(now_code())


def test_a_wrong_code_at_enrolment_leaves_nothing(user):
    with pytest.raises(ActionError) as refusal:
        actions.add_totp(user, sealed_key=seal(KEY.hex()), code="000000")
    assert (refusal.value.field, TotpDevice.objects.exists(), journal()) == ("code", False, [])


def test_the_code_that_enrolled_the_application_does_not_log_in(user):
    with time_machine.travel(timezone.now() + timedelta(days=1), tick=False):
        actions.add_totp(user, sealed_key=seal(KEY.hex()), code=now_code())
        assert send(at_the_door(user), now_code()).status_code == 422
