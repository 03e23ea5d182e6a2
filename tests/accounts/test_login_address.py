"""Another login address: nothing changes before the new one confirms, and the old one may take it back."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import actions
from accounts.links import Purpose, make_token, read_link
from accounts.models import EmailDevice, LinkRequest, OpenSession, User
from accounts.tasks import answer_link_requests
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from registration.actions import register
from structures.lookup import look_up
from tests.factories import StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

OLD, NEW, PASSWORD = "ancienne@exemple.example", "nouvelle@exemple.example", "un long mot de passe"
PATH = "/mon-compte/adresse-de-connexion/"
NEWCOMER = {"first_name": "Rachid", "last_name": "Amrani", "phone": "", "contact_email": "", "survey_consent": True}


@pytest.fixture
def user():
    user = UserFactory(email=OLD)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def browser(user):
    client = Client()
    client.force_login(user)
    return client


def ask(browser, email=NEW, **others):
    answer = browser.post(
        PATH, {"current_password": PASSWORD, "email": email, "email_again": email} | others, follow=True
    )
    answer_link_requests()
    return answer


def mails():
    return [(mail.slug, mail.to) for mail in OutgoingMail.objects.order_by("pk")]


def link_of(slug):
    """The path of the link in the last mail of this kind."""
    mail = OutgoingMail.objects.filter(slug=slug).order_by("pk").last()
    return re.search(r"/adresse\S+", mail.parts()[0]).group()


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def changed(browser):
    ask(browser)
    browser.post(link_of("address_confirmation"))
    return User.objects.get(email=NEW)


def test_asking_changes_nothing_and_tells_both_addresses(user, browser):
    page = ask(browser).text
    assert "rien ne change avant" in page
    assert NEW in page.replace("<wbr>", "")
    user.refresh_from_db()
    assert user.email == OLD
    assert mails() == [("address_requested", OLD), ("address_confirmation", NEW)]
    assert events() == ["address_requested"]
    text = OutgoingMail.objects.get(to=NEW).parts()
    assert not re.search(f"{user.first_name}|{user.last_name}|{OLD}", "".join(text))


def test_opening_the_link_changes_nothing_and_its_button_does_once(user, browser):
    ask(browser)
    path = link_of("address_confirmation")
    assert NEW in Client().get(path).text
    assert User.objects.get().email == OLD
    assert Client().post(path, follow=True).status_code == 200
    user = User.objects.get()
    assert (user.email, user.previous_email, user.requested_email) == (NEW, OLD, "")
    assert user.check_password(PASSWORD)
    assert mails()[-1] == ("address_changed", OLD)
    assert events()[-1] == "address_changed"
    assert Client().post(path).status_code == 410
    assert browser.get("/mon-compte/").status_code == 200
    assert Client().post("/connexion/", {"username": NEW, "password": PASSWORD}).status_code == 302
    assert Client().post("/connexion/", {"username": OLD, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"current_password": "non"}, "current_password"),
        ({"email_again": "autre@exemple.example"}, "email_again"),
        ({"email": OLD.upper(), "email_again": OLD}, "email"),
        ({"email": "pas une adresse"}, "email"),
    ],
)
def test_what_will_not_do(user, browser, sent, field):
    answer = ask(browser, **sent)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert (mails(), events(), LinkRequest.objects.count()) == ([], [], 0)


def test_a_used_address_answers_as_a_free_one_and_its_owner_is_told(user, browser):
    owner = UserFactory(email=NEW, state="closed")
    # The second of two is as the first.
    ask(browser, "autre@exemple.example")
    free, used = ask(browser, "libre@exemple.example").text, ask(browser, NEW).text
    assert without_names(free) == without_names(used)
    assert mails()[-1] == ("address_taken", owner.email)


def without_names(page):
    """The page less the address asked for, and the token each form bears."""
    return re.sub(r'value="\w{64}"|nouvelle|libre', "", page)


def test_the_door_does_the_same_work_for_any_address(user, browser):
    UserFactory(email=NEW)
    # The first answer writes what later ones need not.
    browser.get("/")
    counts = set()
    for email in ("libre@exemple.example", NEW):
        sent = {"current_password": PASSWORD, "email": email, "email_again": email}
        with CaptureQueriesContext(connection) as counted:
            browser.post(PATH, sent)
        counts.add(len(counted))
    assert len(counts) == 1


def test_an_owner_is_told_a_few_times_whoever_asks(browser, settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    UserFactory(email=NEW)
    for _ in range(4):
        ask(browser)
    assert mails().count(("address_taken", NEW)) == 2
    assert mails().count(("address_requested", OLD)) == 2


def test_a_request_is_given_up_or_replaced_and_its_link_is_worth_nothing(user, browser):
    ask(browser)
    first = link_of("address_confirmation")
    ask(browser, "troisieme@exemple.example")
    second = link_of("address_confirmation")
    assert Client().get(first).status_code == 410
    assert "reste la même" in browser.post(f"{PATH}abandon/", follow=True).text
    assert Client().post(second).status_code == 410
    assert events()[-1] == "address_request_cancelled"
    assert "Aucun changement" in browser.post(f"{PATH}abandon/", follow=True).text


def test_replacing_the_password_gives_the_request_up(user, browser):
    ask(browser)
    actions.reset_password(make_token(User.objects.get(), Purpose.RESET), password="encore un mot de passe")
    assert Client().post(link_of("address_confirmation")).status_code == 410
    assert User.objects.get().requested_email == ""


def test_a_request_given_up_before_the_worker_came_mails_nothing(user, browser):
    browser.post(PATH, {"current_password": PASSWORD, "email": NEW, "email_again": NEW})
    browser.post(f"{PATH}abandon/")
    answer_link_requests()
    assert ("address_confirmation", NEW) not in mails()


def test_links_end_by_the_clock(user, browser, time_machine):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    ask(browser)
    token = link_of("address_confirmation")
    time_machine.move_to(start + timedelta(hours=72, seconds=2), tick=False)
    assert Client().post(token).status_code == 410
    assert User.objects.get().email == OLD


def test_somebody_else_took_the_address_meanwhile(user, browser):
    ask(browser)
    path = link_of("address_confirmation")
    actions.register_account(email=NEW, **NEWCOMER)
    assert "Cette adresse a maintenant un compte" in Client().post(path).text
    assert User.objects.get(pk=user.pk).email == OLD


def test_a_reset_link_older_than_the_change_is_worth_nothing(user, browser):
    old = make_token(user, Purpose.RESET)
    changed(browser)
    assert not read_link(old, Purpose.RESET).is_valid


# The old address takes it back.


def test_the_old_address_comes_back_whoever_is_in_is_out_and_a_reset_mail_leaves(user, browser):
    changed(browser)
    path = link_of("address_changed")
    assert OLD in Client().get(path).text
    assert User.objects.get().email == NEW
    assert "Votre adresse est rétablie" in Client().post(path, follow=True).text
    user = User.objects.get()
    assert (user.email, user.previous_email, user.email_changed_at) == (OLD, "", None)
    assert not user.has_usable_password()
    assert browser.get("/mon-compte/").status_code == 302
    assert not OpenSession.objects.exists()
    assert mails()[-1] == ("password_reset", OLD)
    assert events()[-1] == "address_restored"
    assert Client().post(path).status_code == 410
    actions.reset_password(make_token(user, Purpose.RESET), password="encore un mot de passe")


@pytest.mark.parametrize(
    "deed",
    [
        lambda user: actions.change_password(user, password="celui de quelqu'un d'autre", session_key=""),
        lambda user: actions.deactivate_account(user.pk, actor=user),
        lambda user: actions.change_account(user.pk, actor=user, values={"contact_email": "x@exemple.example"}),
    ],
)
def test_whatever_was_done_meanwhile(user, browser, deed):
    deed(changed(browser))
    assert Client().post(link_of("address_changed")).status_code == 302
    assert User.objects.get().email == OLD


def test_the_address_does_not_change_again_as_long_as_it_may_be_taken_back(user, browser, time_machine):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    changed(browser)
    page = ask(browser, "troisieme@exemple.example")
    assert (page.status_code, "qu'après 72 heures" in page.text) == (422, True)
    time_machine.move_to(start + timedelta(hours=72, seconds=1), tick=False)
    browser.force_login(User.objects.get())
    assert ask(browser, "troisieme@exemple.example").status_code == 200


@pytest.mark.parametrize(("hours", "status", "free"), [(71.9, 302, False), (72.1, 410, True)])
def test_for_72_hours_and_nobody_else_gets_it_meanwhile(user, browser, time_machine, hours, status, free):
    start = timezone.now()
    time_machine.move_to(start, tick=False)
    changed(browser)
    time_machine.move_to(start + timedelta(hours=hours), tick=False)
    try:
        actions.register_account(email=OLD, **NEWCOMER)
        registered = True
    except ActionError:
        registered = False
    assert registered is free
    assert Client().post(link_of("address_changed")).status_code == status


def test_whoever_registers_with_it_meanwhile_gets_no_account_and_its_owner_a_mail(user, browser):
    changed(browser)
    lookup = look_up("siret", StructureFactory().identifier)
    register(reference="123456782", person=NEWCOMER | {"email": OLD}, lookup=lookup)
    assert User.objects.count() == 1
    assert mails()[-1] == ("address_used", NEW)


def test_the_address_s_next_owner_keeps_it(user, browser):
    """Were it somebody's all the same (support wrote it): the account that lost it learns why."""
    changed(browser)
    path = link_of("address_changed")
    UserFactory(email=OLD)
    assert "Cette adresse a maintenant un compte" in Client().post(path).text
    assert User.objects.get(pk=user.pk).email == NEW


