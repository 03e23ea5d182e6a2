from email.message import EmailMessage
from email.policy import SMTP

import pytest
from django.urls import reverse

from notifications.models import OutgoingMail

pytestmark = pytest.mark.django_db

LINK = "http://localhost:8000/activation/jeton-1_a/"


def make_mail(to="claire@champoulant.example", subject="Activez votre compte"):
    message = EmailMessage(policy=SMTP)
    message.set_content(f"Bonjour,\n\nOuvrez {LINK}\n")
    message.add_alternative(
        f'<html><head></head><body style="margin:0"><a href="{LINK}">Activer</a></body></html>', subtype="html"
    )
    return OutgoingMail.objects.create(slug="activation", to=to, subject=subject, message=message.as_bytes())


def test_the_mailbox_lists_every_mail_to_a_visitor(client):
    mail = make_mail()
    page = client.get(reverse("demo:mailbox")).content.decode()
    assert reverse("demo:mail", args=[mail.pk]) in page
    assert mail.to in page.replace("<wbr>", "")
    assert "À envoyer" in page


def test_the_mailbox_filters_by_recipient(client):
    make_mail(to="claire@champoulant.example", subject="Pour Claire")
    make_mail(to="youssef@champoulant.example", subject="Pour Youssef")
    page = client.get(reverse("demo:mailbox"), {"a": " CLAIRE"}).content.decode()
    assert "Pour Claire" in page
    assert "Pour Youssef" not in page


@pytest.mark.parametrize("typed", ["<script>", "%", "x" * 5000])
def test_the_filter_takes_anything(client, typed):
    answer = client.get(reverse("demo:mailbox"), {"a": typed, "page": typed})
    assert answer.status_code == 200
    assert b"<script>" not in answer.content


def test_the_newest_fifty_come_first(client):
    oldest = make_mail(subject="Le plus ancien")
    for _ in range(50):
        make_mail()
    assert oldest.subject not in client.get(reverse("demo:mailbox")).content.decode()
    assert oldest.subject in client.get(reverse("demo:mailbox"), {"page": 2}).content.decode()


def test_the_mailbox_asks_as_much_for_2_mails_as_for_50(client, django_assert_num_queries):
    for already, wanted in ((0, 2), (2, 50)):
        for _ in range(wanted - already):
            make_mail()
        with django_assert_num_queries(2):
            client.get(reverse("demo:mailbox"))


def test_a_mail_shows_its_frame_and_its_text_with_links(client):
    mail = make_mail()
    answer = client.get(reverse("demo:mail", args=[mail.pk]))
    page = answer.content.decode()
    assert f'href="{LINK}"' in page
    assert f'src="{reverse("demo:mail_html", args=[mail.pk])}"' in page
    assert "frame-src 'self'" in answer["Content-Security-Policy"]


def test_the_html_part_opens_its_links_in_the_whole_window(client):
    mail = make_mail()
    answer = client.get(reverse("demo:mail_html", args=[mail.pk]))
    assert '<head><base target="_top">' in answer.content.decode()
    assert f'href="{LINK}"' in answer.content.decode()


def test_the_html_part_may_be_styled_and_framed_by_us_but_runs_nothing(client):
    answer = client.get(reverse("demo:mail_html", args=[make_mail().pk]))
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "script-src" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_other_pages_keep_the_strict_policy(client):
    policy = client.get(reverse("demo:mailbox"))["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "frame-src" not in policy


@pytest.mark.parametrize("name", ["demo:mail", "demo:mail_html"])
def test_a_mail_that_is_not_there_is_a_404(client, name):
    assert client.get(reverse(name, args=[9**30])).status_code == 404
