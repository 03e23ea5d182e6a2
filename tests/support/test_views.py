"""The pages of « Sollicitations »: on the site, for visitors, and for support in the admin."""

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from attachments.models import Role
from notifications.models import OutgoingMail
from registration import captcha
from support import actions
from support.models import Message, ReadyAnswer, Ticket
from tests.documents.samples import PDF
from tests.factories import AttachmentFactory, DirectoryEntryFactory, StructureFactory, TicketFactory, UserFactory
from tests.factories import siret_number as siret

pytestmark = pytest.mark.django_db


def test_the_four_tabs_count_and_show_one_s_own(client, me):
    for status, count in (("draft", 2), ("in_progress", 1), ("action_required", 3)):
        TicketFactory.create_batch(count, author=me, status=status)
    TicketFactory(subject="D'une autre personne")
    page = client.get("/sollicitations/")
    assert [(name, count, current) for name, _, count, current in page.context["tabs"]] == [
        ("actions", 3, True),
        ("cours", 1, False),
        ("cloturees", 0, False),
        ("brouillons", 2, False),
    ]
    assert "D'une autre" not in page.text
    assert len(client.get("/sollicitations/?vue=brouillons").context["page"]) == 2
    assert client.get("/sollicitations/?vue=n-importe").status_code == 200


def test_the_list_costs_the_same_for_many(client, me):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            client.get("/sollicitations/?vue=cours")
        return len(queries)

    TicketFactory.create_batch(2, author=me)
    cost()
    before = cost()
    TicketFactory.create_batch(15, author=me)
    assert cost() == before


def test_a_thread_costs_the_same_for_many(client, me):
    ticket = TicketFactory(author=me)
    client.get("/sollicitations/")
    costs = []
    for round_ in range(2):
        for number in range(2):
            file = SimpleUploadedFile("a.pdf", PDF)
            actions.reply(ticket.pk, actor=me, text=f"{round_} {number}", file=file)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/sollicitations/{ticket.reference}/")
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_a_draft_takes_what_is_there_and_sending_wants_it_all(client, me):
    page = client.post("/sollicitations/saisir/manager_gone/", {"siret": "123", "draft": "1"})
    assert (page.status_code, Ticket.objects.count()) == (422, 0)
    page = client.post("/sollicitations/saisir/manager_gone/", {"text": "Il est parti", "draft": "1"}, follow=True)
    draft = Ticket.objects.get()
    assert (draft.status, draft.answers) == ("draft", {"text": "Il est parti"})
    assert "Il est parti" in page.text
    page = client.post(f"/sollicitations/{draft.reference}/", {"text": "Il est parti"})
    assert page.status_code == 422
    assert {"siret", "legal_name", "target_name", "target_login"} <= page.context["form"].errors.keys()
    client.post(f"/sollicitations/{draft.reference}/supprimer/")
    assert not Ticket.objects.exists()


def claimed(structure, **changed):
    told = {"siret": structure.identifier, "legal_name": "Collège", "text": "Il est parti."}
    return told | {"target_name": "Ève Martin", "target_login": "eve@exemple.example"} | changed


@pytest.mark.parametrize("role", [None, Role.SIMPLE, Role.SECONDARY])
def test_what_is_filled_in_and_told_is_what_one_may_know(client, me, role):
    principal = AttachmentFactory(role=Role.PRINCIPAL)
    structure = principal.structure
    if role:
        AttachmentFactory(user=me, structure=structure, role=role)
    page = client.get(f"/sollicitations/saisir/manager_gone/?structure={structure.pk}")
    initial = page.context["form"].initial
    assert initial["siret"] == structure.identifier
    assert ("principal_name" in initial) is (role is not None)
    assert ("principal_login" in initial) is (role == Role.SECONDARY)
    # Whether somebody has an account, only who attaches people finds out.
    page = client.post("/sollicitations/saisir/manager_gone/", claimed(structure))
    assert page.status_code == (422 if role == Role.SECONDARY else 302)


@pytest.mark.parametrize("structure", ["x", "9" * 30, "987654321", "²"])
def test_a_structure_that_is_none_fills_nothing_in(client, me, structure):
    page = client.get(f"/sollicitations/saisir/manager_gone/?structure={structure}")
    assert "siret" not in page.context["form"].initial