@pytest.mark.parametrize("purpose", [Purpose.ADDRESS, Purpose.UNDO_ADDRESS])
def test_a_forged_link_or_one_of_another_purpose(user, purpose):
    other = UserFactory(requested_email=NEW, previous_email=NEW, email_changed_at=timezone.now())
    for token in ("x", make_token(other, Purpose.RESET), make_token(other, purpose)[:-1] + "_"):
        name = "adresse" if purpose is Purpose.ADDRESS else "adresse-precedente"
        assert Client().post(f"/{name}/{token}/").status_code == 410


QUESTION = {"secret_question": "pet", "secret_answer": "Médor"}
ANOTHER = {"secret_question": "street", "secret_answer": "Rue des Lilas"}
CHOSEN = {"password": "quatre chevaux dans la cour", "password_again": "quatre chevaux dans la cour"}


def restored(browser, *, question_at):
    """The owner took the address back, the secret question having been changed then; the path of their reset link."""
    user = changed(browser)
    if question_at is not None:
        actions.change_secret_question(user, **QUESTION)
        User.objects.update(secret_question_changed_at=timezone.now() + question_at)
    Client().post(link_of("address_changed"))
    return re.search(r"/mot-de-passe/\S{20,}", OutgoingMail.objects.get(slug="password_reset").parts()[0]).group()


