import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import hashed_answer
from accounts.links import Purpose, make_token
from accounts.models import User
from notifications.models import OutgoingMail
from plumbing.logs import HideTokens
from tests.deferred import work_off_everything
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "un long mot de passe"
ACTIVATION = {"password": PASSWORD, "password_again": PASSWORD, "secret_question": "pet", "secret_answer": "Médor"}
NEW_PASSWORD = {"password": "une autre phrase longue", "password_again": "une autre phrase longue"}


@pytest.fixture
def claire():
    user = UserFactory(email="claire@exemple.example")
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(client, email="claire@exemple.example", password=PASSWORD, **options):
    return client.post("/connexion/", {"username": email, "password": password}, **options)


def words(answer):
    """What the page says, less what differs at each load."""
    return re.sub(r'value="[^"]*"', "", answer.text)


def test_login_takes_the_address_in_any_case(client, claire):
    assert log_in(client, "CLAIRE@Exemple.example").status_code == 302


@pytest.mark.parametrize("state", [state for state in User.State if state != User.State.ACTIVE])
def test_only_active_accounts_log_in_and_the_words_do_not_tell(client, claire, state):
    User.objects.update(state=state)
    refused = log_in(client)
    unknown = log_in(client, "personne@exemple.example")
    assert "inexact" in refused.text
    assert words(refused) == words(unknown).replace("personne@exemple.example", "claire@exemple.example")


@pytest.mark.parametrize("email", ["claire@exemple.example", "personne@exemple.example"])
def test_too_many_failures_lock_in_the_same_words(client, claire, email):
    answers = [log_in(client, email, "faux") for _ in range(6)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert "Attendez <strong>15 minutes</strong>" in answers[-1].text
    assert log_in(client, email.upper()).status_code == 429


def test_a_lock_holds_only_where_the_failures_came_from(client, claire):
    for _ in range(6):
        log_in(client, password="faux", REMOTE_ADDR="10.0.0.1")
    assert log_in(client, REMOTE_ADDR="10.0.0.2").status_code == 302


def test_a_lock_cannot_be_dodged_with_a_forged_header(client, claire):
    answers = [log_in(client, password="faux", headers={"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(6)]
    assert answers[-1].status_code == 429


@pytest.mark.parametrize(
    "elsewhere", ["https://mal.example/", "//mal.example/", "javascript:alert(1)", "/\\mal.example"]
)
def test_login_never_leads_off_the_site(client, claire, elsewhere):
    answer = client.post(f"/connexion/?next={elsewhere}", {"username": claire.email, "password": PASSWORD})
    assert answer.url == "/"


def test_login_leads_where_one_was_going(client, claire):
    assert client.get("/demandes/").url == "/connexion/?next=/demandes/"
    answer = client.post("/connexion/?next=/demandes/", {"username": claire.email, "password": PASSWORD})
    assert answer.url == "/demandes/"


def test_a_session_ends_after_inactivity_and_says_so(client, claire, time_machine):
    time_machine.move_to("2026-11-21T09:00:00Z")
    log_in(client)
    time_machine.shift(20 * 60)
    assert client.get("/").context["user"] == claire
    time_machine.shift(20 * 60)
    assert client.get("/").context["user"] == claire
    time_machine.shift(31 * 60)
    answer = client.get("/demandes/", follow=True)
    assert "Votre session est terminée" in answer.text


def test_reading_does_not_write_the_session_at_each_click(client, claire, django_assert_num_queries):
    log_in(client)
    client.get("/conditions/")
    with django_assert_num_queries(4):  # session, user, which structures one manages, what support waits for
        client.get("/conditions/")


def test_logging_out_is_a_post(client, claire):
    log_in(client)
    assert client.get("/deconnexion/").status_code == 405
    client.post("/deconnexion/")
    # Who left, for a form still open in another tab (accounts/kept.py).
    assert list(Session.objects.get().get_decoded()) == ["left"]
    assert client.get("/mon-compte/").status_code == 302


def test_opening_an_activation_link_changes_nothing(client):
    user = UserFactory(activating=True)
    path = f"/activation/{make_token(user, Purpose.ACTIVATION)}/"
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert client.head(path).status_code == 200
    user.refresh_from_db()
    assert user.state == User.State.ACTIVATING


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "court", "password_again": "court"}, "trop court"),
        ({"password_again": "différent"}, "Les deux mots de passe diffèrent"),
        ({"secret_question": "forgée"}, "Sélectionnez un choix valide"),
        ({"secret_answer": "  "}, "Écrivez la réponse à votre question secrète."),
        ({"secret_answer": " é "}, "au moins deux caractères"),
        ({"password": "anne@exemple.example1", "password_again": "anne@exemple.example1"}, "trop semblable"),
    ],
)
def test_activation_says_what_is_wrong(client, change, sentence):
    user = UserFactory(activating=True, email="anne@exemple.example")
    right = {
        "password": PASSWORD,
        "password_again": PASSWORD,
        "secret_question": "pet",
        "secret_answer": "Médor",
    }
    answer = client.post(f"/activation/{make_token(user, Purpose.ACTIVATION)}/", right | change)
    assert sentence in answer.text
    assert User.objects.get().state == User.State.ACTIVATING


