"""Until when a deactivated account may be reactivated by its owner."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

PARIS = ZoneInfo("Europe/Paris")


def in_paris(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("left", "last_day", "now", "open_still"),
    [
        ("2026-06-10T15:00", date(2026, 8, 9), "2026-08-08T23:59", True),
        ("2026-06-10T15:00", date(2026, 8, 9), "2026-08-09T15:01", True),
        ("2026-06-10T15:00", date(2026, 8, 9), "2026-08-09T23:59:59", True),
        ("2026-06-10T15:00", date(2026, 8, 9), "2026-08-10T00:00", False),
        # Late and early in the day, when the day in UTC is another.
        ("2026-06-10T00:30", date(2026, 8, 9), "2026-08-09T23:59", True),
        ("2026-06-10T23:59", date(2026, 8, 9), "2026-08-10T00:00", False),
        # Winter time begins on 25 October 2026, summer time on 28 March 2027.
        ("2026-10-01T00:10", date(2026, 11, 30), "2026-11-30T23:59:59", True),
        ("2026-10-01T00:10", date(2026, 11, 30), "2026-12-01T00:00", False),
        ("2026-08-26T23:50", date(2026, 10, 25), "2026-10-25T23:59:59", True),
        ("2026-08-26T23:50", date(2026, 10, 25), "2026-10-26T00:00", False),
        ("2027-02-10T00:10", date(2027, 4, 11), "2027-04-11T23:59:59", True),
        ("2027-01-27T23:50", date(2027, 3, 28), "2027-03-28T23:59:59", True),
        ("2027-01-27T23:50", date(2027, 3, 28), "2027-03-29T00:00", False),
    ],
)
def test_sixty_days_to_reactivate_counted_in_days_of_paris(time_machine, left, last_day, now, open_still):
    user = UserFactory(state=User.State.DISABLED, deactivated_at=in_paris(left))
    time_machine.move_to(in_paris(now), tick=False)
    assert user.reactivation_until == last_day
    assert user.may_reactivate is open_still
    assert User.objects.past_reactivation().exists() is not open_still


@pytest.mark.parametrize("state", [User.State.ACTIVE, User.State.CLOSED, User.State.ACTIVATING])
def test_no_deadline_for_accounts_that_are_not_deactivated(state):
    user = UserFactory(state=state, deactivated_at=in_paris("2020-01-01T10:00"))
    assert user.reactivation_until is None
    assert not user.may_reactivate
    assert not User.objects.past_reactivation().exists()