@pytest.mark.parametrize("question_at", [timedelta(), -timedelta(hours=71)])
def test_a_question_the_thief_may_have_chosen_does_not_lock_the_owner_out(user, browser, question_at):
    path = restored(browser, question_at=question_at)
    user.refresh_from_db()
    assert (user.secret_question, user.secret_answer, user.must_choose_question) == ("", "", True)
    page = Client().get(path).text
    assert "Votre nouvelle question secrète" in page
    assert set(Client().post(path, CHOSEN).context["form"].errors) == ANOTHER.keys()
    assert Client().post(path, CHOSEN | ANOTHER).status_code == 302
    user.refresh_from_db()
    assert (user.secret_question, user.must_choose_question) == ("street", False)
    assert user.check_password(CHOSEN["password"])


def test_an_older_question_is_still_asked(user, browser):
    path = restored(browser, question_at=-timedelta(hours=73))
    answer = Client().post(path, CHOSEN | {"secret_answer": "Rex"})
    assert "secret_answer" in answer.context["form"].errors
    assert Client().post(path, CHOSEN | {"secret_answer": "medor"}).status_code == 302


def test_an_account_without_a_question_asks_none(user, browser):
    assert Client().post(restored(browser, question_at=None), CHOSEN).status_code == 302


def test_mails_about_work_no_longer_go_to_the_contact_address_the_thief_gave(user, browser):
    user = changed(browser)
    actions.change_account(user.pk, actor=user, values={"contact_email": "voleur@exemple.example"})
    user.refresh_from_db()
    actions.confirm_contact(make_token(user, Purpose.CONTACT))
    assert "contact est effacée" in Client().post(link_of("address_changed"), follow=True).text
    user.refresh_from_db()
    assert (user.mail_address, user.contact_email) == (OLD, "")


@pytest.mark.parametrize(("added_at", "kept"), [(timedelta(), 0), (-timedelta(hours=71), 0), (-timedelta(hours=73), 1)])
def test_a_second_factor_the_thief_may_have_set_up_does_not_lock_the_owner_out(user, browser, added_at, kept):
    user = changed(browser)
    actions.turn_on_email_code(user)
    EmailDevice.objects.update(created_at=timezone.now() + added_at)
    Client().post(link_of("address_changed"))
    user.refresh_from_db()
    assert (EmailDevice.objects.count(), user.second_factor_since is not None) == (kept, bool(kept))
    gone = HistoryEntry.objects.filter(event="second_factor_removed").order_by("pk")
    by_mail = [] if kept else ["Code par courriel"]
    assert [entry.comment for entry in gone] == [*by_mail, "Code de secours"]
    assert {entry.actor for entry in gone} == {user}


def test_no_second_factor_dropped_is_none_journaled(user, browser):
    """Codes mailed for once are no factor of theirs."""
    changed(browser)
    EmailDevice.objects.create(user=user, confirmed=False)
    Client().post(link_of("address_changed"))
    assert "second_factor_removed" not in events()