@pytest.mark.parametrize("path", ["/activation/", "/mot-de-passe/"])
def test_asking_for_a_link_says_the_same_whoever_it_is(client, path):
    asked = {state: UserFactory(state=state).email for state in User.State}
    asked["unknown"] = "personne@exemple.example"
    said = {words(client.post(path, {"email": email})).replace(email, "X") for email in asked.values()}
    assert len(said) == 1
    assert "vient d" in said.pop()


@pytest.mark.parametrize("path", ["/activation/", "/mot-de-passe/"])
@pytest.mark.parametrize("email", ["claire@exemple.example", "personne@exemple.example"])
def test_asking_for_a_link_does_the_same_work_whoever_it_is(client, claire, path, email):
    """What it does not ask, its time cannot tell."""
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        client.post(path, {"email": email})
    assert [query["sql"].split(" (")[0] for query in captured] == ['INSERT INTO "accounts_linkrequest"']


def test_trying_many_passwords_from_one_place_is_limited_before_any_is_tried(client, claire, settings):
    settings.LOGIN_RATE = "3/m"
    for number in range(3):
        assert log_in(client, f"a{number}@exemple.example", "faux").status_code == 200
    refused = [log_in(client, password=password) for password in ("faux", PASSWORD)]
    for answer in refused:
        assert answer.status_code == 429
        assert "Trop d'essais" in answer.text
        assert "inexact" not in answer.text
        assert 'value="claire@exemple.example"' in answer.text
        assert PASSWORD not in answer.text
    assert words(refused[0]) == words(refused[1])
    assert not AccessAttempt.objects.filter(username=claire.email).exists()
    assert client.get("/").context["user"].is_anonymous


@pytest.mark.parametrize(
    ("sources", "status"),
    [
        ([f"2001:db8:1:2::{n:x}" for n in range(6)], 429),
        ([f"2001:db8:1:{n:x}::1" for n in range(6)], 200),
        (["::ffff:10.0.0.1", "10.0.0.1"] * 3, 429),
    ],
)
def test_an_ipv6_subscriber_counts_by_their_prefix(client, claire, settings, sources, status):
    """For the lockout as for the limits: one subscriber has a /64, 18 billion billion addresses."""
    settings.LOGIN_RATE = "1000/m"
    assert [log_in(client, password="faux", REMOTE_ADDR=source) for source in sources][-1].status_code == status
    settings.LOGIN_RATE = "5/m"
    answers = [log_in(client, f"{n}@exemple.example", "faux", REMOTE_ADDR=ip) for n, ip in enumerate(sources)]
    assert answers[-1].status_code == status


