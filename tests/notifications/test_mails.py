"""Every kind of mail, as its reader gets it."""

import email
import email.policy
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape

from accounts import emails as account_mails
from accounts.models import User
from attachments import emails as attachment_mails
from attachments.models import AttachmentRequest, Deputy, Handover
from notifications.models import OutgoingMail
from registration.emails import send_address_used, send_not_registered
from spaces import emails as space_mails
from spaces.models import Space, Subscription
from structures.models import Referent
from support import emails as ticket_mails
from support.models import Message, Ticket
from tests.conftest import as_typed
from tests.deferred import work_off_everything
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    SubscriptionFactory,
    TicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

NOT_GREETED = ("address_used", "address_taken", "contact_confirmation", "address_confirmation")
# About the portal itself: no « Dossier n° » to quote.
ABOUT_NOBODY = ("invariants_broken",)
NASTY = "O'Brien <b>&</b>"
HEADERS = {
    "Content-Type",
    "MIME-Version",
    "Subject",
    "From",
    "To",
    "Date",
    "Message-ID",
    "Auto-Submitted",
}


def ending_place(person):
    return AttachmentFactory(user=person, ends_on=timezone.localdate() + timedelta(days=9))


def write_mails_of_spaces(user, person, structure):
    space = Space.objects.first()
    row = SubscriptionFactory(user=person, structure=structure, space=space, comment=NASTY)
    for decider in (user, None):
        space_mails.send_subscription_asked(person, structure, [row], to=user.email, decider=decider)
    for rows in (
        [row],
        [row, SubscriptionFactory(user=person, structure=structure, space=space, access="modification")],
    ):
        for status in ("approved", "refused"):
            row.status = status
            space_mails.send_subscriptions_decided(rows, by=None, comment=NASTY)
        space_mails.send_subscriptions_ended(rows, by=None, reason=NASTY)


def write_ticket_mails(structure):
    author = UserFactory(first_name=NASTY)
    tickets = [
        TicketFactory(author=author, structure=structure, subject=NASTY, sitting_manager=author),
        TicketFactory(author=author, category="manager_gone", structure=structure, objection=NASTY, answers={}),
        TicketFactory(author=None, visitor_email="visiteur@exemple.example", visitor_name="Léon"),
    ]
    for ticket in tickets:
        ticket.sitting_manager, ticket.objection_until = author, timezone.now()
        message = Message.objects.create(ticket=ticket, text=NASTY)
        ticket_mails.send_ticket_received(ticket)
        for again, reopened in ((False, False), (True, False), (True, True)):
            ticket_mails.send_ticket_to_support(ticket, message, again=again, reopened=reopened)
        ticket_mails.send_ticket_closed_to_support(ticket)
        for status in ("in_progress", "action_required", "solved"):
            ticket.status = status
            ticket_mails.send_ticket_answered(ticket, message)
        if ticket.structure:
            ticket_mails.send_claim_warning(ticket)
            ticket_mails.send_claim_objected(ticket)
            ticket_mails.send_claim_closed(ticket)
            for ticket.objected_at in (None, timezone.now()):
                ticket.override_reason = NASTY
                ticket_mails.send_claim_overruled(ticket)


