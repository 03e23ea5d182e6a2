"""Accounts nobody came back to: announced, closed. By the night's task, in batches."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import actions
from accounts.actions import endings
from accounts.links import Purpose, Standing, make_token, read_link
from accounts.models import User
from accounts.tasks import end_accounts
from attachments.actions import change_role
from attachments.models import Role
from chorus.errands import errands
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from tests.at_once import at_once, meanwhile
from tests.conftest import as_typed
from tests.factories import AttachmentFactory, AttachmentRequestFactory, UserFactory

pytestmark = pytest.mark.django_db

State = User.State


def disabled(days=0, **fields):
    return UserFactory(state=State.DISABLED, deactivated_at=timezone.now() - timedelta(days=days), **fields)


def mails():
    return list(OutgoingMail.objects.order_by("pk").values_list("slug", "to"))


def state_of(user):
    user.refresh_from_db()
    return user.state


# Sixty days on, an hour more has passed: 26 October 2026, the day after the change of hour.
@pytest.mark.parametrize("left_at", ["2026-08-27 00:10+02:00", "2026-08-27 23:50+02:00"])
@pytest.mark.parametrize(
    ("now", "told", "closed"),
    [
        ("2026-10-18 23:59+02:00", False, False),
        ("2026-10-19 00:00+02:00", True, False),
        ("2026-10-25 23:59+01:00", True, False),
        ("2026-10-26 00:00+01:00", True, False),
        ("2026-10-26 23:59+01:00", True, False),
        ("2026-10-27 00:00+01:00", False, True),
        ("2026-10-27 23:59+01:00", False, True),
    ],
)
def test_days_are_counted_as_dates(time_machine, left_at, now, told, closed):
    user = UserFactory(state=State.DISABLED, deactivated_at=datetime.fromisoformat(left_at))
    time_machine.move_to(now, tick=False)
    end_accounts()
    assert state_of(user) == (State.CLOSED if closed else State.DISABLED)
    assert mails() == [("account_closing", user.email)] * told + [("account_closed", user.email)] * closed


@pytest.mark.also_sqlite
def test_each_is_told_once_each_time_they_leave(time_machine):
    user = disabled(days=55)
    for _ in range(2):
        end_accounts()
    assert mails() == [("account_closing", user.email)]
    assert OutgoingMail.objects.get().parts()[0].count("cette date incluse") == 1
    # As they come back and leave again: that they were told the first time stays.
    User.objects.update(deactivated_at=timezone.now())
    time_machine.move_to(timezone.now() + timedelta(days=55))
    end_accounts()
    assert mails() == [("account_closing", user.email)] * 2


@pytest.mark.also_sqlite
def test_what_closing_does():
    user, other = disabled(days=61), UserFactory()
    held = AttachmentFactory(user=user, role=Role.SECONDARY)
    asked = AttachmentRequestFactory(user=user)
    stays = AttachmentFactory(user=other, structure=held.structure)
    links = [(make_token(user, purpose), purpose) for purpose in (Purpose.RESET, Purpose.UNDO_ADDRESS)]
    end_accounts()
    end_accounts()
    for row in (user, held, asked, stays):
        row.refresh_from_db()
    assert (user.state, user.closed_at is not None, user.anonymised_at) == (State.CLOSED, True, None)
    assert (held.ended_at is not None, asked.status, stays.ended_at) == (True, "withdrawn", None)
    assert [read_link(token, purpose).standing for token, purpose in links] == [Standing.USED] * 2
    lines = HistoryEntry.objects.order_by("pk").values_list("event", "actor", "subject", "structure")
    assert list(lines) == [
        ("account_closed", None, user.pk, None),
        ("request_withdrawn", None, user.pk, asked.structure_id),
        ("attachment_ended", None, user.pk, held.structure_id),
    ]
    assert "non réactivé à temps" in HistoryEntry.objects.get(event="account_closed").comment
    assert HistoryEntry.objects.get(event="attachment_ended").comment.startswith("Compte clos")
    assert mails() == [("account_closed", user.email)]
    body = OutgoingMail.objects.get().parts()[0]
    assert "assistance@portail.example" in body
    assert "seront alors effacés" in body


@pytest.mark.parametrize(("now", "closed"), [("2026-11-25 23:59+01:00", False), ("2026-11-26 00:00+01:00", True)])
def test_an_account_nobody_activates_is_closed_in_the_end(time_machine, now, closed):
    """Ninety days after the link was last sent, be it a newcomer's or one that support reopened."""
    sent_at = datetime.fromisoformat("2026-08-27 23:50+02:00")
    users = [UserFactory(activating=True, activation_sent_at=sent_at) for _ in range(2)]
    User.objects.filter(pk=users[1].pk).update(activated_at=sent_at)
    held = AttachmentFactory(user=users[0])
    time_machine.move_to(now, tick=False)
    for _ in range(2):
        end_accounts()
    assert [state_of(user) for user in users] == [State.CLOSED if closed else State.ACTIVATING] * 2
    assert mails() == [("account_not_activated", user.email) for user in users] * closed
    held.refresh_from_db()
    assert (held.ended_at is not None) is closed
    if closed:
        entry = HistoryEntry.objects.filter(event="account_closed").last()
        assert (entry.actor, entry.comment) == (None, "Compte non activé à temps")
        never, once = [mail.parts()[0] for mail in OutgoingMail.objects.order_by("pk")]
        assert "/inscription/" in never
        assert "L'assistance seule" in as_typed(once)