@pytest.mark.parametrize("hop", ["1.2.3.4:5678", "[2001:db8::1]:443", "unknown"])
def test_a_hop_that_is_no_bare_address_is_no_error(client, claire, settings, hop):
    settings.PROXY_COUNT = 1
    assert log_in(client, password="faux", headers={"X-Forwarded-For": hop}).status_code == 200
    assert log_in(client, headers={"X-Forwarded-For": hop}).status_code == 302


def test_personal_pages_are_not_kept_by_the_browser(client, claire):
    assert "no-store" not in client.get("/").headers.get("Cache-Control", "")
    log_in(client)
    assert "no-store" in client.get("/").headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/?q=%00", "/demandes/%00/", "/activation/%00/"])
def test_a_nul_is_refused(client, path):
    assert client.get(path).status_code == 400


def test_a_nul_in_a_cookie_is_refused(client):
    client.cookies["session"] = "\x00" * 12
    assert client.get("/").status_code == 400


def test_a_second_login_page_left_open_leads_home(claire):
    client = Client(enforce_csrf_checks=True)
    client.force_login(claire)
    assert client.post("/connexion/", {"username": "x"}).url == "/"


def test_links_stay_out_of_the_logs(client, caplog):
    token = make_token(UserFactory(activating=True), Purpose.ACTIVATION)
    caplog.handler.addFilter(HideTokens())
    client.get(f"/mot-de-passe/{token}/")
    assert "/mot-de-passe/…" in caplog.text
    assert token not in caplog.text


