"""Password, its expiry, secret question: only whoever knows the current password changes them."""

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import actions
from accounts.models import OpenSession, User
from accounts.tasks import warn_of_expiry
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD, NEW = "un long mot de passe", "quatre chevaux dans la cour"
PATH = "/mon-compte/mot-de-passe/"


@pytest.fixture
def user():
    user = UserFactory(first_name="Maximilien", last_name="Fontaine", email="max@exemple.example")
    user.set_password(PASSWORD)
    user.save()
    return user


def logged_in(user):
    client = Client()
    client.force_login(user)
    return client


def answers(current=PASSWORD, new=NEW, again=None):
    return {"current_password": current, "password": new, "password_again": again or new}


def test_a_new_password_keeps_this_session_and_ends_the_others(user):
    here, elsewhere = logged_in(user), logged_in(user)
    page = here.post(PATH, answers(), follow=True)
    assert "Votre mot de passe est remplacé" in page.text
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert here.get("/mon-compte/").status_code == 200
    assert elsewhere.get("/mon-compte/").status_code == 302
    assert [row.session_key for row in OpenSession.objects.all()] == [here.session.session_key]
    assert [mail.slug for mail in OutgoingMail.objects.all()] == ["password_changed"]
    assert HistoryEntry.objects.get().event == "password_changed"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (answers(current="pas celui-là"), "current_password"),
        (answers(current=""), "current_password"),
        (answers(new="court"), "password"),
        (answers(new="123456789012"), "password"),
        (answers(new="qwerty123456"), "password"),
        (answers(new="motdepasse123"), "password"),
        (answers(new="Azertyuiop123"), "password"),
        (answers(new="azertyqsdfgh"), "password"),
        (answers(new="1234poiuytreza"), "password"),
        (answers(new="1aqw2zsx3edc"), "password"),
        (answers(new="Intendance2026!"), "password"),
        (answers(new="Décembre-2026"), "password"),
        (answers(new="mot de passe 2026"), "password"),
        (answers(new="P@ssw0rd2026!"), "password"),
        (answers(new="M0tDeP@sse123"), "password"),
        (answers(new="soleilsoleilsoleil"), "password"),
        (answers(new="aaaaaaaaaaaaa1"), "password"),
        (answers(new="maximilien fontaine"), "password"),
        (answers(new=PASSWORD), "password"),
        (answers(again="autre chose de long"), "password_again"),
        (answers(new="max@exemple.example"), "password"),
    ],
)
def test_a_password_that_will_not_do(user, sent, field):
    page = logged_in(user).post(PATH, sent)
    assert page.status_code == 422
    assert list(page.context["form"].errors) == [field]
    user.refresh_from_db()
    assert user.check_password(PASSWORD)
    assert not HistoryEntry.objects.exists()


@pytest.mark.parametrize(
    "new",
    [
        "quatre chevaux dans la cour",
        "bonjour-portail",
        "83a92b847c12",
        "k7#Vq2!mZt9w",
        "Le 3 mai, 4 merles !",
        "日本語日本語日本語のことば",
    ],
)
def test_a_password_that_will_do(user, new):
    logged_in(user).post(PATH, answers(new=new))
    user.refresh_from_db()
    assert user.check_password(new)


def test_all_that_is_wrong_is_told_at_once_in_plain_words(user):
    page = logged_in(user).post(PATH, answers(current="pas celui-là", new="maximilien fontaine", again="autre"))
    errors = page.context["form"].errors
    assert list(errors) == ["password", "password_again", "current_password"]
    assert "Ce n'est pas votre mot de passe actuel." in page.text
    assert page.text.count("12 caractères au moins") == 1
    assert "Votre mot de passe ne" not in page.text


def test_wrong_current_passwords_are_counted_as_at_login(user, settings):
    client = logged_in(user)
    for _ in range(settings.LOCKOUT_FAILURES - 1):
        assert client.post(PATH, answers(current="pas celui-là")).status_code == 422
    assert client.post(PATH, answers(current="pas celui-là")).status_code == 429
    assert client.post(PATH, answers()).status_code == 429
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_a_password_replaced_meanwhile_is_not_replaced_again(user):
    stale = User.objects.get()
    actions.change_password(User.objects.get(), password=NEW, session_key="")
    for act in (
        lambda: actions.change_password(stale, password="encore un autre mot de passe", session_key=""),
        lambda: actions.change_secret_question(stale, secret_question="pet", secret_answer="Rex"),
        lambda: actions.request_address(stale, email="nouvelle@exemple.example"),
    ):
        with pytest.raises(ActionError) as refusal:
            act()
        assert refusal.value.code == "changed_meanwhile"
    assert HistoryEntry.objects.count() == 1