def test_each_category_judges_its_siret(client, me):
    unknown, known, private = siret(987_001), StructureFactory(), StructureFactory(private=True)
    entry = DirectoryEntryFactory()
    told = {"legal_name": "Collège", "text": "Bonjour", "legal_status": "Collège", "address": "1 rue Haute"}
    cases = [
        ("manager_gone", unknown, False),
        ("no_principal", known.identifier, True),
        ("no_principal", entry.identifier, True),
        ("no_principal", private.identifier, False),
        ("no_principal", unknown, False),
        ("public_structure", known.identifier, False),
        ("public_structure", unknown, True),
        ("public_structure", "20003035100016", False),
    ]
    for category, number, taken in cases:
        page = client.post(f"/sollicitations/saisir/{category}/", told | {"siret": number})
        assert (page.status_code == 302) is taken, (category, number)
    assert Ticket.objects.get(category="public_structure").facts[0] == (
        "SIRET",
        f"{unknown[:3]} {unknown[3:6]} {unknown[6:9]} {unknown[9:]}",
    )
    assert client.get("/sollicitations/saisir/reactivation/").status_code == 404


def test_a_file_is_for_its_author_and_support_once_sent(client, me):
    ticket = TicketFactory(author=me)
    client.post(f"/sollicitations/{ticket.reference}/", {"text": "Voici", "file": SimpleUploadedFile("a.pdf", PDF)})
    file = ticket.files.get()
    path = f"/sollicitations/fichiers/{file.pk}/"
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Disposition"]) == (200, 'attachment; filename="a.pdf"')
    assert b"".join(answer.streaming_content) == PDF
    for user, status in ((UserFactory(), 404), (UserFactory(staff=True), 200)):
        client.force_login(user)
        answer = client.get(path)
        assert (answer.status_code, len(answer.getvalue()) == len(PDF)) == (status, status == 200)


def test_only_the_sitting_manager_objects(client, me):
    ticket = TicketFactory(claim=True, sitting_manager=me)
    ticket.objection_until = timezone.now() + timedelta(hours=1)
    ticket.save()
    path = f"/sollicitations/{ticket.reference}/opposition/"
    assert "Il n’est plus temps" not in client.get(path).text
    assert client.post(path, {"reason": ""}).status_code == 422
    client.post(path, {"reason": "Je suis là."})
    ticket.refresh_from_db()
    assert ticket.objection == "Je suis là."
    client.force_login(ticket.author)
    assert client.get(path).status_code == 404


def test_the_manager_a_claim_would_replace_sees_it_wherever_they_look_then_what_became_of_it(client, me):
    structure = AttachmentFactory(user=me, role=Role.PRINCIPAL).structure
    author, agent = UserFactory(), UserFactory(staff=True)
    values = {"subject": "Parti", "structure": structure, "text": "Il est parti."}
    values["answers"] = {"target_name": str(author), "target_login": author.email}
    ticket = actions.write_ticket(actor=author, category="manager_gone", values=values, send=True)
    path = f"/sollicitations/{ticket.reference}/opposition/"
    pages = ("/", "/sollicitations/", f"/structures/{structure.pk}/")
    assert all(path in client.get(page).text for page in pages)
    actions.object_to_claim(ticket.pk, actor=me, reason="Je suis là.")
    actions.issue_certificate(ticket.pk, actor=agent)
    client.force_login(author)
    assert "attend votre réponse" in client.get("/").text
    # Two forms with a file each, and no id twice.
    ids = re.findall(r' id="([^"]+)"', client.get(f"/sollicitations/{ticket.reference}/").text)
    assert "signed_file" in ids and len(ids) == len(set(ids))
    actions.deposit_signed(ticket.pk, SimpleUploadedFile("a.pdf", PDF), actor=author)
    actions.carry_out_transfer(ticket.pk, actor=agent, reason="Arrêté de nomination", saw_objection=True)
    client.force_login(me)
    assert not any(path in client.get(page).text for page in pages)
    page = client.get(path).text
    assert "Arrêté de nomination" in page
    assert "l’examine" not in page


