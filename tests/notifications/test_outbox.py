import socket
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from celery import current_app
from django.db import transaction
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError

from notifications.actions import deliver_due, empty_refused, notify, retry_mail
from notifications.models import OutgoingMail
from notifications.smtp import LONGEST_HAND_OVER
from plumbing.errors import ActionError
from tests.at_once import at_once
from tests.conftest import as_typed
from tests.deferred import work_off_everything
from tests.factories import OutgoingMailFactory, UserFactory
from tests.servers import free_port

POISON = "poison@exemple.example"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.also_sqlite]


def write(to="anne@exemple.example"):
    context = {"user": UserFactory(), "forgotten_link": "https://portail.example/"}
    return notify("password_changed", to=to, purpose="Essai", reference="123456782", context=context)


def test_a_mail_leaves_as_it_was_written(smtp_sink):
    write()
    assert deliver_due() == 1
    mail = smtp_sink.messages[0]
    assert (mail["To"], as_typed(mail["Subject"].strip())) == (
        "anne@exemple.example",
        "[Portail des structures] Essai – Dossier n° 123 456 782",
    )
    assert mail.get_body(("html",)) is not None
    assert "connexions ouvertes" in mail.get_body(("plain",)).get_content()


def test_a_rolled_back_transaction_sends_nothing(smtp_sink):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        write()
        _ = 1 / 0
    assert deliver_due() == 0
    assert smtp_sink.messages == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_sent_mail_s_body_is_cleared_except_in_the_demo(smtp_sink, settings, kept):
    settings.OUTBOX_KEEPS_BODIES = kept
    row = write()
    deliver_due()
    row.refresh_from_db()
    assert row.state == OutgoingMail.State.SENT
    assert bool(row.message) is kept
    assert row.parts() != ("", "") if kept else row.parts() == ("", "")


def test_a_mail_is_sent_once(smtp_sink):
    write()
    deliver_due()
    deliver_due()
    assert len(smtp_sink.messages) == 1


def test_a_dead_mail_server_loses_nothing_and_tries_later(smtp_sink, settings, time_machine):
    rows = [write() for _ in range(12)]
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, free_port()
    assert deliver_due() == 0
    assert OutgoingMail.objects.filter(state="waiting", pk__in=[row.pk for row in rows]).count() == 12
    settings.EMAIL_PORT = port
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert deliver_due() == 12


def test_pauses_grow_up_to_an_hour_and_end_after_four_days(smtp_sink, settings, time_machine):
    row = write()
    settings.EMAIL_PORT = free_port()
    pauses = []
    while row.state == OutgoingMail.State.WAITING:
        deliver_due()
        row.refresh_from_db()
        pauses.append(round((row.next_try_at - timezone.now()).total_seconds() / 60))
        time_machine.move_to(row.next_try_at + timedelta(seconds=1))
    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert set(pauses[7:]) == {60}
    assert 90 < len(pauses) < 110
    assert row.message


def test_a_refused_recipient_is_told_to_support_and_does_not_hold_up_others(smtp_sink):
    refused = write()
    smtp_sink.refusal = "550 no such mailbox"
    deliver_due()
    smtp_sink.refusal = None
    write("jean@exemple.example")
    assert deliver_due() == 1
    refused.refresh_from_db()
    assert refused.state == OutgoingMail.State.FAILED
    assert "no such mailbox" in refused.error


def test_a_mail_refused_for_its_content_does_not_hold_up_its_neighbours(smtp_sink):
    rows = [write() for _ in range(3)]
    smtp_sink.content_refusal = ("554 looks like spam", 1)
    assert deliver_due() == 2
    rows[0].refresh_from_db()
    assert rows[0].state == OutgoingMail.State.FAILED
    assert "looks like spam" in rows[0].error


def test_a_temporary_refusal_is_tried_again(smtp_sink, time_machine):
    row = write()
    smtp_sink.refusal = "451 come back later"
    deliver_due()
    row.refresh_from_db()
    assert row.state == OutgoingMail.State.WAITING
    smtp_sink.refusal = None
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert deliver_due() == 1


def test_a_mail_nobody_can_send_does_not_hold_up_the_next(smtp_sink):
    OutgoingMail.objects.filter(pk=write().pk).update(to="pas une adresse\n")
    write()
    assert deliver_due() == 1


def test_a_mail_in_another_sender_s_hands_is_left_alone_until_the_lease_ends(smtp_sink, time_machine):
    OutgoingMail.objects.filter(pk=write().pk).update(leased_until=timezone.now() + timedelta(minutes=5))
    assert deliver_due() == 0
    time_machine.move_to(timezone.now() + timedelta(minutes=6))
    assert deliver_due() == 1


