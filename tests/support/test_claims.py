"""« Gestionnaire inconnu ou parti »: from the warning to the transfer, and what stands in its way."""

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from pypdf import PdfReader

from attachments.actions import transfer_principal, undo_transfers
from attachments.models import Handover, Role
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from support import actions
from support.certificates import certificate_pdf
from support.models import Category, ReadyAnswer, Ticket
from tests.at_once import at_once
from tests.documents.samples import PDF
from tests.factories import AttachmentFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db


def claim(author=None, structure=None, **answers):
    author, structure = author or UserFactory(), structure or StructureFactory()
    told = {
        "siret": structure.identifier,
        "legal_name": structure.legal_name,
        "target_name": str(author),
        "target_login": author.email,
    }
    values = {"subject": "Parti", "structure": structure, "answers": told | answers, "text": "Il est parti."}
    return actions.write_ticket(actor=author, category="manager_gone", values=values, send=True)


def managed():
    """(structure, its sitting principal manager)"""
    held = AttachmentFactory(role=Role.PRINCIPAL)
    return held.structure, held.user


def signed(ticket, agent):
    actions.issue_certificate(ticket.pk, actor=agent)
    actions.deposit_signed(ticket.pk, SimpleUploadedFile("Dupont.pdf", PDF), actor=ticket.author)
    return ticket


def refusal_of(act, *args, **kwargs):
    with pytest.raises(ActionError) as refused:
        act(*args, **kwargs)
    return refused.value


def events_on(structure):
    return [*structure.history.filter(event__startswith="claim").order_by("pk").values_list("event", flat=True)]


def principal_of(structure):
    return structure.attachments.current().principal().get().user


def test_from_the_warning_to_the_transfer(time_machine):
    structure, sitting = managed()
    agent = UserFactory(staff=True)
    ticket = claim(structure=structure)
    warned = OutgoingMail.objects.get(slug="claim_warning")
    assert (warned.to, ticket.sitting_manager) == (sitting.email, sitting)
    assert f"/sollicitations/{ticket.reference}/opposition/" in warned.parts()[0]
    signed(ticket, agent)
    time_machine.move_to(timezone.now() + timedelta(hours=73))
    done = actions.carry_out_transfer(ticket.pk, actor=agent)
    assert principal_of(structure) == ticket.author
    assert structure.attachments.current().get(user=sitting).role == Role.SIMPLE
    assert (done.status, done.transferred_at is not None) == ("solved", True)
    assert events_on(structure) == ["claim_opened", "claim_certificate", "claim_signed", "claim_carried_out"]
    entry = HistoryEntry.objects.get(event=Event.CLAIM_CARRIED_OUT)
    assert (entry.subject, entry.actor, entry.reference) == (ticket.author, agent, ticket.reference)
    assert entry.data["name"] == f"attestation-signee-{ticket.reference}.pdf"
    assert len(entry.data["values"]["sha256"]) == 64
    told = set(OutgoingMail.objects.order_by("-pk").values_list("to", flat=True)[:3])
    assert told == {sitting.email, ticket.author.email}


@pytest.mark.parametrize("objects", [False, True])
def test_before_the_delay_or_after_an_objection_support_says_why(objects):
    structure, sitting = managed()
    agent = UserFactory(staff=True)
    ticket = signed(claim(structure=structure), agent)
    if objects:
        actions.object_to_claim(ticket.pk, actor=sitting, reason="Je suis là.")
        assert refusal_of(actions.object_to_claim, ticket.pk, actor=sitting, reason="x").code == "already_objected"
        assert {"claim_objected", "claim_contested"} <= set(OutgoingMail.objects.values_list("slug", flat=True))
        contested = OutgoingMail.objects.get(slug="claim_contested")
        assert not any("Je suis" in body for body in contested.parts())
    refused = refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent)
    assert refused.code == ("objection_made" if objects else "objection_possible")
    assert principal_of(structure) == sitting
    assert events_on(structure)[-1] == "claim_tried"
    if objects:
        # Made while support had the page open: it is read first.
        unseen = refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent, reason="Arrêté de nomination reçu")
        assert (unseen.code, principal_of(structure)) == ("objection_unseen", sitting)
    terms = {"reason": "Arrêté de nomination reçu", "saw_objection": objects}
    actions.carry_out_transfer(ticket.pk, actor=agent, **terms)
    assert principal_of(structure) == ticket.author
    assert HistoryEntry.objects.get(event=Event.CLAIM_CARRIED_OUT).data["reason"] == "Arrêté de nomination reçu"


