"""Drafts that meet what else happens, on real PostgreSQL connections: one order of locks, and no file lost."""

from functools import partial

import pytest
from django.db import connection

from attachments.actions import transfer_principal
from attachments.models import Role
from plumbing.errors import ActionError, AlreadyDone
from support import actions
from support.models import Ticket, TicketFile
from tests.at_once import at_once
from tests.factories import AttachmentFactory, StructureFactory, UserFactory
from tests.support.test_tickets import VALUES, pdf

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time"),
]
ROUNDS = 8


def draft(author, structure=None, file=None, text="Pourquoi ?"):
    values = VALUES | {"structure": structure, "text": text}
    return actions.write_ticket(actor=author, category="general", values=values, file=file)


def sending(ticket, structure, send=True):
    values = VALUES | {"structure": structure, "text": f"De {ticket.pk}"}
    return lambda: actions.write_ticket(ticket, actor=ticket.author, category="general", values=values, send=send)


@pytest.mark.parametrize("send", [True, False])
def test_drafts_that_change_structures_wait_for_nobody_who_waits_for_them(send):
    author, successor = UserFactory(), UserFactory()
    here, there = StructureFactory.create_batch(2)
    AttachmentFactory(user=author, structure=there, role=Role.PRINCIPAL)
    for _round in range(ROUNDS):
        one, other = draft(author, here), draft(author, there)
        answers = at_once(
            sending(one, there, send),
            sending(other, here, send),
            partial(transfer_principal, {there.pk: successor.pk}, actor=author),
        )
        assert not [one for one in answers if isinstance(one, Exception) and not isinstance(one, ActionError)]
        author, successor = successor, author


def test_a_draft_is_deleted_once_or_sent_with_its_files():
    author = UserFactory()
    for _round in range(ROUNDS):
        ticket = draft(author, file=pdf())
        answers = at_once(partial(actions.delete_draft, ticket.pk, actor=author), sending(ticket, None))
        assert {type(one) for one in answers} in ({type(None), AlreadyDone}, {Ticket, AlreadyDone})
        for sent in Ticket.objects.of(author).filter(pk=ticket.pk):
            assert TicketFile.objects.ready().exclude(message=None).filter(ticket=sent).count() == 1
        other = draft(author, file=pdf())
        answers = at_once(*[partial(actions.delete_draft, other.pk, actor=author)] * 2)
        assert {type(one) for one in answers} == {type(None), AlreadyDone}
    assert not TicketFile.objects.filter(message=None).exists()