def test_secret_question_and_answer(user):
    client = logged_in(user)
    path = reverse("accounts:change_secret_question")
    sent = {"current_password": PASSWORD, "secret_question": "pet", "secret_answer": "Médor"}
    assert client.post(path, sent | {"current_password": "non"}).status_code == 422
    assert client.post(path, sent | {"secret_answer": "."}).status_code == 422
    assert "sont enregistrées" in client.post(path, sent, follow=True).text
    user.refresh_from_db()
    assert (user.secret_question, check_password("medor", user.secret_answer)) == ("pet", True)
    assert HistoryEntry.objects.get().event == "secret_question_changed"
    assert (mail := OutgoingMail.objects.get()).slug == "secret_question_changed"
    assert mail.to == user.email


# Expiry.


@pytest.fixture
def expiring(settings, user):
    """A password of 90 days at most, chosen so many days ago."""
    settings.PASSWORD_EXPIRES_DAYS = 90

    def chosen(**ago):
        User.objects.filter(pk=user.pk).update(password_changed_at=timezone.now() - timedelta(**ago))
        user.refresh_from_db()
        return user

    return chosen


def test_passwords_last_for_ever_unless_a_setting_says_otherwise(user):
    User.objects.update(password_changed_at=timezone.now() - timedelta(days=5000))
    assert logged_in(user).get("/mon-compte/").status_code == 200
    warn_of_expiry()
    assert not OutgoingMail.objects.exists()


@pytest.mark.parametrize(("ago", "status"), [({"days": 89, "hours": 23}, 200), ({"days": 90}, 302)])
def test_an_expired_password_is_replaced_before_anything_else(expiring, ago, status):
    user = expiring(**ago)
    client = logged_in(user)
    for path in ("/", "/mon-compte/", "/organisation/", "/aide/"):
        assert client.get(path).status_code == status
    if status == 302:
        assert client.get("/organisation/?page=2").url == f"{PATH}?next=%2Forganisation%2F%3Fpage%3D2"
        assert client.post("/mon-compte/parametres/", {}).url == PATH
        assert "Votre mot de passe a expiré" in client.get(PATH).text
        assert client.post(f"{PATH}?next=/organisation/", answers()).url == "/organisation/"
        assert client.get("/organisation/").status_code == 200


def test_an_expired_password_still_logs_in_and_out(expiring):
    user, client = expiring(days=200), Client()
    client.post("/connexion/", {"username": user.email, "password": PASSWORD})
    assert client.get("/").url.startswith(PATH)
    assert client.post("/deconnexion/").url == "/"
    assert client.get("/").status_code == 200


def test_nobody_is_led_away_by_the_page_to_go_on_to(expiring):
    user = expiring(days=200)
    assert logged_in(user).post(f"{PATH}?next=https://mal.example/", answers()).url == "/mon-compte/"


def test_the_pigp_s_passwords_do_not_expire_here(expiring):
    user = expiring(days=200)
    User.objects.update(identity_from_pigp=True)
    assert logged_in(user).get("/mon-compte/").status_code == 200


@pytest.mark.parametrize(
    ("ago", "mails"), [({"days": 75, "hours": 23}, 0), ({"days": 76}, 1), ({"days": 89}, 1), ({"days": 91}, 0)]
)
def test_its_owner_is_told_once_some_days_before(expiring, ago, mails):
    user = expiring(**ago)
    UserFactory()
    warn_of_expiry()
    warn_of_expiry()
    assert [mail.to for mail in OutgoingMail.objects.all()] == [user.email] * mails


def test_whoever_changes_it_is_told_again_of_the_next(expiring):
    user = expiring(days=80)
    warn_of_expiry()
    user = actions.change_password(User.objects.get(), password=NEW, session_key="")
    assert user.password_warned_at is None
    expiring(days=80)
    warn_of_expiry()
    assert OutgoingMail.objects.filter(slug="password_expires").count() == 2


def test_many_are_told_in_shares(expiring, monkeypatch):
    monkeypatch.setattr("accounts.actions.credentials.WARNED_AT_ONCE", 2)
    expiring(days=80)
    UserFactory.create_batch(4, password_changed_at=timezone.now() - timedelta(days=80))
    UserFactory(activating=True, password_changed_at=timezone.now() - timedelta(days=80))
    warn_of_expiry()
    assert OutgoingMail.objects.count() == 5