def test_claims_without_sense_are_refused_in_words(client, me):
    principal = AttachmentFactory(role=Role.PRINCIPAL, structure__legal_name="Collège René Cassin")
    structure = principal.structure
    path, told = "/sollicitations/saisir/manager_gone/", claimed(structure)
    for changed, field in (
        ({"legal_name": "COLLEGE DE CHAMPOULANT"}, "legal_name"),
        ({"target_login": "a@exemple.example", "principal_login": "A@exemple.example"}, "target_login"),
    ):
        assert field in client.post(path, told | changed).context["form"].errors
    # Who manages is told to colleagues only.
    sitting = told | {"target_login": principal.user.email}
    assert client.post(path, sitting).status_code == 302
    AttachmentFactory(user=me, structure=structure)
    assert "target_login" in client.post(path, sitting).context["form"].errors
    going = Ticket.objects.get()
    assert client.post(path, told | {"text": "Encore"}).url == f"/sollicitations/{going.reference}/"
    page = client.post("/sollicitations/saisir/no_principal/", {"siret": structure.identifier})
    assert "siret" in page.context["form"].errors


def test_a_visitor_is_told_the_same_whoever_has_the_address(client):
    answers = []
    for email in (UserFactory(closed=True).email, "personne@exemple.example"):
        key = captcha.fresh().key
        told = {"name": "Léon", "email": email, "text": "Rouvrez", "captcha_key": key}
        wrong = client.post("/sollicitations/reactivation/", told | {"captcha_answer": "?"})
        assert (wrong.status_code, Ticket.objects.filter(visitor_email=email).count()) == (422, 0)
        told["captcha_key"] = key = captcha.fresh().key
        page = client.post(
            "/sollicitations/reactivation/", told | {"captcha_answer": captcha.challenge(key)[1]}, follow=True
        )
        answers.append(page.status_code)
        assert "Votre sollicitation est envoyée" in page.text
    assert answers == [200, 200]
    link = OutgoingMail.objects.filter(to="personne@exemple.example").first().parts()[0]
    path = next(word for word in link.split() if "/suivi/" in word).partition("8000")[2]
    assert "Rouvrez" in client.get(path).text
    client.post(path, {"text": "Encore"})
    assert Ticket.objects.get(visitor_email="personne@exemple.example").is_confirmed
    assert client.get("/sollicitations/suivi/faux/").status_code == 404


def test_support_answers_with_a_ready_answer_in_the_admin(client, desk):
    ticket = TicketFactory()
    ready = ReadyAnswer.objects.create(title="Reçu", text="Bien reçu.")
    path = f"/admin/support/ticket/{ticket.pk}/change/"
    typed = {"text": "Bonjour,", "status": "in_progress", "reponse": ready.pk, "inserer": "1"}
    page = client.post(path, typed)
    assert page.context["form"].initial["text"] == "Bonjour,\n\nBien reçu."
    # Those that are put in come with the portal: none is another category's.
    assert {answer.category for answer in page.context["ready"]} == {""}
    assert len(page.context["ready"]) > 1
    seen = client.get(path).context["form"].initial["seen"]
    posted = {"text": "Bien reçu.", "status": "action_required", "seen": seen}
    actions.reply(ticket.pk, actor=ticket.author, text="Encore un mot")
    late = client.post(path, posted)
    assert (late.status_code, "relisez" in late.text, "Encore un mot" in late.text) == (422, True, True)
    again = posted | {"seen": late.context["form"].data["seen"]}
    assert client.post(path, again).url == "/admin/support/ticket/"
    ticket.refresh_from_db()
    assert (ticket.status, ticket.assignee) == ("action_required", desk)


def test_support_reopens_the_account_that_a_visitor_asks_back(client, desk):
    closed = UserFactory(closed=True)
    told = {"visitor_email": closed.email, "visitor_name": "Léon", "author": None}
    ticket, other = TicketFactory(category="reactivation", **told), TicketFactory()
    assert "Rouvrir le compte" in client.get(f"/admin/support/ticket/{ticket.pk}/change/").text
    client.post(f"/admin/support/ticket/{ticket.pk}/rouvrir/")
    closed.refresh_from_db()
    assert closed.state == "activating"
    assert client.post(f"/admin/support/ticket/{other.pk}/rouvrir/").status_code == 404


