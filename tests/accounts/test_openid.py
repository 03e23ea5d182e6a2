"""Login by OpenID Connect, against a provider of our own that can be as wrong as one likes."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from joserfc.jwk import RSAKey

from accounts import actions, openid
from accounts.links import Purpose, make_token
from accounts.models import ExternalIdentity, User
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.accounts.provider import CLIENT, SECRET, running_provider
from tests.at_once import at_once
from tests.factories import StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

START, BACK, UNLINK = "/connexion/fournisseur/", "/connexion/fournisseur/retour/", "/mon-compte/delier/"
EMAIL, PASSWORD = "claire@champoulant.example", "un long mot de passe"
SIRET = "20003035100015"


@pytest.fixture
def provider(settings):
    with running_provider() as provider:
        settings.OIDC_ISSUER = provider.issuer
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, SECRET
        openid._discovered.cache_clear()
        yield provider
        openid._discovered.cache_clear()


@pytest.fixture
def user():
    user = UserFactory(email=EMAIL)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def linked(provider, user):
    return ExternalIdentity.objects.create(user=user, issuer=provider.issuer, sub="abc")


def come_back(client, provider, next_page=""):
    """To the provider and back: the answer to the callback."""
    there = client.get(START, {"next": next_page} if next_page else {})
    assert there.url.startswith(f"{provider.issuer}/authorize?")
    return client.get(BACK, provider.authorize(there.url))


def give_password(client, email=EMAIL, path="/connexion/", password=PASSWORD):
    return client.post(path, {"username": email, "password": password}, follow=True)


def is_in(client):
    return "_auth_user_id" in client.session


# --- Off -----------------------------------------------------------------------------------------


def test_it_is_off_by_default(client, settings):
    assert settings.OIDC_ISSUER == ""
    assert "Ou sans mot de passe" not in client.get("/connexion/").text
    assert {client.get(path).status_code for path in (START, BACK)} == {404}
    client.force_login(UserFactory())
    assert client.get(UNLINK).status_code == 404
    assert "Connexion par" not in client.get("/mon-compte/").text


# --- Whom an account is linked to ------------------------------------------------------------------


def test_what_the_provider_is_asked(client, provider, settings):
    asked = {name: values[0] for name, values in parse_qs(urlsplit(client.get(START).url).query).items()}
    assert asked["redirect_uri"] == f"{settings.SITE_URL}{BACK}"
    assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT)
    assert set(asked["scope"].split()) == {"openid", "email", "siret", "given_name", "usual_name"}
    assert (asked["code_challenge_method"], asked["acr_values"]) == ("S256", "eidas1")
    assert min(len(asked["state"]), len(asked["nonce"])) >= 32


@pytest.mark.parametrize("signs_userinfo", [True, False])
def test_whoever_is_linked_gets_in_and_on(client, provider, linked, signs_userinfo):
    provider.signs_userinfo = signs_userinfo
    client.get("/connexion/")
    answer = come_back(client, provider, "/mon-compte/")
    assert answer.url == "/mon-compte/"
    assert is_in(client)
    assert linked.user.open_sessions.get().session_key == client.session.session_key
    assert client.get(BACK, {"code": "x", "state": "y"}).url == "/"
    assert client.get(START).url == "/"


def test_nobody_is_led_off_the_site(client, provider, linked):
    assert come_back(client, provider, "https://ailleurs.example/").url == "/"


def test_the_session_s_key_changes(client, provider, linked):
    there = client.get(START)
    before = client.session.session_key
    client.get(BACK, provider.authorize(there.url))
    assert is_in(client)
    assert client.session.session_key != before


def test_who_it_is_goes_by_sub_alone(client, provider, linked):
    """Another address there, be it somebody else's here: the same account, its login address untouched."""
    UserFactory(email="autre@champoulant.example")
    provider.said |= {"email": "autre@champoulant.example"}
    come_back(client, provider)
    assert client.session["_auth_user_id"] == str(linked.user.pk)
    linked.user.refresh_from_db()
    assert linked.user.email == EMAIL


