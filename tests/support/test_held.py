"""What must not happen to what is asked of support: unread files, unsent scans, warnings to oneself, endless links."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.events import accounts_anonymised
from attachments.models import Role
from notifications.models import OutgoingMail
from structures.events import identifier_changing
from support import actions
from support.emails import follow_link
from support.filled import filled_in
from support.models import Ticket
from tests.documents.samples import PDF
from tests.factories import AttachmentFactory, StructureFactory, TicketFactory, TicketFileFactory, UserFactory
from tests.support.test_claims import claim, managed, principal_of, refusal_of, signed

pytestmark = pytest.mark.django_db


def pdf():
    return SimpleUploadedFile("Dupont.pdf", PDF)


@pytest.fixture
def agent():
    return UserFactory(staff=True)


def visitor(**values):
    return TicketFactory(author=None, visitor_email="leon@exemple.example", category="reactivation", **values)


def test_a_scan_that_no_message_took_along_transfers_nothing(agent):
    structure, sitting = managed()
    ticket = claim(structure=structure)
    actions.issue_certificate(ticket.pk, actor=agent)
    TicketFileFactory(ticket=ticket, role="signed")
    refused = refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent, reason="Vu")
    assert refused.code == "no_signed_certificate"
    assert principal_of(structure) == sitting


def test_an_objection_is_for_support_to_read(agent):
    """Whoever the ticket was waiting for."""
    structure, sitting = managed()
    ticket = claim(structure=structure)
    actions.issue_certificate(ticket.pk, actor=agent)
    actions.object_to_claim(ticket.pk, actor=sitting, reason="Je suis là.")
    assert list(Ticket.objects.waiting()) == [ticket]
    # The signature is awaited all the same; once it is back, it is only when support asks for another.
    ticket.refresh_from_db()
    assert ticket.certificate_to_sign
    actions.deposit_signed(ticket.pk, pdf(), actor=ticket.author)
    ticket.refresh_from_db()
    assert ticket.certificate_to_sign is None
    told = {"text": "Illisible.", "status": "action_required", "seen": ticket.messages.last().pk}
    assert actions.answer(ticket.pk, actor=agent, **told).certificate_to_sign


def test_what_is_closed_or_no_claim_goes_no_further(agent):
    structure, sitting = managed()
    ticket = claim(structure=structure)
    actions.close_own(ticket.pk, actor=ticket.author)
    assert refusal_of(actions.object_to_claim, ticket.pk, actor=sitting, reason="x").code == "ticket_closed"
    assert refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent).code == "ticket_closed"
    question = TicketFactory(structure=structure)
    TicketFileFactory(ticket=question, role="signed", message=question.messages.get())
    assert refusal_of(actions.carry_out_transfer, question.pk, actor=agent, reason="Vu").code == "not_a_claim"
    assert principal_of(structure) == sitting


def test_a_file_is_its_side_s_until_it_is_sent(client, agent):
    ticket = TicketFactory()
    for added_by, other in ((ticket.author, agent), (agent, ticket.author)):
        file = TicketFileFactory(ticket=ticket, added_by=added_by)
        assert added_by.has_perm("support.read_file", file)
        assert not other.has_perm("support.read_file", file)
        client.force_login(other)
        assert client.get(f"/sollicitations/fichiers/{file.pk}/").status_code == 404
        file.message = ticket.messages.get()
        assert other.has_perm("support.read_file", file)


@pytest.mark.parametrize(("days", "status"), [(89, 200), (91, 404)])
def test_a_visitor_s_link_ends(days, status, client, time_machine):
    link = follow_link(visitor())
    time_machine.move_to(timezone.now() + timedelta(days=days))
    assert client.get(link).status_code == status


def test_who_manages_is_not_warned_of_their_own_claim():
    structure, sitting = managed()
    ticket = claim(author=sitting, structure=structure)
    assert (ticket.sitting_manager, ticket.objection_until) == (None, None)
    assert not OutgoingMail.objects.filter(slug="claim_warning").exists()


def test_a_signed_page_answers_a_certificate_and_support_is_told(agent):
    ticket = claim()
    assert refusal_of(actions.deposit_signed, ticket.pk, pdf(), actor=ticket.author).code == "no_certificate"
    assert not ticket.files.exists()
    OutgoingMail.objects.all().delete()
    signed(ticket, agent)
    assert set(OutgoingMail.objects.values_list("slug", flat=True)) == {"ticket_answered", "ticket_to_support"}


def test_a_visitor_gets_no_file(agent):
    ticket = visitor()
    said = {"text": "Voici.", "status": "solved", "seen": ticket.messages.get().pk}
    assert refusal_of(actions.answer, ticket.pk, actor=agent, file=pdf(), **said).code == "no_reader"
    assert ticket.messages.count() == 1


def test_a_ticket_takes_twenty_files():
    ticket = TicketFactory()
    TicketFileFactory.create_batch(20, ticket=ticket)
    refused = refusal_of(actions.reply, ticket.pk, actor=ticket.author, text="Voici.", file=pdf())
    assert (refused.code, ticket.files.count()) == ("too_many_files", 20)


def test_what_waits_has_waited_since_the_first_message(time_machine):
    ticket = TicketFactory()
    before = ticket.waiting_since
    time_machine.move_to(timezone.now() + timedelta(hours=5))
    actions.reply(ticket.pk, actor=ticket.author, text="Et alors ?")
    ticket.refresh_from_db()
    assert ticket.waiting_since == before


def test_a_new_identifier_takes_along_what_is_open():
    old, new = StructureFactory.create_batch(2)
    opened, closed = (TicketFactory(structure=old, status=status) for status in ("action_required", "solved"))
    identifier_changing.send(None, old=old, new=new, services={}, actor=None)
    assert list(new.tickets.all()) == [opened]
    assert list(old.tickets.all()) == [closed]


@pytest.mark.parametrize("is_there", [False, True])
def test_a_form_tells_strangers_nothing(is_there):
    """The number they came with, no more: of a private structure nothing else is everybody's."""
    held = AttachmentFactory(role=Role.PRINCIPAL, structure__private=True)
    structure, user = held.structure, UserFactory()
    if is_there:
        AttachmentFactory(user=user, structure=structure, role=Role.SIMPLE)
    told = filled_in(user, "manager_gone", str(structure.pk))
    assert told["siret"] == structure.identifier
    assert told.get("legal_name") == (structure.legal_name if is_there else None)
    assert told.get("principal_name") == (str(held.user) if is_there else None)
    assert "principal_login" not in told


def test_an_anonymised_manager_leaves_no_objection():
    structure, sitting = managed()
    ticket = claim(structure=structure)
    actions.object_to_claim(ticket.pk, actor=sitting, reason="Je suis là, au 06 12 34 56 78.")
    sitting.closed_at = timezone.now()
    accounts_anonymised.send(None, users=[sitting], addresses=[sitting.email])
    ticket.refresh_from_db()
    assert (ticket.objection, ticket.objected_at is None) == ("", False)
    assert ticket.subject