def test_who_becomes_principal_meanwhile_is_warned_in_their_turn(time_machine):
    structure, sitting = managed()
    ticket, other = claim(structure=structure), claim(structure=structure)
    actions.object_to_claim(ticket.pk, actor=sitting, reason="Je suis là.")
    time_machine.move_to(timezone.now() + timedelta(hours=73))
    heir = UserFactory()
    transfer_principal({structure.pk: heir.pk}, actor=sitting)
    ticket.refresh_from_db()
    assert (ticket.sitting_manager, ticket.objection, ticket.may_be_objected_to) == (heir, "", True)
    assert ticket.warned_at > ticket.sent_at
    assert OutgoingMail.objects.filter(slug="claim_warning", to=heir.email).count() == 2
    # One claim gets what it asks for: the other one follows, its own does not.
    agent = UserFactory(staff=True)
    actions.carry_out_transfer(signed(ticket, agent).pk, actor=agent, reason="Arrêté")
    other.refresh_from_db()
    assert (other.sitting_manager, other.is_open) == (ticket.author, True)
    transfer_principal({structure.pk: other.author.pk}, actor=ticket.author)
    other.refresh_from_db()
    ticket.refresh_from_db()
    assert (other.status, ticket.sitting_manager, ticket.override_reason) == ("solved", heir, "Arrêté")
    assert "déjà fait" in other.messages.last().text


@pytest.mark.parametrize("closed_by", ["author", "support"])
def test_the_manager_is_told_that_a_claim_is_closed_and_warned_when_it_goes_on(closed_by):
    structure, sitting = managed()
    ticket = claim(structure=structure)
    if closed_by == "author":
        actions.close_own(ticket.pk, actor=ticket.author)
    else:
        told = {"text": "Non.", "status": "solved", "seen": ticket.messages.last().pk}
        actions.answer(ticket.pk, actor=UserFactory(staff=True), **told)
    assert OutgoingMail.objects.get(slug="claim_closed").to == sitting.email
    actions.reply(ticket.pk, actor=ticket.author, text="Si.")
    assert OutgoingMail.objects.filter(slug="claim_warning", to=sitting.email).count() == 2


def test_nobody_is_warned_of_staying_and_one_claims_once():
    structure, sitting = managed()
    assert claim(structure=structure, target_login=sitting.email).sitting_manager is None
    assert not OutgoingMail.objects.filter(slug="claim_warning").exists()
    first = claim()
    refused = refusal_of(claim, author=first.author, structure=first.structure, target_name="Une Autre")
    assert refused.code == "claim_open"
    assert Ticket.objects.of(first.author).count() == 1


@pytest.mark.parametrize("objects", [True, False])
def test_undone_by_support_a_claim_is_open_again_and_needs_another_signature(objects):
    agent = UserFactory(staff=True)
    structure, sitting = managed()
    ticket = signed(claim(structure=structure), agent)
    if objects:
        actions.object_to_claim(ticket.pk, actor=sitting, reason="Je suis là.")
    actions.carry_out_transfer(ticket.pk, actor=agent, reason="Arrêté de nomination", saw_objection=True)
    told = OutgoingMail.objects.get(slug="claim_overruled", to=sitting.email)
    assert "Arrêté de nomination" in told.parts()[0]
    assert ("Vous vous étiez opposé" in told.parts()[0]) is objects
    undo_transfers([Handover.objects.get(reference=ticket.reference).pk], actor=agent)
    ticket.refresh_from_db()
    assert (ticket.status, ticket.sitting_manager, bool(ticket.objected_at)) == ("in_progress", sitting, objects)
    assert list(Ticket.objects.waiting()) == [ticket]
    assert OutgoingMail.objects.filter(slug="claim_warning", to=sitting.email).count() == 2 - objects
    assert f"{sitting} est de nouveau gestionnaire principal" in ticket.messages.last().text
    assert OutgoingMail.objects.filter(slug="ticket_answered").last().to == ticket.author.mail_address
    assert refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent, reason="x").code == "no_signed_certificate"
    actions.carry_out_transfer(signed(ticket, agent).pk, actor=agent, reason="Vu", saw_objection=True)
    assert principal_of(structure) == ticket.author


def test_an_objection_comes_in_time(time_machine):
    structure, sitting = managed()
    ticket = claim(structure=structure)
    time_machine.move_to(timezone.now() + timedelta(hours=73))
    assert refusal_of(actions.object_to_claim, ticket.pk, actor=sitting, reason="x").code == "too_late"


def test_without_anybody_to_warn_there_is_no_delay():
    ticket = claim(structure=StructureFactory())
    agent = UserFactory(staff=True)
    assert (ticket.sitting_manager, ticket.objection_until) == (None, None)
    assert refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent).code == "no_signed_certificate"
    assert events_on(ticket.structure) == ["claim_opened", "claim_tried"]
    actions.carry_out_transfer(signed(ticket, agent).pk, actor=agent)
    assert principal_of(ticket.structure) == ticket.author


def test_the_person_named_needs_an_active_account():
    agent = UserFactory(staff=True)
    ticket = signed(claim(target_login=UserFactory(activating=True).email), agent)
    assert refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent).code == "no_such_account"


def test_a_certificate_is_sent_once_until_it_is_answered():
    ticket, agent = claim(), UserFactory(staff=True)
    actions.issue_certificate(ticket.pk, actor=agent)
    assert refusal_of(actions.issue_certificate, ticket.pk, actor=agent).code == "already_issued"
    assert ticket.files.count() == 1
    ticket.refresh_from_db()
    assert ticket.status == "action_required"