def test_another_sub_with_the_address_does_not_get_in(client, provider, linked):
    provider.said |= {"sub": "nouveau"}
    assert come_back(client, provider).url == "/connexion/"
    assert not is_in(client)
    assert "l'est déjà à une autre identité" in give_password(client).text
    assert ExternalIdentity.objects.get().sub == "abc"


@pytest.mark.parametrize("state", ["pending", "activating", "disabled", "closed"])
def test_an_account_that_is_not_active_does_not_get_in(client, provider, linked, state):
    User.objects.filter(pk=linked.user.pk).update(state=state)
    assert come_back(client, provider).url == "/connexion/"
    assert not is_in(client)
    assert "Ce compte n'est pas actif" in client.get("/connexion/").text


def test_lockout_is_about_passwords(client, provider, linked, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = give_password(client, password="faux")
    assert answer.status_code == 429
    come_back(client, provider)
    assert is_in(client)


def test_an_expired_password_stops_whoever_types_it(client, provider, linked, settings):
    settings.PASSWORD_EXPIRES_DAYS = 90
    User.objects.update(password_changed_at=timezone.now() - timedelta(days=100))
    come_back(client, provider)
    assert client.get("/mon-compte/").status_code == 200
    client.post("/deconnexion/")
    session = client.session
    session[openid.SESSION] = "d'une connexion qui n'est pas allée à son terme"
    session.save()
    give_password(client)
    assert client.get("/mon-compte/").url.startswith("/mon-compte/mot-de-passe/")


# --- The first time -----------------------------------------------------------------------------------


def test_the_first_time_links_by_one_password_login(client, provider, user):
    assert come_back(client, provider, "/mon-compte/").url == "/connexion/?next=%2Fmon-compte%2F"
    page = client.get("/connexion/?next=%2Fmon-compte%2F")
    assert "Encore une étape la première fois" in page.text
    assert f'value="{EMAIL}"' in page.text
    assert not is_in(client)
    assert give_password(client, password="faux").status_code == 200
    answer = give_password(client, path="/connexion/?next=%2Fmon-compte%2F")
    assert answer.redirect_chain[-1][0] == "/mon-compte/"
    assert "Votre compte est relié" in answer.text
    assert "Reliée le" in answer.text
    row = ExternalIdentity.objects.get()
    assert (row.user, row.issuer, row.sub) == (user, provider.issuer, "abc")
    assert OutgoingMail.objects.get().to == EMAIL
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.subject) == ("identity_linked", user, user)
    client.post("/deconnexion/")
    come_back(client, provider)
    assert is_in(client)


def test_nobody_learns_who_has_an_account(client, provider, user):
    come_back(client, provider)
    known = client.get("/connexion/").text
    provider.said |= {"sub": "x", "email": "inconnu@champoulant.example"}
    stranger = Client()
    come_back(stranger, provider)
    unknown = stranger.get("/connexion/").text
    assert hide(known, EMAIL) == hide(unknown, "inconnu@champoulant.example")
    assert User.objects.count() == 1


def hide(text, email):
    lines = text.replace(email, "…").split("\n")
    return [line for line in lines if "csrfmiddlewaretoken" not in line and 'name="csrf' not in line]


def test_another_account_is_not_linked(client, provider, user):
    other = UserFactory(email="autre@champoulant.example")
    other.set_password(PASSWORD)
    other.save()
    come_back(client, provider)
    assert "Rien n'est relié : l'adresse transmise" in give_password(client, other.email).text
    assert not ExternalIdentity.objects.exists()
    client.post("/deconnexion/")
    assert "Votre compte est relié" not in give_password(client).text


def test_the_provider_s_word_is_kept_a_quarter_of_an_hour(client, provider, user):
    come_back(client, provider)
    session = client.session
    session["vouched"] |= {"at": time.time() - 901}
    session.save()
    assert "Encore une étape" not in client.get("/connexion/").text
    give_password(client)
    assert is_in(client)
    assert not ExternalIdentity.objects.exists()


def test_a_new_start_forgets_whom_the_one_before_was_about(client, provider, user):
    come_back(client, provider)
    client.get(START)
    give_password(client)
    assert not ExternalIdentity.objects.exists()