def write_every_mail():
    addresses = {
        "requested_email": "nouvelle@exemple.example",
        "previous_email": "ancienne@exemple.example",
        "email_changed_at": timezone.now(),
    }
    user = UserFactory(first_name=NASTY, last_name=NASTY, **addresses)
    structure = StructureFactory(legal_name=NASTY)
    request = AttachmentRequestFactory(user=user, structure=structure, status="refused", reason=NASTY)
    for person in (user, UserFactory(pending=True, **addresses)):
        request.user = person
        attachment_mails.send_request_sent(request, principal=user)
        attachment_mails.send_request_sent(request, principal=None)
        attachment_mails.send_request_sent(request, principal=None, by_managers=True)
        attachment_mails.send_request_to_decide(request, deciders=[user])
        attachment_mails.send_requests_to_support([request])
        attachment_mails.send_requests_with_support([request])
        attachment_mails.send_invariants_broken()
        request.attachment = AttachmentFactory()
        attachment_mails.send_requests_approved([request])
        attachment_mails.send_requests_refused([request])
        attachment_mails.send_became_principal(request)
        attachment_mails.send_first_to_activate(request)
        attachment_mails.send_role_lost(AttachmentFactory(user=person, structure=structure))
        attachment_mails.send_request_withdrawn(request, to=user.email, decider=user)
        attachment_mails.send_request_withdrawn(request, to="assistance@portail.example")
        left = AttachmentFactory.create_batch(2, user=person)
        attachment_mails.send_attachments_ended(person, left)
        attachment_mails.send_attachments_ended(person, left[:1], by_self=True)
        attachment_mails.send_attachments_ended(person, left[:1], reason=NASTY)
        services = [ServiceFactory(structure=left[0].structure, label=NASTY)]
        left[1].whole_structure = False
        left[1].services.set(services)
        attachment_mails.send_attached({person: left}, by=user, comment=NASTY)
        attachment_mails.send_place_changed(left[1], before=[("Niveau", "x")], by=user, rights=["Décider"])
        account_mails.send_activation(
            person, reference=request.reference, invited_by=user, facts=attachment_mails.given(left[0])
        )
        attachment_mails.send_attachments_ended(person, [ending := ending_place(person)], by_dates=True)
        for attachers in ([], [user, UserFactory()]):
            attachment_mails.send_places_ending([ending], {manager: [ending] for manager in attachers})
        attachment_mails.send_attachments_ending(structure, [ending], manager=person)
        attachment_mails.send_attachments_ending(structure, [ending] * 22, manager=person)
        attachment_mails.send_attachments_extended([ending, left[0]])
        held = Deputy.objects.create(
            structure=StructureFactory(legal_name=NASTY), deputy=user, named_by=user, ends_on="2099-01-01"
        )
        held.refresh_from_db()
        for reader in (user, person):
            attachment_mails.send_deputy_named(held, reader=reader, principal=person)
            attachment_mails.send_deputies_ended([(held, reader)], cause="dates_over")
        passing = Handover(
            structure=held.structure, outgoing=user, successor=person, named_by=user, reference=user.reference
        )
        passing.done_at = timezone.now()
        for actor in (user, None):
            attachment_mails.send_transferred([passing], actor=actor)
            attachment_mails.send_transferred([passing] * 22, actor=actor)
            attachment_mails.send_handovers_planned([passing], actor=user)
            attachment_mails.send_transfers_undone([passing], actor=actor)
            attachment_mails.send_handovers_ended([passing], actor=actor, reason="" if actor else "successor_unable")
        write_mails_of_spaces(user, person, structure)
        account_mails.send_activation(person, reference=request.reference)
        account_mails.send_reset(person)
        account_mails.send_password_changed(person)
        account_mails.send_contact_confirmation(person)
        with override_settings(PASSWORD_EXPIRES_DAYS=90):
            account_mails.send_password_expires(person)
        account_mails.send_login_code(person, code="123456", valid_until=timezone.now())
        for change in account_mails.CHANGES:
            account_mails.send_second_factor_changed(person, change=change, name="Clé d'accès", count=9)
        account_mails.send_wrong_codes(person)
        account_mails.send_address_requested(person)
        account_mails.send_address_link(person)
        account_mails.send_address_taken(person)
        account_mails.send_address_changed(person)
        account_mails.send_identity_linked(person)
        account_mails.send_identity_unlinked(person)
        account_mails.send_secret_question_changed(person)
        account_mails.send_contact_changed(person, old="bureau@exemple.example")
        account_mails.send_account_reactivated(person)
        account_mails.send_reactivation_over(person)
        account_mails.send_kept_by_pigp(person)
        account_mails.send_accounts_not_activated([person])
    deactivated = {"state": "disabled", "deactivated_at": timezone.now()}
    referent = Referent.objects.create(administration=NASTY, name=NASTY, email="yann@exemple.example")
    for pigp in (False, True):
        person = UserFactory(first_name=NASTY, identity_from_pigp=pigp, **deactivated)
        AttachmentFactory(user=person, structure__uses_pigp=pigp, structure__referent=referent if pigp else None)
        account_mails.send_account_deactivated(person)
        send_address_used(person, reference=request.reference)
        account_mails.send_reactivation(person)
        account_mails.send_kept_by_pigp(person)
        account_mails.send_accounts_closing([person])
        account_mails.send_accounts_closed([person])
    for state in User.State:
        user.state = state
        send_address_used(user, reference=request.reference)
    write_ticket_mails(structure)
    send_not_registered(user.email, identifier=structure.full_identifier, reference=request.reference)
    return list(OutgoingMail.objects.select_related("user"))


@pytest.fixture(scope="module")
def mails(django_db_setup, django_db_blocker):
    """All of them, which leave nothing in the database."""
    written = override_settings(SITE_URL="https://portail.exemple.fr")
    with django_db_blocker.unblock(), written, transaction.atomic():
        every = write_every_mail()
        transaction.set_rollback(True)
    return every


