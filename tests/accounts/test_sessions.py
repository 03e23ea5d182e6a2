"""Where one is logged in: seen, and ended, by nobody else."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts import actions
from accounts.browsers import in_words
from accounts.links import Purpose, make_token
from accounts.models import OpenSession
from accounts.tasks import forget_expired
from history.models import HistoryEntry
from tests.factories import OpenSessionFactory, UserFactory

pytestmark = pytest.mark.django_db

PATH = "/mon-compte/sessions/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0"
PASSWORD = "un long mot de passe"


@pytest.fixture
def user():
    user = UserFactory()
    user.set_password(PASSWORD)
    user.save()
    return user


def logged_in(user, agent=FIREFOX):
    client = Client(headers={"User-Agent": agent})
    client.post("/connexion/", {"username": user.email, "password": PASSWORD})
    return client


def keys():
    return {row.session_key for row in OpenSession.objects.all()}


def test_a_session_is_known_from_login_to_logout(user):
    client = logged_in(user)
    row = OpenSession.objects.get()
    assert (row.user, row.browser, row.session_key) == (user, "Firefox sous Windows", client.session.session_key)
    client.post("/deconnexion/")
    assert not OpenSession.objects.exists()


def test_whoever_logs_in_over_somebody_else_s_session_has_their_own(user):
    client = logged_in(user)
    client.force_login(other := UserFactory())
    assert OpenSession.objects.get(user=other).session_key == client.session.session_key


def test_the_page_lists_one_s_own_living_ones(user):
    here, _ = logged_in(user), logged_in(user, "curl")
    logged_in(user, "Opera OPR/100")
    Session.objects.filter(session_key=OpenSession.objects.get(browser="Opera").session_key).update(
        expire_date=timezone.now() - timedelta(minutes=1)
    )
    OpenSessionFactory(user=user, browser="Edge")
    OpenSessionFactory(browser="Chrome")
    page = here.get(PATH).text
    assert "Firefox sous Windows" in page
    assert page.count("Cette session") == 1
    assert "Navigateur inconnu" in page
    assert "Lieu inconnu" in page
    assert not [name for name in ("Opera", "Edge", "Chrome") if name in page]
    assert "2 sessions" in here.get("/mon-compte/").text


def test_one_is_ended(user):
    here, there, third = logged_in(user), logged_in(user), logged_in(user)
    row = OpenSession.objects.get(session_key=there.session.session_key)
    assert "La session est fermée" in here.post(f"{PATH}{row.pk}/fermer/", follow=True).text
    assert there.get(PATH).status_code == 302
    assert third.get(PATH).status_code == 200
    assert here.get(PATH).status_code == 200
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.data) == ("sessions_ended", {"count": 1})
    assert here.post(f"{PATH}{row.pk}/fermer/").status_code == 404


def test_all_others_are_ended(user):
    here, stranger = logged_in(user), Client()
    stranger.force_login(UserFactory())
    others = [logged_in(user) for _ in range(2)]
    assert "2 sessions sont fermées" in here.post(f"{PATH}fermer-les-autres/", follow=True).text
    assert [other.get(PATH).status_code for other in others] == [302, 302]
    assert (here.get(PATH).status_code, stranger.get(PATH).status_code) == (200, 200)
    assert keys() == {here.session.session_key, stranger.session.session_key}
    assert "Aucune autre session" in here.post(f"{PATH}fermer-les-autres/", follow=True).text
    assert HistoryEntry.objects.count() == 1


def test_nobody_ends_somebody_else_s_nor_the_one_they_are_in(user):
    here = logged_in(user)
    theirs = OpenSessionFactory()
    mine = OpenSession.objects.get(user=user)
    for row in (theirs, mine):
        assert here.post(f"{PATH}{row.pk}/fermer/").status_code == 404
    assert here.get(f"{PATH}{theirs.pk}/fermer/").status_code == 405
    assert OpenSession.objects.count() == 2


def test_a_replaced_password_by_link_forgets_all(user):
    logged_in(user)
    user.refresh_from_db()
    actions.reset_password(make_token(user, Purpose.RESET), password="quatre chevaux dans la cour")
    assert not OpenSession.objects.exists()


def test_what_is_over_is_forgotten(user):
    here = logged_in(user)
    OpenSessionFactory(user=user)
    forget_expired()
    assert keys() == {here.session.session_key}


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox sous Windows"),
        (
            "Mozilla/5.0 (iPhone; like Mac OS X) Version/17.5 Mobile Safari/604.1",
            "Safari sur iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0.0.0 Mobile Safari/537.36", "Chrome sous Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.4 Safari/605.1.15", "Safari sous macOS"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0.0.0 Safari/537.36 Edg/126.0", "Edge sous Windows"),
        ("<script>alert(1)</script>" * 100, "Navigateur inconnu"),
        ("", "Navigateur inconnu"),
    ],
)
def test_browsers_in_words(agent, words):
    assert in_words(agent) == words