def test_support_puts_a_refused_mail_back(smtp_sink):
    row, actor = write(), UserFactory(staff=True)
    with pytest.raises(ActionError):
        retry_mail(row.pk, actor=actor)
    OutgoingMail.objects.update(state="failed", give_up_at=timezone.now() - timedelta(days=1))
    retry_mail(row.pk, actor=actor)
    assert deliver_due() == 1


def test_a_mail_does_not_leave_before_its_transaction_ends(smtp_sink):
    with transaction.atomic():
        write()
        assert OutgoingMail.objects.count() == 1
        assert smtp_sink.messages == []
    assert deliver_due() == 1


def test_only_a_commit_wakes_a_sender_and_once(monkeypatch):
    woken = []
    monkeypatch.setattr(current_app, "send_task", lambda name, *args, **options: woken.append(name))
    with suppress(ZeroDivisionError), transaction.atomic():
        write()
        _ = 1 / 0
    assert woken == []
    with transaction.atomic():
        write()
        write()
        assert woken == []
    assert woken == ["notifications.tasks.deliver"]


def test_whatever_the_broker_does_the_person_sees_no_error(client, monkeypatch):
    def broken(*args, **options):
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", broken)
    user = UserFactory()
    assert "vient d" in client.post("/mot-de-passe/", {"email": user.email}).text
    work_off_everything()
    assert OutgoingMail.objects.get().state == OutgoingMail.State.WAITING


def test_a_dead_redis_costs_nobody_a_second(client, redis_at):
    user = UserFactory()
    redis_at(f"redis://127.0.0.1:{free_port()}/0")
    start = time.monotonic()
    assert "vient d" in client.post("/mot-de-passe/", {"email": user.email}).text
    assert time.monotonic() - start < 1
    work_off_everything()
    assert OutgoingMail.objects.get().to == user.email


def test_a_hanging_redis_is_waited_for_once(client, hanging_redis):
    user = UserFactory()
    assert "vient d" in client.post("/mot-de-passe/", {"email": user.email}).text
    # Once REDIS_PATIENCE, a quarter of a second.
    assert hanging_redis() == 1
    work_off_everything()
    assert OutgoingMail.objects.get().to == user.email


def test_eight_people_at_a_time_wait_at_most_once_each_for_a_hanging_redis(hanging_redis):
    emails = [UserFactory().email for _ in range(8)]
    answers = at_once(*(partial(Client().post, "/mot-de-passe/", {"email": email}) for email in emails))
    # Two limits and a wake-up each made 40 of it.
    assert 1 <= hanging_redis() <= 8
    assert [answer.status_code for answer in answers] == [200] * 8
    work_off_everything()
    assert sorted(OutgoingMail.objects.values_list("to", flat=True)) == sorted(emails)


def test_a_dead_mail_server_shows_no_error_to_whoever_asks(client, smtp_sink, settings):
    settings.EMAIL_PORT = free_port()
    user = UserFactory()
    assert "vient d" in client.post("/mot-de-passe/", {"email": user.email}).text
    work_off_everything()
    assert deliver_due() == 0
    row = OutgoingMail.objects.get()
    assert (row.state, row.attempts, row.leased_until) == (OutgoingMail.State.WAITING, 1, None)
    assert row.error


@pytest.mark.parametrize("answer", ["530 5.7.0 Authentication required", "451 4.3.0 Try later"])
def test_a_server_that_takes_nothing_from_us_fails_no_mail(smtp_sink, time_machine, answer):
    async def handle_MAIL(*_):
        return answer

    rows = [write() for _ in range(3)]
    smtp_sink.handle_MAIL = handle_MAIL
    assert deliver_due() == 0
    assert OutgoingMail.objects.filter(state=OutgoingMail.State.WAITING).count() == len(rows)
    del smtp_sink.handle_MAIL
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert deliver_due() == len(rows)