def test_every_model_of_mail_is_tried(mails):
    folder = Path(django_settings.BASE_DIR) / "templates/emails"
    models = {path.stem for path in folder.glob("*.txt")} - {"base", "structure", "handovers"}
    assert {mail.slug for mail in mails} == models


def test_subjects_name_portal_purpose_and_dossier(mails):
    for mail in mails:
        if mail.slug in ABOUT_NOBODY:
            continue
        assert re.fullmatch(r"\[Portail des structures\] [^–\n]+ – Dossier n° \d{3} \d{3} \d{3}", mail.subject)


def test_every_mail_has_both_forms_says_whom_to_ask_and_about_privacy(mails):
    for mail in mails:
        for body in mail.parts():
            assert "assistance@portail.example" in body
            assert "https://portail.exemple.fr/donnees-personnelles/" in body
            assert "Dossier n°" in body or mail.slug in ABOUT_NOBODY


def test_links_are_absolute_and_the_same_in_both_forms(mails):
    for mail in mails:
        text, html = mail.parts()
        links = set(re.findall(r"https?://[^\s\"<]+", text))
        assert {link.rstrip("/") for link in re.findall(r'href="(https?://[^"]+)"', html)} <= {
            x.rstrip("/") for x in links
        }
        assert all(link.startswith("https://portail.exemple.fr") for link in links)


def test_what_people_typed_is_escaped_in_html_and_plain_in_text(mails):
    for mail in mails:
        text, html = mail.parts()
        assert "<b>" not in html
        assert "&lt;" not in text
        assert "&#x27;" not in text


def test_html_loads_nothing_from_elsewhere_and_fits_a_phone(mails):
    for mail in mails:
        _, html = mail.parts()
        assert not re.search(r"<img|<link|<script|url\(", html)
        assert "max-width:600px" in html
        assert "width=device-width" in html


@pytest.mark.parametrize("name", ["Anne\nBcc: x@mal.example", "Anne\r\nX: y"])
def test_a_line_break_in_a_name_adds_no_header(name):
    user = UserFactory(first_name=name)
    with transaction.atomic():
        attachment_mails.send_request_to_decide(AttachmentRequestFactory(user=user), deciders=[user])
    message = bytes(OutgoingMail.objects.get().message)
    head = message.partition(b"\r\n\r\n")[0]
    assert b"Bcc" not in head
    assert b"X: y" not in head


def test_a_mail_names_its_dossier_in_the_outbox():
    mails = write_every_mail()
    references = set(AttachmentRequest.objects.values_list("reference", flat=True)) | set(
        User.objects.values_list("reference", flat=True)
    )
    references |= set(Subscription.objects.values_list("reference", flat=True))
    references |= set(Ticket.objects.values_list("reference", flat=True))
    assert {mail.reference for mail in mails if mail.slug not in ABOUT_NOBODY} <= references


def test_what_people_typed_is_all_there_in_the_text(mails):
    for mail in mails:
        text, html = mail.parts()
        greeted = mail.user and mail.user.was_ever_active and mail.slug not in NOT_GREETED
        if greeted and mail.user.first_name == NASTY:
            assert NASTY in as_typed(text)
            assert escape(NASTY) in as_typed(html).replace("O'B", "O&#x27;B")


def test_mails_are_french_pages_with_their_purpose_as_heading(mails):
    for mail in mails:
        text, html = mail.parts()
        purpose = re.search(r"\] (.+?)(?: – |$)", mail.subject).group(1)
        assert '<html lang="fr">' in html
        assert html.count("<h1") == 1
        assert as_typed(text.splitlines()[0]) == purpose
        assert "Bonjour" in text
        assert not re.search(r"{[{%]|None\b", text + html)


def test_mails_name_the_portal_in_subject_text_and_html(settings):
    settings.PORTAL_NAME = "Guichet de l'Ouest"
    for mail in write_every_mail():
        assert mail.subject.startswith("[Guichet de l'Ouest] ")
        for body in mail.parts():
            assert "Guichet de l'Ouest" in as_typed(body)


def test_links_come_from_the_settings_never_from_the_request(client, settings):
    settings.SITE_URL = "https://portail.exemple.fr"
    settings.ALLOWED_HOSTS = ["*"]
    client.post("/mot-de-passe/", {"email": UserFactory().email}, headers={"Host": "mal.example"})
    work_off_everything()
    text, html = OutgoingMail.objects.get().parts()
    assert "https://portail.exemple.fr/mot-de-passe/" in text
    assert "mal.example" not in text + html