def test_the_registration_starts_from_it_and_makes_nobody(client, provider):
    structure = StructureFactory(identifier=SIRET)
    provider.said |= {"given_name": "Claire", "usual_name": "Fontaine"}
    come_back(client, provider)
    page = client.get("/inscription/").text
    for value in (EMAIL, "Claire", "Fontaine", SIRET):
        assert f'value="{value}"' in page
    assert structure.legal_name in page
    assert "Erreur" not in page
    assert not User.objects.exists()


@pytest.mark.parametrize("siret", ["", "12345678901234", "<b>", 20003035100015, ["20003035100015"]])
def test_an_odd_siret_is_no_obstacle(client, provider, siret):
    provider.said |= {"siret": siret, "given_name": ["x"], "usual_name": "a" * 500}
    come_back(client, provider)
    assert EMAIL in client.get("/inscription/").text


# --- What is not believed ---------------------------------------------------------------------------------

NOW = time.time()
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "une"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"forged": {"nonce": "d'un autre"}},
        {"forged": {"nonce": None}},
        {"forged": {"aud": "un-autre"}},
        {"forged": {"aud": "un-autre", "azp": CLIENT}},
        {"forged": {"aud": None}},
        {"forged": {"iss": "https://ailleurs.example"}},
        {"forged": {"iss": None}},
        {"forged": {"exp": NOW - 600}},
        {"forged": {"exp": None}},
        {"forged": {"iat": NOW + 6000}},
        {"forged": {"sub": ""}},
        {"forged": {"sub": "a" * 256}},
        {"forged": {"sub": ["abc"]}},
        {"algorithm": "none"},
        {"algorithm": "HS256"},
        {"key": OTHER_KEY},
        {"told_otherwise": {"sub": "quelqu'un d'autre"}},
        {"told_otherwise": {"aud": "un-autre"}},
        {"told_otherwise": {"email_verified": False}},
        {"told_otherwise": {"email_verified": "false"}},
        {"metadata": {"issuer": "https://ailleurs.example"}},
        {"metadata": {"jwks_uri": ["x"]}},
        {"metadata": {"token_endpoint": {}}},
        {"metadata": {"id_token_signing_alg_values_supported": ["none"]}},
    ],
)
def test_a_forged_answer_opens_nothing(client, provider, linked, wrong):
    for name, value in wrong.items():
        setattr(provider, name, value)
    answer = client.get(START)
    if answer.status_code == 302:
        answer = client.get(BACK, provider.authorize(answer.url))
    # An address that is none is one that nobody answers at.
    assert answer.status_code == (503 if "jwks_uri" in str(wrong) or "token_endpoint" in str(wrong) else 400)
    assert not is_in(client)


@pytest.mark.parametrize("email", [None, "", "pas une adresse", 12, "a\x00@b.example", "b" * 300 + "@c.example"])
def test_whom_nothing_is_known_of_needs_an_address(client, provider, email):
    provider.said |= {"email": email}
    assert come_back(client, provider).status_code == 400
    assert "vouched" not in client.session


def test_a_callback_serves_once_and_only_the_session_that_asked(client, provider, linked):
    back = provider.authorize(client.get(START).url)
    thief = Client()
    thief.get(START)
    for params in (back, back | {"state": "inventé"}, {"state": back["state"]}, {"code": back["code"]}, {}):
        assert thief.get(BACK, params).status_code == 400
        assert not is_in(thief)
    assert client.get(BACK, back).status_code == 302
    assert is_in(client)
    client.post("/deconnexion/")
    for somebody in (client, thief):
        assert somebody.get(BACK, back).status_code == 400


def test_a_code_of_another_session_is_refused_by_its_verifier(client, provider, linked):
    mine, theirs = provider.authorize(client.get(START).url), provider.authorize(Client().get(START).url)
    assert client.get(BACK, mine | {"code": theirs["code"]}).status_code == 400


def test_two_tabs_each_go_on_to_their_own_page(client, provider, linked):
    first, second = client.get(START, {"next": "/aide/"}).url, client.get(START, {"next": "/mon-compte/"}).url
    back = provider.authorize(first)
    assert client.get(BACK, back).url == "/aide/"
    assert client.get(BACK, provider.authorize(second)).url == "/"