def test_a_wrong_password_for_the_mail_server_fails_no_mail(smtp_sink, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portail", "faux"
    write()
    assert deliver_due() == 0
    assert OutgoingMail.objects.get().state == OutgoingMail.State.WAITING


def test_a_server_that_hangs_up_on_one_mail_loses_none(smtp_sink, time_machine):
    rows = [write() for _ in range(3)]
    smtp_sink.refusal = "421 closing"
    deliver_due()
    smtp_sink.refusal = None
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    deliver_due()
    assert OutgoingMail.objects.filter(state=OutgoingMail.State.SENT).count() == len(rows)


async def hang_up_at_rcpt(server, session, envelope, address, options):
    if address == POISON:
        server.transport.abort()
    envelope.rcpt_tos.append(address)
    return "250 OK"


async def say_421_at_rcpt(server, session, envelope, address, options):
    if address == POISON:
        return "421 closing"
    envelope.rcpt_tos.append(address)
    return "250 OK"


def failing_in_data(take, fail):
    async def handle_data(server, session, envelope):
        if envelope.rcpt_tos == [POISON]:
            return fail(server)
        return await take(server, session, envelope)

    return handle_data


FAULTS = {
    "hangs up at RCPT": lambda sink: {"handle_RCPT": hang_up_at_rcpt},
    "421 at RCPT": lambda sink: {"handle_RCPT": say_421_at_rcpt},
    "hangs up in DATA": lambda sink: {
        "handle_DATA": failing_in_data(sink.handle_DATA, lambda server: server.transport.abort() or "250 OK")
    },
    "421 in DATA": lambda sink: {"handle_DATA": failing_in_data(sink.handle_DATA, lambda server: "421 closing")},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_mail_the_server_hangs_up_on_holds_up_no_other(smtp_sink, fault):
    rows = [write(POISON if number == 3 else f"personne{number}@exemple.example") for number in range(10)]
    vars(smtp_sink).update(FAULTS[fault](smtp_sink))
    assert deliver_due() == 9
    poison = OutgoingMail.objects.get(state=OutgoingMail.State.WAITING)
    assert (poison.pk, poison.attempts, poison.leased_until) == (rows[3].pk, 1, None)
    assert poison.next_try_at > timezone.now()
    assert poison.error


def test_a_server_that_never_greets_is_asked_once_for_all_mails(settings, time_machine):
    rows = [write() for _ in range(5)]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = 0.2
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        assert deliver_due() == deliver_due() == 0
        server.settimeout(0)
        server.accept()[0].close()
        with pytest.raises(BlockingIOError):
            server.accept()
    assert OutgoingMail.objects.filter(state="waiting", leased_until=None).count() == len(rows)
    time_machine.move_to(timezone.now() + timedelta(seconds=61))
    assert OutgoingMail.objects.due().count() == len(rows)


def test_an_answer_to_the_message_may_take_longer_than_any_other(smtp_sink, settings, time_machine):
    settings.EMAIL_TIMEOUT = settings.EMAIL_COMMAND_TIMEOUT = 0.3
    smtp_sink.delay = 0.6
    write()
    deliver_due()
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    deliver_due()
    assert len(smtp_sink.messages) == 1
    assert OutgoingMail.objects.get().state == OutgoingMail.State.SENT


def test_we_wait_as_long_as_rfc_5321_asks_and_lease_longer(settings):
    assert settings.EMAIL_COMMAND_TIMEOUT >= 5 * 60
    assert settings.EMAIL_MESSAGE_TIMEOUT >= 10 * 60
    assert timedelta(seconds=settings.OUTBOX_LEASE_SECONDS) > LONGEST_HAND_OVER


def slow_at_rcpt(smtp_sink, time_machine, meanwhile=lambda: None):
    """A server that takes twenty minutes over RCPT, during which `meanwhile()` happens."""
    take = smtp_sink.handle_RCPT

    async def handle_rcpt(*args):
        time_machine.move_to(timezone.now() + timedelta(minutes=20))
        await sync_to_async(meanwhile)()
        return await take(*args)

    smtp_sink.handle_RCPT = handle_rcpt


def test_the_lease_is_renewed_before_the_message_leaves(smtp_sink, time_machine):
    leases = []
    take = smtp_sink.handle_DATA

    async def handle_data(*args):
        leases.append(await sync_to_async(lambda: OutgoingMail.objects.get().leased_until - timezone.now())())
        return await take(*args)

    smtp_sink.handle_DATA = handle_data
    slow_at_rcpt(smtp_sink, time_machine)
    write()
    assert deliver_due() == 1
    assert leases[0] > LONGEST_HAND_OVER


def test_a_mail_whose_lease_another_sender_took_over_is_left_to_it(smtp_sink, time_machine):
    def take_over():
        OutgoingMail.objects.update(leased_until=timezone.now() + timedelta(minutes=20))

    slow_at_rcpt(smtp_sink, time_machine, take_over)
    row = write()
    assert deliver_due() == 0
    assert smtp_sink.messages == []
    row.refresh_from_db()
    assert row.state == OutgoingMail.State.WAITING
    assert row.leased_until > timezone.now()


def test_whoever_lost_the_lease_postpones_nothing(smtp_sink, time_machine):
    def take_over():
        OutgoingMail.objects.update(leased_until=timezone.now() + timedelta(minutes=20))

    smtp_sink.refusal = "550 no such mailbox"
    slow_at_rcpt(smtp_sink, time_machine, take_over)
    row = write()
    assert deliver_due() == 0
    row.refresh_from_db()
    assert (row.state, row.error) == (OutgoingMail.State.WAITING, "")
    assert row.leased_until > timezone.now()


def test_lines_that_begin_with_a_dot_arrive_whole(smtp_sink):
    row = write()
    message = b"To: anne@exemple.example\r\n\r\n.un\r\n..deux\r\n.\r\ntrois"
    OutgoingMail.objects.filter(pk=row.pk).update(message=message)
    deliver_due()
    assert smtp_sink.messages[0].get_content().split() == [".un", "..deux", ".", "trois"]


def test_a_content_refused_for_a_while_is_tried_again(smtp_sink, time_machine):
    write()
    smtp_sink.content_refusal = ("451 greylisted", 1)
    assert deliver_due() == 0
    assert OutgoingMail.objects.get().state == OutgoingMail.State.WAITING
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    assert deliver_due() == 1


def test_a_refused_mail_keeps_its_body_for_support_to_send_again(smtp_sink, settings):
    settings.OUTBOX_KEEPS_BODIES = False
    row = write()
    smtp_sink.refusal = "550 no such mailbox"
    deliver_due()
    row.refresh_from_db()
    assert (row.state, bool(row.message), row.leased_until) == (OutgoingMail.State.FAILED, True, None)


def test_a_mail_taken_forgets_its_earlier_errors(smtp_sink, time_machine):
    row = write()
    smtp_sink.refusal = "451 come back later"
    deliver_due()
    smtp_sink.refusal = None
    time_machine.move_to(timezone.now() + timedelta(minutes=2))
    deliver_due()
    row.refresh_from_db()
    assert (row.error, row.attempts, row.sent_at is not None, row.leased_until) == ("", 2, True, None)


def test_the_oldest_mail_leaves_first(smtp_sink):
    for name in ("un", "deux", "trois"):
        write(f"{name}@exemple.example")
    deliver_due()
    assert [mail["To"] for mail in smtp_sink.messages] == [
        f"{name}@exemple.example" for name in ("un", "deux", "trois")
    ]


def test_a_mail_not_yet_due_waits(smtp_sink, time_machine):
    OutgoingMail.objects.filter(pk=write().pk).update(next_try_at=timezone.now() + timedelta(minutes=1))
    assert deliver_due() == 0
    time_machine.move_to(timezone.now() + timedelta(seconds=61))
    assert deliver_due() == 1


@pytest.mark.parametrize("state", ["waiting", "sent"])
def test_only_a_refused_mail_is_put_back(state):
    row = OutgoingMailFactory(state=state)
    with pytest.raises(ActionError, match="Seul un courriel refusé"):
        retry_mail(row.pk, actor=UserFactory(staff=True))
    row.refresh_from_db()
    assert row.state == state


def test_a_refused_mail_whose_body_is_gone_is_not_sent_empty():
    row = OutgoingMailFactory(state="failed", message=b"")
    with pytest.raises(ActionError):
        retry_mail(row.pk, actor=UserFactory(staff=True))


def test_a_mail_put_back_is_given_four_more_days():
    row = OutgoingMailFactory(state="failed", error="550", give_up_at=timezone.now() - timedelta(days=1))
    retry_mail(row.pk, actor=UserFactory(staff=True))
    row.refresh_from_db()
    assert row.give_up_at > timezone.now() + timedelta(days=3)
    assert (row.state, row.error) == (OutgoingMail.State.WAITING, "")


def test_the_body_of_a_refused_mail_is_kept_as_long_as_it_may_be_sent_again():
    states = ["failed", "failed", "waiting"]
    old, young, waiting = (OutgoingMailFactory(state=state, message=b"Bonjour") for state in states)
    OutgoingMail.objects.exclude(pk=young.pk).update(created_at=timezone.now() - timedelta(days=31))
    empty_refused()
    left = {mail.pk: bytes(mail.message) for mail in OutgoingMail.objects.all()}
    assert left == {old.pk: b"", young.pk: b"Bonjour", waiting.pk: b"Bonjour"}
