from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.links import Purpose, Standing, make_token, read_link
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


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