def test_logins_under_way_do_not_pile_up_in_the_session(client, provider, linked):
    for _ in range(9):
        there = client.get(START).url
    assert sum(key.startswith("_state_") for key, _ in client.session.items()) == openid.MOST_UNDER_WAY
    assert len(client.session[openid.UNDER_WAY]) == openid.MOST_UNDER_WAY
    client.get(BACK, provider.authorize(there))
    assert is_in(client)


def test_whoever_says_no_there_is_told_at_the_login_page(client, provider):
    state = provider.authorize(client.get(START, {"next": "/aide/"}).url)["state"]
    answer = client.get(BACK, {"error": "access_denied", "state": state}, follow=True)
    assert answer.redirect_chain == [("/connexion/?next=%2Faide%2F", 302)]
    assert "n'a pas abouti" in answer.text


@pytest.mark.parametrize("moment", ["before", "between"])
@pytest.mark.parametrize("fault", [{"delay": 8}, {"status": 503}, {"status": 200, "issuer": "http://127.0.0.1:9"}])
def test_a_provider_that_is_down_or_dawdles_holds_nobody_up(
    client, provider, linked, settings, monkeypatch, moment, fault
):
    if moment == "before":
        # As good as the other, and sooner over.
        monkeypatch.setattr(openid, "PATIENCE_SECONDS", 1)
    there = client.get(START).url if moment == "between" else ""
    if "issuer" in fault:
        settings.OIDC_ISSUER = fault["issuer"]
    else:
        vars(provider).update(fault)
    openid._discovered.cache_clear()
    begun = time.monotonic()
    answer = client.get(BACK, provider.authorize(there)) if there else client.get(START)
    assert time.monotonic() - begun < 5
    assert answer.status_code == 503
    assert "ne répond pas" in answer.text


def test_the_discovery_document_and_the_keys_are_read_once(client, provider, linked):
    for _ in range(3):
        come_back(Client(), provider)
    assert provider.paths.count("/.well-known/openid-configuration") == 1
    assert provider.paths.count("/jwks") == 1


def test_after_an_answer_that_is_refused_the_document_and_the_keys_are_read_again(client, provider, linked):
    key, provider.key = provider.key, OTHER_KEY
    assert come_back(client, provider).status_code == 400
    provider.key = key
    assert come_back(client, provider).status_code == 302
    assert provider.paths.count("/.well-known/openid-configuration") == 2


def test_what_nobody_waits_for_any_more_is_not_asked_later(monkeypatch):
    """Or a provider that dawdles would be asked, one after the other, what all who gave up wanted to know."""
    blocked, asked = Event(), []
    with ThreadPoolExecutor(max_workers=1) as conversations:
        monkeypatch.setattr(openid, "_conversations", conversations)
        monkeypatch.setattr(openid, "PATIENCE_SECONDS", 0.05)
        conversations.submit(blocked.wait)
        with pytest.raises(openid.Away):
            openid._asked(lambda: asked.append(1))
        blocked.set()
    assert asked == []


def test_starts_are_counted(client, provider, settings):
    settings.LOGIN_RATE = "2/m"
    answers = [client.get(START).status_code for _ in range(3)]
    assert answers == [302, 302, 429]


@pytest.mark.parametrize("path", [START, BACK])
def test_it_is_opened_never_sent_to(client, provider, path):
    assert client.post(path).status_code == 405


# --- Leaving ------------------------------------------------------------------------------------------------


def test_logging_out_ends_the_provider_s_session_too(client, provider, linked, settings):
    come_back(client, provider)
    answer = client.post("/deconnexion/")
    assert answer.url.startswith(f"{provider.issuer}/logout?")
    said = {name: values[0] for name, values in parse_qs(urlsplit(answer.url).query).items()}
    assert said["post_logout_redirect_uri"] == f"{settings.SITE_URL}/"
    assert said["id_token_hint"].count(".") == 2
    assert len(said["state"]) >= 32
    assert answer["Clear-Site-Data"] == '"cache"'
    assert not is_in(client)
    assert openid.SESSION not in client.session