@pytest.mark.parametrize(
    ("slug", "path"),
    [
        ("activation", r"/activation/[^/\s]{20,}/"),
        ("password_reset", r"/mot-de-passe/[^/\s]{20,}/"),
        ("password_changed", "/mot-de-passe/"),
        ("request_to_decide", r"/demandes/\d{9}/"),
    ],
)
def test_each_mail_leads_where_it_says(mails, slug, path):
    bodies = [body for mail in mails if mail.slug == slug for body in mail.parts()]
    assert bodies
    for body in bodies:
        assert re.search(rf"https://portail\.exemple\.fr{path}", body)


@pytest.mark.parametrize("slug", ["activation", "password_reset"])
def test_mails_with_a_link_tell_until_when_it_is_valid(mails, slug):
    days = {"activation": 3, "password_reset": 0}[slug]
    until = date_format(timezone.localtime() + timedelta(days=days, hours=days == 0), "l j F Y")
    for body in next(mail for mail in mails if mail.slug == slug).parts():
        assert until in as_typed(body)


@pytest.mark.parametrize(
    ("nature", "undisclosed", "activated", "naming"),
    [
        ("private", False, False, set()),
        ("private", False, True, {"sent", "refused", "approved", "principal", "decide"}),
        ("private", True, True, {"approved", "principal", "decide"}),
        ("public", False, False, {"sent", "refused", "approved", "principal", "decide"}),
        ("public", True, False, {"approved", "principal", "decide"}),
    ],
)
def test_which_mails_name_the_structure_and_which_give_its_identifier_only(nature, undisclosed, activated, naming):
    """A private one's name may be a stranger's words, until the reader has shown that the mailbox is theirs."""
    person = UserFactory() if activated else UserFactory(activating=True)
    structure = StructureFactory(nature=nature, undisclosed=undisclosed, legal_name="Nom de la structure")
    written = {"reason": "Motif", "comment": "Ce qu'on écrit"}
    request = AttachmentRequestFactory(user=person, structure=structure, status="refused", **written)
    attachment_mails.send_request_sent(request, principal=None)
    request.attachment = AttachmentFactory()
    attachment_mails.send_requests_refused([request])
    attachment_mails.send_requests_approved([request])
    attachment_mails.send_became_principal(request)
    attachment_mails.send_request_to_decide(request, deciders=[person])
    for mail in OutgoingMail.objects.all():
        for body in mail.parts():
            assert structure.full_identifier in body
            assert ("Nom de la structure" in body) is (mail.slug.split("_")[-1] in naming), mail.slug
            assert ("on écrit" in body) is (activated and mail.slug == "request_to_decide"), mail.slug


@pytest.mark.parametrize("field", ["first_name", "last_name"])
@pytest.mark.parametrize("typed", ["Anne\r\nBcc: x@mal.example", "Anne\n\n<b>x</b>", "Anne\x0bX: y"])
def test_no_name_adds_a_header_or_a_body(field, typed):
    user = UserFactory(**{field: typed})
    request = AttachmentRequestFactory(user=user, structure__legal_name=typed)
    attachment_mails.send_request_sent(request, principal=user)
    attachment_mails.send_request_to_decide(request, deciders=[user])
    for mail in OutgoingMail.objects.all():
        parsed = email.message_from_bytes(bytes(mail.message), policy=email.policy.default)
        assert set(parsed.keys()) == HEADERS
        assert parsed["To"] == user.email
        assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


def test_mails_are_stamped_for_machines(mails):
    parsed = [email.message_from_bytes(bytes(mail.message), policy=email.policy.default) for mail in mails]
    assert len({message["Message-ID"] for message in parsed}) == len(parsed)
    for message in parsed:
        assert set(message.keys()) == HEADERS
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["From"] == "Portail des structures <ne-pas-repondre@portail.example>"


def test_mails_are_set_as_french_is(mails):
    for mail in mails:
        parsed = email.message_from_bytes(bytes(mail.message), policy=email.policy.default)
        text, html = mail.parts()
        for shown in (text, re.sub(r"<[^>]*>", "|", html), parsed["Subject"]):
            assert not re.search(r" [:;?!»]|« ", shown), mail.slug
            assert not re.search(r"[a-zé]'[a-zé]", shown), mail.slug
        assert "\N{NO-BREAK SPACE}" not in "".join(re.findall(r'href="([^"]*)"', html))


def test_a_request_to_decide_says_who_asks_as_its_title(mails):
    html = next(mail for mail in mails if mail.slug == "request_to_decide").parts()[1]
    assert "demande à rejoindre votre structure</h1>" in html
