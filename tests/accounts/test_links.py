from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.links import Purpose, Standing, make_token, read_link
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def test_a_fresh_link_is_valid_and_says_until_when():
    user = UserFactory(activating=True)
    link = read_link(make_token(user, Purpose.ACTIVATION), Purpose.ACTIVATION)
    assert link.is_valid
    assert link.user == user
    assert abs(link.expires_at - timezone.now() - timedelta(hours=72)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("purpose", "after", "standing"),
    [
        (Purpose.ACTIVATION, timedelta(hours=71), Standing.VALID),
        (Purpose.ACTIVATION, timedelta(hours=73), Standing.EXPIRED),
        (Purpose.RESET, timedelta(minutes=59), Standing.VALID),
        (Purpose.RESET, timedelta(minutes=61), Standing.EXPIRED),
    ],
)
def test_a_link_expires(purpose, after, standing, time_machine):
    token = make_token(UserFactory(state=purpose.state), purpose)
    time_machine.move_to(timezone.now() + after)
    assert read_link(token, purpose).standing is standing


def test_a_link_serves_no_other_purpose():
    user = UserFactory()
    assert read_link(make_token(user, Purpose.RESET), Purpose.ACTIVATION).standing is Standing.UNREADABLE


def test_any_altered_character_makes_a_link_unreadable():
    token = make_token(UserFactory(activating=True), Purpose.ACTIVATION)
    for position in range(len(token)):
        altered = token[:position] + ("x" if token[position] != "x" else "y") + token[position + 1 :]
        assert read_link(altered, Purpose.ACTIVATION).standing is Standing.UNREADABLE


@pytest.mark.parametrize("token", ["", ".", "a.b.c.d", "1.2.3", "é", "x" * 5000])
def test_garbage_is_unreadable(token):
    assert read_link(token, Purpose.RESET).standing is Standing.UNREADABLE


def test_a_link_dies_with_its_account():
    user = UserFactory()
    token = make_token(user, Purpose.RESET)
    user.delete()
    assert read_link(token, Purpose.RESET).standing is Standing.UNREADABLE


@pytest.mark.parametrize("kept", [0.25, 0.5, 0.9, 0.99])
def test_a_link_cut_by_the_mail_reader_is_unreadable(kept):
    token = make_token(UserFactory(activating=True), Purpose.ACTIVATION)
    assert read_link(token[: int(len(token) * kept)], Purpose.ACTIVATION).standing is Standing.UNREADABLE


@pytest.mark.parametrize(
    ("purpose", "change"),
    [
        (Purpose.ACTIVATION, {"state": "active"}),
        (Purpose.ACTIVATION, {"state": "closed"}),
        (Purpose.ACTIVATION, {"link_version": 2}),
        (Purpose.RESET, {"password": "autre"}),
        (Purpose.RESET, {"state": "disabled"}),
        (Purpose.RESET, {"link_version": 2}),
    ],
)
def test_a_link_dies_when_what_it_vouches_for_changes(purpose, change):
    user = UserFactory(state=purpose.state)
    token = make_token(user, purpose)
    type(user).objects.update(**change)
    assert read_link(token, purpose).standing is Standing.USED


def test_a_link_survives_changes_that_do_not_concern_it():
    user = UserFactory()
    token = make_token(user, Purpose.RESET)
    type(user).objects.update(last_name="Autre", last_login=timezone.now(), answer_failures=3)
    assert read_link(token, Purpose.RESET).is_valid


def test_a_link_of_somebody_else_does_not_open_mine():
    mine, other = UserFactory(activating=True), UserFactory(activating=True)
    forged = make_token(other, Purpose.ACTIVATION).replace(f"{other.pk}.", f"{mine.pk}.", 1)
    assert read_link(forged, Purpose.ACTIVATION).standing is Standing.UNREADABLE


def test_a_used_link_stays_told_as_used_once_it_has_expired(time_machine):
    user = UserFactory(activating=True)
    token = make_token(user, Purpose.ACTIVATION)
    type(user).objects.update(state="active")
    time_machine.move_to(timezone.now() + timedelta(days=30))
    assert read_link(token, Purpose.ACTIVATION).standing is Standing.USED


@pytest.mark.parametrize(
    ("purpose", "state"), [(Purpose.ACTIVATION, "pending"), (Purpose.ACTIVATION, "active"), (Purpose.RESET, "closed")]
)
def test_a_link_opens_nothing_to_an_account_it_is_not_for(purpose, state):
    assert not read_link(make_token(UserFactory(state=state), purpose), purpose).is_valid