@pytest.mark.also_sqlite
def test_whoever_never_activated_may_register_again_and_is_anonymised_otherwise(time_machine, settings):
    users = [UserFactory(activating=True, activation_sent_at=timezone.now()) for _ in range(3)]
    unset = UserFactory(activating=True)
    principal = UserFactory(activating=True, activation_sent_at=timezone.now())
    AttachmentFactory(user=principal, role=Role.PRINCIPAL)
    time_machine.move_to(timezone.now() + timedelta(days=91))
    actions.resend_activation(users[2].pk, actor=None)
    settings.NEVER_ACTIVATED_DAYS = 0
    end_accounts()
    assert {state_of(user) for user in users} == {State.ACTIVATING}
    settings.NEVER_ACTIVATED_DAYS = 90
    end_accounts()
    assert [state_of(user) for user in (*users, unset, principal)] == [State.CLOSED] * 2 + [State.ACTIVATING] * 3
    names = {"first_name": "Anne", "last_name": "Nom", "phone": "", "contact_email": "", "survey_consent": False}
    again = actions.register_account(email=users[0].email, **names)
    assert again != users[0]
    time_machine.move_to(timezone.now() + timedelta(days=settings.ANONYMISE_AFTER_DAYS))
    end_accounts()
    users[1].refresh_from_db()
    assert (users[1].anonymised_at is not None, state_of(users[0])) == (True, State.CLOSED)
    assert state_of(again) == State.PENDING


def test_a_link_sent_begins_the_time_to_activate():
    user = UserFactory(pending=True)
    assert user.activation_sent_at is None
    approved = actions.approve_account(user.pk, actor=None, reference=user.reference)
    assert approved.activation_sent_at
    back = UserFactory(closed=True)
    actions.reactivate_account(back.pk, actor=None)
    for row in (user, back):
        row.refresh_from_db()
        assert row.activation_sent_at


def test_a_principal_stays_and_support_is_told(time_machine):
    """Nobody becomes principal once deactivated, but for a hand that reaches past the actions."""
    user, other = disabled(days=61), disabled(days=61)
    held = AttachmentFactory(user=user, role=Role.PRINCIPAL)
    end_accounts()
    assert (state_of(user), state_of(other)) == (State.DISABLED, State.CLOSED)
    assert not errands()
    time_machine.move_to(timezone.now() + timedelta(days=1))
    (errand,) = errands()
    assert "n'a pas pu être clos" in errand.words
    change_role(held.pk, actor=None, role=Role.SIMPLE)
    end_accounts()
    assert state_of(user) == State.CLOSED
    assert not errands()


def test_support_lists_those_that_could_not_be_closed(client):
    client.force_login(UserFactory(staff=True))
    late = disabled(days=70)
    soon = disabled(days=50)
    page = client.get("/admin/accounts/user/?closing=late").text
    assert late.email in page
    assert soon.email not in page


@pytest.mark.parametrize("deed", [endings.warn_of_closing, endings.close_overdue, endings.close_never_activated])
def test_a_batch_costs_the_same_for_many(deed):
    days = 55 if deed is endings.warn_of_closing else 61

    def cost(number):
        for _ in range(number):
            user = disabled(days=days)
            if deed is endings.close_never_activated:
                user.state, user.activation_sent_at = State.ACTIVATING, timezone.now() - timedelta(days=91)
                user.save()
            AttachmentFactory.create_batch(2, user=user)
            AttachmentRequestFactory(user=user)
        with CaptureQueriesContext(connection) as captured:
            deed()
        return len(captured)

    assert cost(2) == cost(40)
    assert OutgoingMail.objects.count() == 42


def test_one_that_fails_holds_up_no_other(monkeypatch):
    users = [disabled(days=61) for _ in range(9)]
    send = endings.emails.send_accounts_closed

    def fail(closed):
        if users[4] in closed:
            raise ValueError("never this one")
        send(closed)

    monkeypatch.setattr(endings.emails, "send_accounts_closed", fail)
    monkeypatch.setattr(endings, "AT_ONCE", 4)
    end_accounts()
    assert [state_of(user) for user in users] == [State.CLOSED] * 4 + [State.DISABLED] + [State.CLOSED] * 4
    assert OutgoingMail.objects.count() == 8


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("days", [55, 61])
def test_two_workers_at_once_write_each_mail_once(monkeypatch, days):
    monkeypatch.setattr(endings, "AT_ONCE", 5)
    users = [disabled(days=days) for _ in range(40)]
    for user in users[:10]:
        AttachmentFactory(user=user)
    assert at_once(end_accounts, end_accounts) == [None, None]
    end_accounts()
    assert sorted(to for _, to in mails()) == sorted(user.email for user in users)


@pytest.mark.django_db(transaction=True)
def test_whoever_is_being_reactivated_is_not_closed():
    user = disabled(days=61)
    reactivate = User.objects.filter(pk=user.pk)
    assert meanwhile(lambda: reactivate.update(state=State.ACTIVE), end_accounts) is None
    assert (state_of(user), mails()) == (State.ACTIVE, [])
