"""What somebody typed is not lost, whoever was faster; and where a form is filled in for them."""

import pytest

from attachments.models import Role
from support import actions
from support.models import ReadyAnswer, Ticket
from tests.factories import AttachmentFactory, StructureFactory, TicketFactory

pytestmark = pytest.mark.django_db


def test_a_ready_answer_comes_below_what_is_typed(client, desk):
    ticket = TicketFactory()
    ready = ReadyAnswer.objects.create(title="Reçu", text="Bien reçu.")
    path = f"/admin/support/ticket/{ticket.pk}/change/"
    typed = {"text": "Bonjour,", "status": "action_required", "seen": 1, "reponse": ready.pk, "inserer": "1"}
    form = client.post(path, typed).context["form"]
    assert form["text"].value() == "Bonjour,\n\nBien reçu."
    assert (form["status"].value(), form["seen"].value()) == ("action_required", "1")
    # One that is gone, or none: what is typed stays.
    assert client.post(path, typed | {"reponse": "9" * 30}).context["form"]["text"].value() == "Bonjour,"
    assert ticket.messages.count() == 1


def test_an_answer_to_what_a_colleague_closed_is_shown_to_be_copied(client, desk):
    ticket = TicketFactory()
    told = {"status": "in_progress", "seen": ticket.messages.last().pk}
    actions.close_own(ticket.pk, actor=ticket.author)
    page = client.post(f"/admin/support/ticket/{ticket.pk}/change/", told | {"text": "Voici comment faire."})
    assert "Voici comment faire." in page.text
    assert "pas parti" in page.text


def test_a_transfer_from_a_stale_page_is_said_to_be_done(client, desk):
    ticket = TicketFactory(claim=True, status="solved")
    page = client.get(f"/admin/support/ticket/{ticket.pk}/transfert/", follow=True)
    assert "déjà clôturée" in page.text


def test_a_second_claim_is_carried_over_to_the_open_one(client, me):
    structure = StructureFactory()
    told = {"siret": structure.identifier, "legal_name": structure.legal_name, "text": "Il est parti."}
    told |= {"target_name": "Ève Martin", "target_login": "eve@exemple.example"}
    client.post("/sollicitations/saisir/manager_gone/", told)
    again = {"text": "Elle arrive lundi.", "target_login": "martin@exemple.example"}
    page = client.post("/sollicitations/saisir/manager_gone/", told | again, follow=True)
    ticket = Ticket.objects.get()
    assert page.request["PATH_INFO"] == f"/sollicitations/{ticket.reference}/"
    typed = page.context["form"]["text"].value()
    assert typed.startswith("Elle arrive lundi.")
    assert "martin@exemple.example" in typed
    assert "Ève" not in typed
    assert ticket.messages.count() == 1


def test_a_refused_draft_still_says_what_sending_takes(client, me):
    place = AttachmentFactory(user=me, role=Role.SECONDARY)
    told = {"siret": "123", "target_login": "personne@exemple.example", "draft": "1"}
    page = client.post("/sollicitations/saisir/manager_gone/", told)
    assert page.context["form"].errors.keys() == {"siret"}
    assert page.context["form"].fields["target_name"].required
    # Whether the account is there is for the sending.
    client.post("/sollicitations/saisir/manager_gone/", told | {"siret": place.structure.identifier})
    assert Ticket.objects.get().is_draft


@pytest.mark.parametrize(("dossier", "subject"), [("123456782", "dossier n° 123"), ("x" * 9, ""), ("12", "")])
def test_a_contest_says_which_act_it_is_about(client, me, dossier, subject):
    form = client.get(f"/sollicitations/saisir/general/?dossier={dossier}").context["form"]
    assert subject in (form["subject"].value() or "").replace("\u00a0", " ")


def test_an_answer_says_what_comes_next(client, desk):
    ticket = TicketFactory()
    path = f"/admin/support/ticket/{ticket.pk}/change/"
    page = client.get(path)
    assert not page.context["form"].initial.get("status")
    sent = {"text": "Quelle structure ?", "seen": page.context["form"].initial["seen"]}
    refused = client.post(path, sent)
    assert "Choisissez ce que devient la sollicitation." in refused.text and "Quelle structure ?" in refused.text
    client.post(path, sent | {"status": "action_required"})
    ticket.refresh_from_db()
    assert ticket.status == "action_required"
