"""Deactivating one's account and reactivating it: screens, links, mails."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import actions
from accounts.events import account_reactivated
from accounts.links import Purpose, Standing, make_token, read_link
from accounts.models import LinkRequest, OpenSession, User
from accounts.tasks import answer_link_requests
from attachments.models import Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.models import Referent
from tests.conftest import as_typed
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

PATH, PASSWORD = "/mon-compte/desactiver/", "un long mot de passe"
PARIS = ZoneInfo("Europe/Paris")


def in_paris(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


# Leaving.


@pytest.fixture
def me():
    user = UserFactory(email="claire@exemple.example", first_name="Claire", requested_email="neuve@exemple.example")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def browser(me):
    client = Client()
    client.force_login(me)
    return client


def leave(client, password=PASSWORD):
    return client.post(PATH, {"current_password": password}, follow=True)


def mails():
    return [(mail.slug, mail.to) for mail in OutgoingMail.objects.order_by("pk")]


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def test_leaving_ends_all_sessions_is_journaled_and_mailed_with_the_last_day(me, time_machine):
    time_machine.move_to(in_paris("2026-11-26T10:00"), tick=False)
    browser, elsewhere = Client(), Client()
    browser.force_login(me)
    elsewhere.force_login(me)
    answer = leave(browser)
    assert answer.redirect_chain[-1][0] == "/connexion/"
    assert "jusqu'au 25 janvier 2027 inclus" in as_typed(answer.text)
    assert "/reactivation/" in answer.text
    me.refresh_from_db()
    assert (me.state, me.deactivated_at, me.requested_email) == ("disabled", timezone.now(), "")
    assert not OpenSession.objects.exists()
    assert not [row for row in Session.objects.all() if SESSION_KEY in row.get_decoded()]
    assert elsewhere.get("/mon-compte/").status_code == 302
    assert events() == ["account_deactivated"]
    assert mails() == [("account_deactivated", me.email)]
    for body in OutgoingMail.objects.get().parts():
        assert "lundi 25 janvier 2027" in as_typed(body)
        assert "/reactivation/" in body


@pytest.mark.parametrize("password", ["", "pas celui-là"])
def test_nobody_leaves_without_the_password(me, browser, password):
    answer = leave(browser, password)
    assert answer.status_code == 422
    assert "current_password" in answer.context["form"].errors
    assert (User.objects.get().state, events(), mails()) == ("active", [], [])


def test_opening_the_page_changes_nothing_and_tells_what_is_lost(me, browser):
    page = as_typed(browser.get(PATH).text)
    assert "neuve@exemple.example" in page
    held = AttachmentFactory(user=me, role=Role.SECONDARY, whole_structure=False)
    held.services.add(ServiceFactory(structure=held.structure, label="Cantine", code="C"))
    AttachmentRequestFactory(structure=held.structure)
    shared = AttachmentFactory(user=me, role=Role.SECONDARY).structure
    AttachmentFactory(structure=shared, role=Role.PRINCIPAL)
    AttachmentRequestFactory(structure=shared)
    AttachmentRequestFactory(user=me, structure__legal_name="Lycée Monnet")
    hidden = StructureFactory(private=True, undisclosed=True, legal_name="Menuiserie cachée")
    AttachmentRequestFactory(user=me, structure=hidden)
    page = as_typed(browser.get(PATH).text)
    assert "1 demande à traiter dans vos structures n'aura plus que l'assistance pour décider" in page
    assert "1 service reste sans personne : Cantine (C)" in page
    assert "2 demandes de rattachement en cours sont retirées" in page
    assert "Lycée Monnet" in page
    assert "Menuiserie cachée" not in page
    assert events() == []


def test_what_is_lost_takes_as_many_queries_for_few_as_for_many(me, browser, django_assert_num_queries):
    def fill(number):
        for _ in range(number):
            held = AttachmentFactory(user=me, role=Role.SECONDARY, whole_structure=False)
            held.services.add(ServiceFactory(structure=held.structure))
            AttachmentRequestFactory(structure=held.structure)
            AttachmentRequestFactory(user=me)

    fill(2)
    browser.get(PATH)
    with CaptureQueriesContext(connection) as few:
        browser.get(PATH)
    fill(20)
    with django_assert_num_queries(len(few)):
        browser.get(PATH)


def test_a_principal_manager_is_led_to_the_succession(me, browser):
    for name in "ABCDEFG":
        AttachmentFactory(user=me, role=Role.PRINCIPAL, structure__legal_name=f"Collège {name}")
    page = browser.get(PATH).text
    assert reverse("attachments:succession") in page
    assert "Collège A" in page
    assert "7 structures en tout" in page
    assert 'name="current_password"' not in page
    assert leave(browser).status_code == 422
    assert (User.objects.get(pk=me.pk).state, events()) == ("active", [])


def test_whose_identity_is_the_pigp_s_is_not_offered_it(me, browser):
    User.objects.update(identity_from_pigp=True)
    page = browser.get("/mon-compte/").text
    assert PATH not in page
    assert "assistance@portail.example" in page.partition('id="depart"')[2][:600]
    assert leave(browser).redirect_chain[-1][0] == "/mon-compte/"
    assert User.objects.get().state == "active"
    with pytest.raises(ActionError) as error:
        actions.deactivate_own_account(User.objects.get())
    assert error.value.code == "identity_from_pigp"


def test_links_asked_or_sent_before_are_worth_nothing_after(me):
    tokens = {purpose: make_token(me, purpose) for purpose in (Purpose.RESET, Purpose.ADDRESS)}
    actions.request_link(me.email, LinkRequest.Purpose.ADDRESS)
    actions.deactivate_own_account(me)
    answer_link_requests()
    assert mails() == [("account_deactivated", me.email)]
    User.objects.update(state="active")
    for purpose, token in tokens.items():
        assert not read_link(token, purpose).is_valid


def test_the_login_page_says_the_same_of_a_deactivated_account_and_of_a_wrong_password(me):
    actions.deactivate_own_account(me)
    pages = [
        without_names(Client().post("/connexion/", {"username": email, "password": PASSWORD}).text)
        for email in (me.email, "claude@exemple.example")
    ]
    assert pages[0] == pages[1]
    assert "/reactivation/" in pages[0]


def without_names(page):
    """The page less the address given, and the token each form bears."""
    return re.sub(r'value="\w{64}"|claire|claude', "", page)


# Coming back.


@pytest.fixture
def gone(me):
    actions.deactivate_own_account(me)
    OutgoingMail.objects.all().delete()
    me.refresh_from_db()
    return me


def ask(email):
    answer = Client().post("/reactivation/", {"email": email})
    answer_link_requests()
    return answer


def link():
    return re.search(r"/reactivation/\S{20,}", OutgoingMail.objects.get(slug="reactivation").parts()[0]).group()


NEW = {
    "password": "quatre chevaux dans la cour",
    "password_again": "quatre chevaux dans la cour",
    "secret_question": "street",
    "secret_answer": "Rue des Lilas",
}


def test_coming_back_by_the_link_finds_everything_as_it_was(me):
    held = AttachmentFactory(user=me, role=Role.SECONDARY)
    actions.deactivate_own_account(me)
    ask(me.email.upper())
    path = link()
    assert Client().get(path).status_code == 200
    assert User.objects.get().state == "disabled"
    told = []
    account_reactivated.connect(hear := lambda user, **about: told.append(user))
    answer = Client().post(path, NEW, follow=True)
    account_reactivated.disconnect(hear)
    assert (told, answer.redirect_chain[-1][0]) == ([me], "/connexion/")
    me.refresh_from_db()
    assert (me.state, me.deactivated_at, me.secret_question) == ("active", None, "street")
    held.refresh_from_db()
    assert (held.ended_at, held.role) == (None, Role.SECONDARY)
    assert events() == ["account_deactivated", "account_reactivated"]
    assert [slug for slug, _ in mails()] == ["account_deactivated", "reactivation", "account_reactivated"]
    assert Client().post(path, NEW).status_code == 410
    assert Client().post("/connexion/", {"username": me.email, "password": NEW["password"]}).status_code == 302


def test_who_became_the_pigp_s_meanwhile_does_not_come_back_by_themselves(gone):
    token = make_token(gone, Purpose.REACTIVATION)
    User.objects.update(identity_from_pigp=True)
    chosen = {name: value for name, value in NEW.items() if name != "password_again"}
    with pytest.raises(ActionError) as error:
        actions.reactivate_own_account(token, **chosen)
    assert (error.value.code, User.objects.get().state) == ("identity_from_pigp", "disabled")


def test_the_page_of_the_link_says_what_will_not_do(gone):
    answer = Client().post(reverse("accounts:reactivate", args=[make_token(gone, Purpose.REACTIVATION)]), {})
    assert set(answer.context["form"].errors) == NEW.keys()
    assert User.objects.get().state == "disabled"


def test_the_door_gives_the_same_answer_for_the_same_work_whoever_has_the_address(gone):
    UserFactory(email="claude@exemple.example")
    answers, counts = [], set()
    for email in (gone.email, "claude@exemple.example", "clairette@exemple.example"):
        with CaptureQueriesContext(connection) as counted:
            answers.append(without_names(Client().post("/reactivation/", {"email": email}).text).replace("tte@", "@"))
        counts.add(len(counted))
    assert len(set(answers)) == len(counts) == 1
    assert mails() == []


@pytest.mark.parametrize(
    ("values", "purpose", "slug"),
    [
        ({"state": "active"}, "reactivate", "password_reset"),
        ({"state": "activating"}, "reactivate", "activation"),
        ({"state": "pending", "activated_at": None}, "reactivate", ""),
        ({"state": "closed", "activated_at": None}, "reactivate", ""),
        ({"state": "closed"}, "reactivate", "reactivation_over"),
        ({"deactivated_at": in_paris("2026-01-01T10:00")}, "reactivate", "reactivation_over"),
        ({}, "reset", "reactivation"),
        ({}, "activation", ""),
        ({"state": "active", "identity_from_pigp": True}, "reset", "kept_by_pigp"),
        ({"identity_from_pigp": True}, "reactivate", "kept_by_pigp"),
    ],
)
def test_whoever_asks_at_the_wrong_door_or_too_late_is_told_what_to_do(gone, values, purpose, slug):
    User.objects.update(**values)
    for _ in range(8):
        actions.request_link(gone.email, purpose)
    answer_link_requests()
    assert mails() == [(slug, gone.email)] * (5 if slug else 0)


def test_what_the_pigp_keeps_is_asked_of_its_referents(me):
    referent = Referent.objects.create(administration="Rennes", name="Yann Kerbrat", email="yann@exemple.example")
    AttachmentFactory(user=me, structure=StructureFactory(uses_pigp=True, referent=referent))
    token = make_token(me, Purpose.RESET)
    User.objects.update(identity_from_pigp=True)
    actions.request_link(me.email, "reset")
    answer_link_requests()
    for body in OutgoingMail.objects.get(slug="kept_by_pigp").parts():
        assert "Yann Kerbrat, référent facturation électronique (Rennes) : yann@exemple.example" in as_typed(body)
    with pytest.raises(ActionError) as error:
        actions.reset_password(token, password=NEW["password"])
    assert error.value.code == "identity_from_pigp"


@pytest.mark.parametrize(
    ("now", "standing"),
    [
        ("2026-08-09T23:59:59", Standing.VALID),
        # Shorter than its 72 hours: the last day is over.
        ("2026-08-10T00:00:01", Standing.EXPIRED),
        ("2026-08-12T15:00", Standing.EXPIRED),
    ],
)
def test_a_link_of_the_last_days_ends_with_them(me, time_machine, now, standing):
    User.objects.update(state="disabled", deactivated_at=in_paris("2026-06-10T15:00"))
    me.refresh_from_db()
    time_machine.move_to(in_paris("2026-08-09T15:00"), tick=False)
    token = make_token(me, Purpose.REACTIVATION)
    ask(me.email)
    assert "lundi 10 août 2026 à 0 h 00" in as_typed(OutgoingMail.objects.get(slug="reactivation").parts()[0])
    time_machine.move_to(in_paris(now), tick=False)
    assert read_link(token, Purpose.REACTIVATION).standing is standing
    answer = Client().post(reverse("accounts:reactivate", args=[token]), NEW)
    assert answer.status_code == (302 if standing is Standing.VALID else 410)
    assert User.objects.get().is_active is (standing is Standing.VALID)


@pytest.mark.parametrize(
    ("change", "standing"),
    [
        ({"state": "closed"}, Standing.USED),
        ({"state": "active"}, Standing.USED),
        ({"link_version": 99}, Standing.USED),
    ],
)
def test_a_link_that_is_worth_nothing_says_so_and_leads_on(gone, change, standing):
    token = make_token(gone, Purpose.REACTIVATION)
    User.objects.update(**change)
    assert read_link(token, Purpose.REACTIVATION).standing is standing
    for page in (Client().get(f"/reactivation/{token}/"), Client().post(f"/reactivation/{token}/", NEW)):
        assert page.status_code == 410
        assert ("assistance seule" in page.text) is (change == {"state": "closed"})
        assert "/inscription/" not in page.text.partition("<main")[2].partition("</main")[0]


def test_a_link_of_another_purpose_account_or_hand_is_unreadable(gone):
    other = UserFactory(state="disabled", deactivated_at=timezone.now())
    token = make_token(gone, Purpose.REACTIVATION)
    forged = [f"{other.pk}.{token.partition('.')[2]}", token[:-1] + "x", make_token(gone, Purpose.RESET)]
    for each in forged:
        assert Client().post(f"/reactivation/{each}/", NEW).status_code == 410
    assert set(User.objects.values_list("state", flat=True)) == {"disabled"}


def test_a_link_older_than_a_change_of_address_is_worth_nothing(me):
    User.objects.update(email="voleuse@exemple.example", previous_email=me.email, email_changed_at=timezone.now())
    me.refresh_from_db()
    undo = make_token(me, Purpose.UNDO_ADDRESS)
    actions.deactivate_own_account(me)
    me.refresh_from_db()
    token = make_token(me, Purpose.REACTIVATION)
    actions.restore_address(undo)
    assert read_link(token, Purpose.REACTIVATION).standing is Standing.USED
    # The owner gets a link of their own: the account was deactivated meanwhile.
    assert mails()[-1] == ("reactivation", "claire@exemple.example")
    assert Client().post(link(), NEW).status_code == 302
    assert User.objects.get().is_active


def test_support_reopens_at_any_time_and_the_owner_is_told_when_it_is_done(gone):
    User.objects.update(state="closed", closed_at=timezone.now())
    actions.reactivate_account(gone.pk, actor=UserFactory(staff=True))
    assert "L'assistance rouvre votre compte" in as_typed(OutgoingMail.objects.get().parts()[0])
    gone.refresh_from_db()
    chosen = {name: value for name, value in NEW.items() if name != "password_again"}
    actions.activate_account(make_token(gone, Purpose.ACTIVATION), **chosen)
    assert [slug for slug, _ in mails()] == ["activation", "account_reactivated"]
    assert events() == ["account_deactivated", "account_reactivated", "account_activated"]