@pytest.mark.parametrize("status", ["new", "draft", "in_progress"])
def test_what_was_typed_before_the_session_ended_comes_back_without_the_file(client, me, status):
    path, file = "/sollicitations/saisir/general/", SimpleUploadedFile("a.pdf", PDF)
    if status != "new":
        path = f"/sollicitations/{TicketFactory(author=me, status=status).reference}/"
    Session.objects.update(expire_date=timezone.now() - timedelta(minutes=1))
    typed = {"subject": "Facture", "text": "Un long message", "file": file}
    page = client.post(path, typed, headers={"Referer": f"http://testserver{path}"})
    me.set_password("bonjour-portail")
    me.save()
    sent = {"username": me.email, "password": "bonjour-portail", "kept": page.context["kept"]}
    client.post(f"/connexion/?next={path}", sent)
    assert "Un long message" in client.get(path).text
    assert not Message.objects.filter(text="Un long message").exists()


def test_support_filters_takes_and_sees_no_draft(client, desk):
    TicketFactory(status="draft", subject="À moi seul")
    ticket = TicketFactory()
    assert "À moi seul" not in client.get("/admin/support/ticket/").text
    for query, count in (("waiting=2", 0), ("followed=me", 0), ("followed=nobody", 1), ("category__exact=general", 1)):
        assert len(client.get(f"/admin/support/ticket/?{query}").context["cl"].result_list) == count, query
    client.post(f"/admin/support/ticket/{ticket.pk}/prendre/")
    assert len(client.get("/admin/support/ticket/?followed=me").context["cl"].result_list) == 1


def test_support_carries_a_transfer_out_from_its_page(client, desk):
    ticket = TicketFactory(claim=True)
    client.post(f"/admin/support/ticket/{ticket.pk}/attestation/")
    actions.deposit_signed(ticket.pk, SimpleUploadedFile("scan.png.pdf", PDF), actor=ticket.author)
    path = f"/admin/support/ticket/{ticket.pk}/transfert/"
    assert str(ticket.author) in client.get(path).text
    client.post(path)
    assert ticket.structure.attachments.current().principal().get().user == ticket.author
    assert client.get(path).status_code == 302


def test_support_keeps_its_ready_answers(client, desk):
    client.post("/admin/support/readyanswer/add/", {"title": "Reçu", "text": "Bien reçu.", "category": ""})
    ready = ReadyAnswer.objects.get(title="Reçu")
    client.post(f"/admin/support/readyanswer/{ready.pk}/change/", {"title": "Reçu", "text": "Merci.", "category": ""})
    ready.refresh_from_db()
    assert ready.text == "Merci."
    client.post(f"/admin/support/readyanswer/{ready.pk}/delete/", {"post": "yes"})
    assert not ReadyAnswer.objects.filter(title="Reçu").exists()


@pytest.mark.parametrize("step", ["prendre", "attestation"])
@pytest.mark.parametrize("key", [999_999, 10**30])
def test_a_ticket_that_is_not_there_is_said(client, desk, step, key):
    answer = client.post(f"/admin/support/ticket/{key}/{step}/")
    assert answer.status_code == 302


def test_all_that_one_sends_counts_against_one_rate(client, me, settings):
    settings.TICKET_RATE = "2/h"
    ticket = TicketFactory(author=me, claim=True)
    page = f"/sollicitations/{ticket.reference}/"
    for number in range(2):
        assert client.post(page, {"text": f"Encore {number}"}).status_code == 302
    said = client.post(page, {"text": "Une fois de plus"})
    assert (said.status_code, "réessayez dans une heure" in said.text, "Une fois de plus" in said.text) == (
        422,
        True,
        True,
    )
    assert "réessayez dans une heure" in client.post(f"{page}clore/", follow=True).text
    said = client.post(f"{page}attestation/", {"file": SimpleUploadedFile("a.pdf", PDF)})
    assert (said.status_code, "réessayez dans une heure" in said.text) == (422, True)
    ticket.refresh_from_db()
    assert (ticket.is_open, ticket.messages.count()) == (True, 3)