def test_asking_for_links_is_rate_limited(client, settings):
    settings.MAIL_REQUEST_RATE = "3/h"
    answers = [client.post("/mot-de-passe/", {"email": "a@exemple.example"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert "Trop de demandes" in answers[3].text
    # Nothing of a refused form is looked at.
    assert "valide" not in client.post("/mot-de-passe/", {"email": "pas une adresse"}).text


def test_a_reset_asks_the_secret_question_if_there_is_one(client, claire):
    User.objects.update(secret_question="pet", secret_answer=hashed_answer("Médor"))
    claire.refresh_from_db()
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    new = {"password": "une autre phrase longue", "password_again": "une autre phrase longue"}
    assert "Quel était le nom de votre premier animal" in client.get(path).text
    assert "Ce n'est pas la réponse enregistrée" in client.post(path, new | {"secret_answer": "Rex"}).text
    assert client.post(path, new | {"secret_answer": "medor"}).status_code == 302
    assert log_in(client, password="une autre phrase longue").status_code == 302


def test_a_pause_after_wrong_answers_is_told(client, claire):
    User.objects.update(secret_question="pet", secret_answer=hashed_answer("Médor"))
    claire.refresh_from_db()
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    new = {"password": "une autre phrase longue", "password_again": "une autre phrase longue", "secret_answer": "Rex"}
    answers = [client.post(path, new) for _ in range(6)]
    assert "réessayez dans une heure" in answers[-1].text
    # Of what is sent during the pause, nothing is tried.
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


def test_a_reset_ends_the_sessions_open_elsewhere(client, claire):
    log_in(client)
    claire.set_password("une autre phrase longue")
    claire.save()
    assert client.get("/demandes/").status_code == 302


def test_login_is_case_sensitive_for_the_password_only(client, claire):
    assert log_in(client, " Claire@EXEMPLE.example ", PASSWORD.upper()).status_code == 200
    assert log_in(client, " Claire@EXEMPLE.example ").status_code == 302


def test_the_lock_page_is_the_same_for_an_unknown_address(client, claire):
    pages = []
    for email in ("claire@exemple.example", "personne@exemple.example"):
        pages.append([words(log_in(client, email, "faux")).replace(email, "X") for _ in range(6)])
    assert pages[0] == pages[1]


def test_a_lock_on_one_address_leaves_others_alone(client, claire):
    for _ in range(6):
        log_in(client, "jean@exemple.example", "faux")
    assert log_in(client, "jean@exemple.example", "faux").status_code == 429
    assert log_in(client).status_code == 302


def test_a_lock_ends_by_itself(client, claire, settings, time_machine):
    for _ in range(5):
        log_in(client, password="faux")
    assert log_in(client).status_code == 429
    time_machine.move_to(timezone.now() + timedelta(minutes=settings.LOCKOUT_MINUTES, seconds=5))
    assert log_in(client).status_code == 302


def test_a_right_password_forgets_earlier_failures(client, claire):
    for _ in range(3):
        assert [log_in(client, password="faux").status_code for _ in range(4)] == [200] * 4
        assert log_in(client).status_code == 302
        client.post("/deconnexion/")


@pytest.mark.parametrize("forged", ["10.9.9.{}, 10.0.0.1", "10.9.9.{}, 10.8.8.{}, 10.0.0.1"])
def test_behind_a_proxy_the_lock_follows_the_address_the_proxy_saw(client, claire, settings, forged):
    settings.PROXY_COUNT = 1
    answers = [
        log_in(client, password="faux", headers={"X-Forwarded-For": forged.format(n, n), "X-Forwarded-Proto": "http"})
        for n in range(6)
    ]
    assert answers[-1].status_code == 429
    assert log_in(client, headers={"X-Forwarded-For": "10.0.0.2"}).status_code == 302


def test_failed_logins_leave_no_password_behind(client, claire):
    log_in(client, password="presque le bon")
    kept = AccessAttempt.objects.get()
    assert "presque le bon" not in f"{kept.post_data} {kept.get_data}"


@pytest.mark.parametrize("elsewhere", ["https:mal.example", "///mal.example", "https://testserver@mal.example/"])
def test_login_never_leads_off_the_site_even_in_disguise(client, claire, elsewhere):
    sent = {"username": claire.email, "password": PASSWORD, "next": elsewhere}
    assert client.post("/connexion/", sent, query_params={"next": elsewhere}).url == "/"


@pytest.mark.parametrize("odd", ["demandes", "nulle part", "\\tjavascript:alert(1)", "../..", "?"])
def test_login_survives_a_next_page_that_is_no_address(client, claire, odd):
    answer = client.post("/connexion/", {"username": claire.email, "password": PASSWORD}, query_params={"next": odd})
    assert answer.status_code == 302


def test_a_browser_still_holds_the_cookie_when_the_session_has_ended(client, claire):
    """Otherwise « Votre session est terminée » could never be shown."""
    cookie = log_in(client).cookies["session"]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    assert cookie["httponly"]


def test_a_first_visit_is_not_told_of_an_ended_session(client):
    assert "Votre session est terminée" not in client.get("/connexion/").text


def test_activating_through_the_page_lets_in(client):
    user = UserFactory(activating=True)
    path = f"/activation/{make_token(user, Purpose.ACTIVATION)}/"
    assert client.post(path, ACTIVATION).url == "/connexion/"
    assert "Votre compte est actif" in client.get("/connexion/").text
    assert log_in(client, user.email).status_code == 302
    assert client.get(path).status_code == 410


def test_activation_tells_until_when_the_link_is_valid(client, time_machine):
    time_machine.move_to("2026-11-21T09:00:00Z", tick=False)
    user = UserFactory(activating=True)
    page = client.get(f"/activation/{make_token(user, Purpose.ACTIVATION)}/").text
    assert "mardi 24 novembre 2026 à 10 h 00" in page
    assert user.email in page


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(
    ("path", "purpose", "renew"),
    [
        ("/activation/{}/", Purpose.ACTIVATION, 'href="/activation/"'),
        ("/mot-de-passe/{}/", Purpose.RESET, 'href="/mot-de-passe/"'),
    ],
)
def test_a_stale_link_says_why_and_offers_another(client, time_machine, path, purpose, renew, method):
    user = UserFactory(state=purpose.state)
    token = make_token(user, purpose)
    ask = getattr(client, method)
    unreadable = [ask(path.format(cut)) for cut in (token[:-4], "n-importe-quoi")]
    time_machine.move_to(timezone.now() + timedelta(days=4))
    expired = ask(path.format(token))
    User.objects.update(state="disabled")
    used = ask(path.format(token))
    for answer, title in (
        *((page, "pas lisible") for page in unreadable),
        (expired, "a expiré"),
        (used, "ne sert plus"),
    ):
        assert (answer.status_code, title in answer.text, renew in answer.text) == (410, True, True)


def test_a_stale_activation_link_posted_changes_nothing(client, time_machine):
    user = UserFactory(activating=True)
    path = f"/activation/{make_token(user, Purpose.ACTIVATION)}/"
    time_machine.move_to(timezone.now() + timedelta(hours=73))
    assert client.post(path, ACTIVATION).status_code == 410
    user.refresh_from_db()
    assert user.state == User.State.ACTIVATING


def test_opening_a_reset_link_changes_nothing(client, claire):
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    for _ in range(3):
        assert client.get(path).status_code == 200
    assert "secret_answer" not in client.get(path).text
    assert log_in(client).status_code == 302


def test_without_a_secret_question_the_password_is_enough(client, claire):
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    assert client.post(path, NEW_PASSWORD).url == "/connexion/"
    assert log_in(client).status_code == 200
    assert log_in(client, password="une autre phrase longue").status_code == 302


def test_the_secret_answer_cannot_be_left_out(client, claire):
    User.objects.update(secret_question="pet", secret_answer=hashed_answer("Médor"))
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    assert client.post(path, NEW_PASSWORD).status_code == 200
    assert log_in(client).status_code == 302


def test_a_typing_error_in_the_password_costs_no_try(client, claire):
    User.objects.update(secret_question="pet", secret_answer=hashed_answer("Médor"))
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    for _ in range(3):
        client.post(path, NEW_PASSWORD | {"password_again": "différent", "secret_answer": "Rex"})
    claire.refresh_from_db()
    assert claire.answer_failures == 0


def test_wrong_answers_given_on_the_page_stay_counted(client, claire):
    User.objects.update(secret_question="pet", secret_answer=hashed_answer("Médor"))
    path = f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/"
    for _ in range(3):
        client.post(path, NEW_PASSWORD | {"secret_answer": "Rex"})
    claire.refresh_from_db()
    assert claire.answer_failures == 3


def test_resetting_through_the_page_ends_every_other_session(client, claire):
    log_in(client)
    assert client.get("/demandes/").status_code == 200
    Client().post(f"/mot-de-passe/{make_token(claire, Purpose.RESET)}/", NEW_PASSWORD)
    assert client.get("/demandes/").url == "/connexion/?next=/demandes/"
    assert client.get("/").context["user"].is_anonymous


def test_an_account_no_longer_active_loses_its_open_session(client, claire):
    log_in(client)
    User.objects.update(state=User.State.DISABLED)
    assert client.get("/demandes/").url == "/connexion/?next=/demandes/"


@pytest.mark.parametrize("path", ["/activation/", "/mot-de-passe/"])
def test_an_activating_account_gets_its_activation_mail_by_either_page(client, path):
    user = UserFactory(activating=True)
    client.post(path, {"email": user.email.upper()})
    work_off_everything()
    mail = OutgoingMail.objects.get()
    assert (mail.slug, mail.to) == ("activation", user.email)


def test_both_pages_share_one_limit_on_mails(client, settings):
    settings.MAIL_REQUEST_RATE = "2/h"
    for path in ("/activation/", "/mot-de-passe/"):
        client.post(path, {"email": "a@exemple.example"})
    user = UserFactory()
    assert "Trop de demandes" in client.post("/mot-de-passe/", {"email": user.email}).text
    work_off_everything()
    assert not OutgoingMail.objects.exists()
