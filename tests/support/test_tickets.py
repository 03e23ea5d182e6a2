"""What people ask support, what support answers: actions, mails, history, races."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.events import accounts_anonymised
from documents.models import FOLDER
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError, AlreadyDone, ChangedMeanwhile
from registration import captcha
from support import actions
from support.models import Message, Ticket, TicketFile
from tests.at_once import at_once
from tests.documents.samples import PDF, PROGRAM
from tests.factories import TicketFactory, UserFactory

pytestmark = pytest.mark.django_db

FIRST, CHANGED = "Bonjour, une question.", "changed_meanwhile"
VALUES = {"subject": "Facture rejetée", "structure": None, "answers": {}, "text": "Pourquoi ?"}


def pdf(name="piece.pdf", content=PDF):
    return SimpleUploadedFile(name, content)


def mails():
    return set(OutgoingMail.objects.values_list("slug", "to"))


def events():
    return set(HistoryEntry.objects.values_list("event", flat=True))


def seen(ticket):
    return ticket.messages.last().pk


def refusal_of(act, *args, **kwargs):
    with pytest.raises(ActionError) as refused:
        act(*args, **kwargs)
    return refused.value


def test_a_draft_is_kept_then_sent_with_its_files():
    author = UserFactory()
    draft = actions.write_ticket(actor=author, category="general", values=VALUES, file=pdf())
    assert (draft.status, draft.answers["text"], mails()) == ("draft", "Pourquoi ?", set())
    sent = actions.write_ticket(draft, actor=author, category="general", values=VALUES, file=pdf("b.pdf"), send=True)
    message = sent.messages.get()
    assert (sent.pk, sent.status, sent.answers) == (draft.pk, "in_progress", {})
    assert [file.original_name for file in message.files.all()] == ["piece.pdf", "b.pdf"]
    assert mails() == {("ticket_received", author.email), ("ticket_to_support", "assistance@portail.example")}
    assert events() == {Event.TICKET_OPENED}
    assert refusal_of(actions.delete_draft, draft.pk, actor=author).code == "already_sent"


def test_a_file_that_is_not_taken_leaves_no_draft_but_the_one_there_was():
    author, refused = UserFactory(), pdf("a.pdf", PROGRAM)
    draft = actions.write_ticket(actor=author, category="general", values=VALUES)
    for ticket in (None, draft):
        asked = {"actor": author, "category": "general", "values": VALUES, "file": refused, "send": True}
        assert refusal_of(actions.write_ticket, ticket, **asked).code == "file_is_program"
        assert (Ticket.objects.get().pk, Ticket.objects.get().status) == (draft.pk, "draft")


def test_a_draft_is_deleted_with_its_files(store):
    author = UserFactory()
    draft = actions.write_ticket(actor=author, category="general", values=VALUES, file=pdf())
    actions.delete_draft(draft.pk, actor=author)
    assert not Ticket.objects.exists()
    assert not [path for path in store.rglob("*") if path.is_file()]
    assert store.name == FOLDER


def test_both_sides_write_until_one_closes_and_writing_reopens():
    ticket, agent = TicketFactory(), UserFactory(staff=True)
    actions.answer(ticket.pk, actor=agent, text="Laquelle ?", status="action_required", seen=seen(ticket), file=pdf())
    ticket.refresh_from_db()
    assert (ticket.status, ticket.assignee) == ("action_required", agent)
    actions.reply(ticket.pk, actor=ticket.author, text="La dernière.")
    actions.answer(ticket.pk, actor=agent, text="C'est fait.", status="solved", seen=seen(ticket))
    actions.reply(ticket.pk, actor=ticket.author, text="Non.")
    actions.close_own(ticket.pk, actor=ticket.author)
    ticket.refresh_from_db()
    assert ticket.closed_at is not None
    slugs = list(OutgoingMail.objects.order_by("pk").values_list("slug", flat=True))
    asked, told = "ticket_to_support", "ticket_answered"
    assert slugs == [told, asked, told, asked, "ticket_withdrawn"]
    assert "C'est fait." in OutgoingMail.objects.filter(slug=told).order_by("pk").last().parts()[0].replace("’", "'")
    assert events() == {Event.TICKET_ANSWERED, Event.TICKET_CLOSED}
    assert refusal_of(actions.close_own, ticket.pk, actor=ticket.author).code == "ticket_closed"


@pytest.mark.parametrize(
    ("status", "act", "code"),
    [
        ("draft", lambda t, a: actions.reply(t.pk, actor=t.author, text="x"), "not_sent"),
        ("draft", lambda t, a: actions.close_own(t.pk, actor=t.author), "not_sent"),
        (
            "in_progress",
            lambda t, a: actions.reply(t.pk, actor=t.author, text="Bonjour, une question."),
            "already_sent",
        ),
        ("solved", lambda t, a: actions.answer(t.pk, actor=a, text="x", status="solved", seen=9**9), "ticket_closed"),
        ("solved", lambda t, a: actions.assign(t.pk, actor=a), "ticket_closed"),
        (
            "in_progress",
            lambda t, a: actions.answer(t.pk, actor=a, text="x", status="solved", seen=0),
            "changed_meanwhile",
        ),
        ("in_progress", lambda t, a: actions.issue_certificate(t.pk, actor=a), "not_a_claim"),
        ("in_progress", lambda t, a: actions.deposit_signed(t.pk, pdf("a.txt", b"a"), actor=t.author), "not_a_scan"),
    ],
)
def test_what_cannot_be_done(status, act, code):
    ticket = TicketFactory(status=status)
    assert refusal_of(act, ticket, UserFactory(staff=True)).code == code
    ticket.refresh_from_db()
    assert (ticket.status, OutgoingMail.objects.count()) == (status, 0)


def test_a_file_is_taken_back_until_it_is_sent():
    ticket = TicketFactory()
    with pytest.raises(ActionError):
        actions.reply(ticket.pk, actor=ticket.author, text="Bonjour, une question.", file=pdf())
    unsent = ticket.files.get()
    assert refusal_of(actions.remove_file, unsent.pk, actor=UserFactory()).code == "file_gone"
    actions.remove_file(unsent.pk, actor=ticket.author)
    assert not TicketFile.objects.exists()
    actions.reply(ticket.pk, actor=ticket.author, text="Voici.", file=pdf())
    assert refusal_of(actions.remove_file, ticket.files.get().pk, actor=ticket.author).code == "file_sent"


def asked_back(email, text="Bonjour"):
    key = captcha.fresh().key
    captcha.is_right(key, captcha.challenge(key)[1])
    return actions.open_reactivation(captcha_key=key, name="Léon Marchand", email=email, text=text)


def test_a_visitor_gets_no_words_before_they_answered_by_the_link():
    ticket = asked_back("leon@exemple.example", text="Achetez ceci")
    actions.answer(
        ticket.pk, actor=UserFactory(staff=True), text="Qui êtes-vous ?", status="action_required", seen=seen(ticket)
    )
    for mail in OutgoingMail.objects.filter(to="leon@exemple.example"):
        assert not any("Achetez" in body or "Qui êtes" in body or "Léon" in body for body in mail.parts())
        assert "/sollicitations/suivi/" in mail.parts()[0]
    actions.reply(ticket.pk, actor=None, text="Léon.")
    actions.answer(ticket.pk, actor=UserFactory(staff=True), text="Merci.", status="solved", seen=seen(ticket))
    assert "Merci." in OutgoingMail.objects.filter(to="leon@exemple.example").order_by("pk").last().parts()[0]


def test_a_visitor_s_picture_serves_once_and_their_mails_are_few():
    key = captcha.fresh().key
    given = {"captcha_key": key, "name": "Léon", "email": "l@exemple.example", "text": "x"}
    assert refusal_of(actions.open_reactivation, **given).code == "wrong_captcha"
    for _ in range(7):
        asked_back("l@exemple.example")
    assert OutgoingMail.objects.filter(to="l@exemple.example").count() == 5
    assert Ticket.objects.count() == 7


def test_an_anonymised_account_leaves_no_words():
    ticket = TicketFactory(author=UserFactory(closed=True))
    actions.reply(ticket.pk, actor=ticket.author, text="Mon numéro", file=pdf())
    named = TicketFactory(claim=True)
    named.answers |= {"principal_login": ticket.author.email, "principal_name": "Léon"}
    named.save()
    visitor = asked_back(ticket.author.email)
    accounts_anonymised.send(None, users=[ticket.author], addresses=[ticket.author.email])
    for row in (ticket, named, visitor):
        row.refresh_from_db()
    assert (ticket.subject, visitor.visitor_email, visitor.visitor_name) == ("", "", "")
    assert not Message.objects.filter(ticket__in=[ticket, visitor]).exclude(text="").exists()
    assert "principal_login" not in named.answers
    assert named.answers["target_login"]
    actions.finish_unfinished()
    assert not TicketFile.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_of_two_at_once_one_is_heard():
    ticket, agents = TicketFactory(), [UserFactory(staff=True), UserFactory(staff=True)]
    last = seen(ticket)

    def answer(agent):
        return lambda: actions.answer(ticket.pk, actor=agent, text=f"De {agent}", status="action_required", seen=last)

    answers = at_once(*map(answer, agents))
    assert {type(one) for one in answers} == {Ticket, ChangedMeanwhile}
    assert ticket.messages.count() == 2
    closed = at_once(*[lambda: actions.close_own(ticket.pk, actor=ticket.author)] * 2)
    assert {type(one) for one in closed} == {Ticket, AlreadyDone}
    opened = at_once(*[lambda: actions.write_ticket(actor=agents[0], category="general", values=VALUES, send=True)] * 2)
    assert {type(one) for one in opened} == {Ticket, AlreadyDone}
    assert Ticket.objects.of(agents[0]).count() == 1


def test_support_is_told_of_a_visitor_however_much_others_write(settings):
    settings.DECIDER_MAIL_RATE = "2/h"
    ticket = TicketFactory()
    for number in range(3):
        actions.reply(ticket.pk, actor=ticket.author, text=str(number))
    told = OutgoingMail.objects.filter(slug="ticket_to_support")
    assert told.count() == 3
    for _ in range(3):
        asked_back("l@exemple.example")
    assert told.count() == 5


def test_the_files_of_one_side_leave_room_for_the_other_s(settings):
    settings.TICKET_FILES_MAX_BYTES = 2 * len(PDF)
    ticket, agent = TicketFactory(), UserFactory(staff=True)
    for number in range(2):
        actions.reply(ticket.pk, actor=ticket.author, text=str(number), file=pdf())
    refused = refusal_of(actions.reply, ticket.pk, actor=ticket.author, text="x", file=pdf())
    assert (refused.code, refused.field) == ("files_too_large", "file")
    actions.answer(ticket.pk, actor=agent, text="x", status="solved", seen=seen(ticket), file=pdf())
