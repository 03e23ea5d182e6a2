"""Two people at one account at the same instant, on PostgreSQL."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import actions
from accounts.links import Purpose, make_token
from accounts.models import LinkRequest, User
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import at_once, meanwhile
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "rachid@exemple.example"
NEWCOMER = {"first_name": "Rachid", "last_name": "Amrani", "phone": "", "contact_email": "", "survey_consent": True}


def ask_for_the_link():
    actions.answer_link_request(LinkRequest(email=EMAIL, purpose=LinkRequest.Purpose.ACTIVATION))


@pytest.mark.parametrize(
    ("before", "then", "act", "code"),
    [
        ("closed", "pending", lambda user: actions.register_account(email=EMAIL, **NEWCOMER), "address_used"),
        ("pending", "closed", lambda user: actions.approve_account(user.pk, actor=None, reference="123456782"), ""),
        ("activating", "closed", lambda user: actions.resend_activation(user.pk, actor=None), "not_activating"),
        ("activating", "closed", lambda user: ask_for_the_link(), ""),
        ("pending", "closed", lambda user: actions.close_never_active(user.pk, actor=None), "was_active"),
    ],
)
def test_whoever_acts_meanwhile_waits_and_judges_the_account_as_it_is_then(before, then, act, code):
    user = UserFactory(email=EMAIL, state=before, activated_at=None)
    answer = meanwhile(lambda: User.objects.update(state=then), lambda: act(user))
    assert isinstance(answer, ActionError) is bool(code), answer
    assert getattr(answer, "code", "") == code
    assert (User.objects.get().state, OutgoingMail.objects.count()) == (then, 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda user, support: actions.change_rights(user.pk, actor=support, rights={"is_staff": False}),
        lambda user, support: actions.change_account(user.pk, actor=support, values={"is_staff": False}),
    ],
    ids=["rights", "account"],
)
def test_the_history_of_a_change_begins_where_the_one_before_it_ended(change):
    user, support = UserFactory(), UserFactory(is_staff=True)
    made = meanwhile(lambda: User.objects.filter(pk=user.pk).update(is_staff=True), lambda: change(user, support))
    assert [(row.old, row.new) for row in made] == [(True, False)]


# A login address that changes while somebody registers.


@pytest.fixture
def moving():
    """Somebody who is about to use the link mailed to their new address."""
    return UserFactory(email="ancienne@exemple.example", requested_email=EMAIL)


def test_an_address_registered_at_that_very_moment_is_not_taken(moving):
    token = make_token(moving, Purpose.ADDRESS)
    answer = meanwhile(lambda: actions.register_account(email=EMAIL, **NEWCOMER), lambda: actions.change_address(token))
    assert getattr(answer, "code", answer) == "address_used"
    moving.refresh_from_db()
    assert (moving.email, OutgoingMail.objects.count()) == ("ancienne@exemple.example", 0)


def test_an_address_taken_at_that_very_moment_is_not_registered(moving):
    token = make_token(moving, Purpose.ADDRESS)
    answer = meanwhile(lambda: actions.change_address(token), lambda: actions.register_account(email=EMAIL, **NEWCOMER))
    assert isinstance(answer, IntegrityError)
    assert User.objects.get().email == EMAIL


def test_an_address_given_up_at_that_very_moment_is_not_registered(moving):
    token = make_token(moving, Purpose.ADDRESS)
    old = moving.email
    answer = meanwhile(lambda: actions.change_address(token), lambda: actions.register_account(email=old, **NEWCOMER))
    assert getattr(answer, "code", answer) == "address_used"
    assert User.objects.count() == 1


def test_of_two_who_want_one_address_one_gets_it(moving):
    tokens = [make_token(user, Purpose.ADDRESS) for user in (moving, UserFactory(requested_email=EMAIL))]
    answers = at_once(*(lambda token=token: actions.change_address(token) for token in tokens))
    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "address_used"]
    assert OutgoingMail.objects.count() == 1


def test_a_link_used_in_two_tabs_serves_once(moving):
    token = make_token(moving, Purpose.ADDRESS)
    answers = at_once(*[lambda: actions.change_address(token)] * 2)
    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "stale_link"]


def test_a_password_changed_in_two_tabs_is_changed_once():
    me = UserFactory()
    answers = at_once(
        *[lambda: actions.change_password(me, password="quatre chevaux dans la cour", session_key="")] * 2
    )
    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "changed_meanwhile"]
    assert OutgoingMail.objects.count() == 1


def test_two_workers_tell_of_an_expiry_once(settings):
    settings.PASSWORD_EXPIRES_DAYS = 90
    UserFactory.create_batch(3, password_changed_at=timezone.now() - timedelta(days=80))
    at_once(actions.warn_of_expiry, actions.warn_of_expiry)
    assert OutgoingMail.objects.count() == 3


# An account that ends or starts again.

CHOSEN = {"password": "quatre chevaux dans la cour", "secret_question": "pet", "secret_answer": "Médor"}


def test_an_account_deactivated_in_two_tabs_is_deactivated_once():
    me = UserFactory()
    answers = at_once(*[lambda: actions.deactivate_own_account(me)] * 2)
    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "not_active"]
    assert OutgoingMail.objects.count() == 1


def test_a_password_replaced_at_that_very_moment_no_longer_deactivates():
    me = UserFactory()
    answer = meanwhile(lambda: User.objects.update(password="!autre"), lambda: actions.deactivate_own_account(me))
    assert answer.code == "changed_meanwhile"
    assert User.objects.get().is_active


def test_an_account_reactivated_in_two_tabs_is_reactivated_once():
    token = make_token(UserFactory(state="disabled", deactivated_at=timezone.now()), Purpose.REACTIVATION)
    answers = at_once(*[lambda: actions.reactivate_own_account(token, **CHOSEN)] * 2)
    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "stale_link"]
    assert OutgoingMail.objects.count() == 1


def test_an_account_closed_at_that_very_moment_is_not_reactivated():
    token = make_token(UserFactory(state="disabled", deactivated_at=timezone.now()), Purpose.REACTIVATION)
    answer = meanwhile(
        lambda: User.objects.update(state="closed"), lambda: actions.reactivate_own_account(token, **CHOSEN)
    )
    assert answer.code == "stale_link"
    assert (User.objects.get().state, OutgoingMail.objects.count()) == ("closed", 0)
