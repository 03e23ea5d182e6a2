"""Every kind of mail, as its reader gets it."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import transaction

from accounts import emails as account_mails
from accounts.models import User
from attachments import emails as attachment_mails
from attachments.models import AttachmentRequest
from notifications.models import OutgoingMail
from registration.emails import send_address_used
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

NASTY = "O'Brien <b>&</b>"


def write_every_mail():
    user = UserFactory(first_name=NASTY, last_name=NASTY)
    structure = StructureFactory(legal_name=NASTY)
    request = AttachmentRequestFactory(user=user, structure=structure, status="refused", reason=NASTY)
    for person in (user, UserFactory(pending=True)):
        request.user = person
        attachment_mails.send_request_sent(request, principal=user)
        attachment_mails.send_request_sent(request, principal=None)
        attachment_mails.send_request_to_decide(request, deciders=[user])
        attachment_mails.send_request_approved(request, attachment=AttachmentFactory())
        attachment_mails.send_request_refused(request)
        attachment_mails.send_became_principal(request)
        account_mails.send_activation(person, reference=request.reference)
        account_mails.send_reset(person)
        account_mails.send_password_changed(person)
    for state in User.State:
        user.state = state
        send_address_used(user, reference=request.reference)
    return list(OutgoingMail.objects.all())


@pytest.fixture
def mails(settings):
    settings.SITE_URL = "https://portail.exemple.fr"
    return write_every_mail()


def test_every_model_of_mail_is_tried(mails):
    folder = Path(django_settings.BASE_DIR) / "templates/emails"
    models = {path.stem for path in folder.glob("*.txt")} - {"base"}
    assert {mail.slug for mail in mails} == models


def test_subjects_name_portal_purpose_and_dossier(mails):
    for mail in mails:
        assert re.fullmatch(r"\[Portail des structures\] [^–\n]+ – Dossier n° \d{3} \d{3} \d{3}", mail.subject)


def test_every_mail_has_both_forms_says_whom_to_ask_and_about_privacy(mails):
    for mail in mails:
        for body in mail.parts():
            assert "assistance@portail.example" in body
            assert "https://portail.exemple.fr/donnees-personnelles/" in body
            assert "Dossier n°" in body


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


def test_a_mail_names_its_dossier_in_the_outbox(mails):
    references = set(AttachmentRequest.objects.values_list("reference", flat=True)) | set(
        User.objects.values_list("reference", flat=True)
    )
    assert {mail.reference for mail in mails} <= references