def test_the_certificate_says_it_all_and_is_always_the_same():
    names = {"principal_name": "Zoé L’Œillet 猫", "principal_login": "zoe@exemple.example", "target_name": "Ève Çelik"}
    structure, sitting = managed()
    known = claim(structure=structure, target_name="Łukasz Šimůnek Őri Nguyễn", principal_name="Un Autre")
    (page,) = PdfReader(io.BytesIO(certificate_pdf(known))).pages
    text = " ".join(page.extract_text().split())
    assert "Łukasz Šimůnek Őri Nguyễn" in text
    assert sitting.email in text
    assert "Un Autre" not in text
    assert "À compléter" not in text
    ticket = claim(**names, legal_name="Collège de l’Île – Nord " + "très long " * 20)
    made = certificate_pdf(ticket)
    reader = PdfReader(io.BytesIO(made))
    (page,) = reader.pages
    text = " ".join(page.extract_text().split())
    told = ["Zoé L’Œillet ?", "zoe@exemple.example", "Ève Çelik", ticket.author.email, ticket.spaced_reference]
    told += [
        "Attestation de changement de gestionnaire principal",
        "Collège de l’Île – Nord",
        "Signature et cachet",
        "Fait à",
    ]
    assert not [words for words in told if words not in text]
    assert ticket.structure.identifier in text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
    assert certificate_pdf(Ticket.objects.get(pk=ticket.pk)) == made


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="one writer at a time")
def test_a_transfer_is_carried_out_once():
    agent = UserFactory(staff=True)
    structure, sitting = managed()
    ticket = signed(claim(structure=structure), agent)
    answers = at_once(*[lambda: actions.carry_out_transfer(ticket.pk, actor=agent, reason="Vu")] * 2)
    assert sorted(type(one).__name__ for one in answers) == ["AlreadyDone", "Ticket"]
    assert principal_of(structure) == ticket.author
    assert sorted(events_on(structure)[-2:]) == ["claim_carried_out", "claim_tried"]

    other = claim(structure=structure, author=sitting)
    crossing = at_once(
        lambda: actions.object_to_claim(other.pk, actor=ticket.author, reason="Je suis là."),
        lambda: actions.carry_out_transfer(other.pk, actor=agent, reason="Vu"),
    )
    assert isinstance(crossing[0], Ticket)
    assert crossing[1].code == "no_signed_certificate"


def test_a_claim_that_goes_on_once_carried_out_needs_another_signature():
    structure, _ = managed()
    agent = UserFactory(staff=True)
    ticket = signed(claim(structure=structure), agent)
    actions.carry_out_transfer(ticket.pk, actor=agent, reason="Vu")
    transfer_principal({structure.pk: (other := UserFactory()).pk}, actor=ticket.author)
    actions.reply(ticket.pk, actor=ticket.author, text="Encore.")
    refused = refusal_of(actions.carry_out_transfer, ticket.pk, actor=agent, reason="Vu")
    assert (refused.code, principal_of(structure)) == ("no_signed_certificate", other)
    # Deposited since.
    actions.carry_out_transfer(signed(ticket, agent).pk, actor=agent, reason="Vu", saw_objection=True)
    assert principal_of(structure) == ticket.author


def test_a_manager_is_warned_so_often_an_hour_and_nobody_is_replaced_unwarned(settings):
    settings.DECIDER_MAIL_RATE = "2/h"
    structure, sitting = managed()
    claim(structure=structure), claim(structure=structure)
    assert refusal_of(claim, structure=structure).code == "too_many_claims"
    assert OutgoingMail.objects.filter(slug="claim_warning", to=sitting.email).count() == 2
    assert Ticket.objects.count() == 2
    claim(structure=managed()[0])


def test_the_desk_of_a_claim_tells_each_fact_once_and_what_a_used_certificate_is(client):
    agent = UserFactory(staff=True)
    structure, sitting = managed()
    ticket = claim(structure=structure, principal_name=str(sitting), principal_login="autre@exemple.example")
    path = f"/admin/support/ticket/{ticket.pk}/change/"
    client.force_login(agent)
    # What the portal knows is told by it; what is said otherwise, and the number, stay.
    assert [label for label, _ in client.get(path).context["facts"]] == [
        "SIRET",
        "Adresse de connexion du gestionnaire actuel",
    ]
    actions.carry_out_transfer(signed(ticket, agent).pk, actor=agent, reason="Vu")
    undo_transfers([Handover.objects.get(reference=ticket.reference).pk], actor=agent)
    page = client.get(path)
    assert "a servi au changement qui est défait" in page.text
    assert "pas encore revenue" not in page.text
    assert "Envoyer l'attestation à signer" in " ".join(page.text.split())
    actions.issue_certificate(ticket.pk, actor=agent)
    assert "pas encore revenue" in client.get(path).text


def test_the_ready_answers_that_come_with_the_portal_are_well_written():
    answers = ReadyAnswer.objects.all()
    assert {answer.category for answer in answers} == {"", *Category.values} - {"general"}
    for answer in answers:
        answer.full_clean()