def test_leaving_for_good_ends_it_too(client, provider, linked):
    come_back(client, provider)
    answer = client.post("/mon-compte/desactiver/", {"current_password": PASSWORD})
    assert answer.url.startswith(f"{provider.issuer}/logout?")
    assert answer["Clear-Site-Data"] == '"cache"'
    assert User.objects.get().state == User.State.DISABLED


@pytest.mark.parametrize("way", ["password", "not offered", "down", "too long"])
def test_otherwise_logging_out_leads_home(client, provider, linked, settings, way):
    if way == "not offered":
        provider.metadata = {"end_session_endpoint": ""}
    if way == "too long":
        # A session in the database has room for it, an address has not.
        provider.forged = {"more": "a" * openid.LONGEST_TOKEN}
    if way == "password":
        give_password(client)
    else:
        come_back(client, provider)
    if way == "down":
        settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert is_in(client)
    assert client.post("/deconnexion/").url == "/"


# --- « Délier », and the account that is taken back -----------------------------------------------------------


@pytest.mark.parametrize("from_pigp", [False, True])
def test_unlinking_takes_the_password(client, provider, linked, from_pigp):
    User.objects.update(identity_from_pigp=from_pigp)
    come_back(client, provider)
    assert client.post(UNLINK, {"current_password": "faux"}).status_code == 422
    assert ExternalIdentity.objects.exists()
    answer = client.post(UNLINK, {"current_password": PASSWORD}, follow=True)
    assert "n'est plus relié à ProConnect" in answer.text
    assert "Non reliée" in answer.text
    assert not ExternalIdentity.objects.exists()
    assert HistoryEntry.objects.get().event == "identity_unlinked"
    assert OutgoingMail.objects.get().slug == "identity_unlinked"
    assert "Votre compte n'est pas relié" in client.get(UNLINK, follow=True).text


def test_a_login_address_taken_back_unlinks(linked):
    """Whoever took the account over by another address may have linked an identity of their own."""
    User.objects.update(previous_email="avant@champoulant.example", email_changed_at=timezone.now())
    linked.user.refresh_from_db()
    actions.restore_address(make_token(linked.user, Purpose.UNDO_ADDRESS))
    assert not ExternalIdentity.objects.exists()
    assert "identity_unlinked" in HistoryEntry.objects.values_list("event", flat=True)


# --- The actions themselves -------------------------------------------------------------------------------------


def link(user, sub="abc", email=EMAIL):
    actions.link_identity(user.pk, issuer="https://fournisseur.example", sub=sub, email=email)


def test_what_stands_in_the_way_of_a_link(user):
    link(user)
    for code, sub, email in (
        ("already_linked", "abc", EMAIL),
        ("linked_elsewhere", "x", EMAIL),
        ("other_account", "x", "a@b.example"),
    ):
        with pytest.raises(ActionError) as refusal:
            link(user, sub, email)
        assert refusal.value.code == code
    other = UserFactory(email="autre@champoulant.example")
    with pytest.raises(ActionError) as refusal:
        link(other, "abc", other.email)
    assert refusal.value.code == "taken"
    other.state = User.State.DISABLED
    other.save()
    with pytest.raises(ActionError) as refusal:
        link(other, "y", other.email)
    assert refusal.value.code == "not_active"
    assert ExternalIdentity.objects.count() == OutgoingMail.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_one_callback_sent_twice_at_once_opens_one_session(client, provider, linked):
    back = provider.authorize(client.get(START).url)
    twin = Client()
    twin.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    statuses = [answer.status_code for answer in at_once(lambda: client.get(BACK, back), lambda: twin.get(BACK, back))]
    assert sorted(statuses) in ([302, 302], [302, 400])
    assert is_in(client) or is_in(twin)
    assert linked.user.open_sessions.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_two_links_at_once_are_one(user):
    outcomes = at_once(lambda: link(user), lambda: link(user))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AlreadyDone", "NoneType"]
    assert ExternalIdentity.objects.count() == OutgoingMail.objects.count() == 1
