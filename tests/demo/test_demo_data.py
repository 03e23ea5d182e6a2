import csv
from importlib.resources import files

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.management import call_command
from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import User
from attachments.models import Attachment, AttachmentRequest, Role
from chorus.demo import data
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from structures.identifiers import IdentifierType, clean_identifier
from structures.models import DirectoryEntry, Structure

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo():
    call_command("load_demo", verbosity=0)


def counts():
    models = (User, Structure, DirectoryEntry, AttachmentRequest, Attachment, HistoryEntry, OutgoingMail)
    return {model.__name__: model.objects.count() for model in models}


def test_a_second_load_changes_nothing_and_says_so(demo, capsys):
    before = counts()
    call_command("load_demo")
    assert counts() == before
    assert "rien n'est changé" in capsys.readouterr().out


def test_every_siret_is_valid_and_written_clean():
    with files(data).joinpath("structures.csv").open(encoding="utf-8", newline="") as lines:
        sirets = [row["identifier"] for row in csv.DictReader(lines)]
    assert len(sirets) == len(set(sirets)) > 40
    assert [clean_identifier(IdentifierType.SIRET, siret) for siret in sirets] == sirets


def test_every_announced_account_opens(demo, rf):
    for _role, email, password in data.ACCOUNTS:
        user = authenticate(rf.post("/"), username=email, password=password)
        assert user is not None, email
        validate_password(password, user)


def test_every_structure_with_people_has_one_principal_manager(demo):
    managed = Structure.objects.filter(attachments__isnull=False)
    principals = Count("attachments", filter=Q(attachments__role=Role.PRINCIPAL, attachments__ended_at=None))
    assert set(managed.annotate(principals=principals).values_list("principals", flat=True)) == {1}


def test_requests_wait_for_managers_and_for_support(demo):
    pending = AttachmentRequest.objects.pending()
    principal = User.objects.get(email=data.PRINCIPAL.email)
    assert pending.for_manager(principal).count() == 8
    assert pending.without_decider().exists()


def test_the_past_comes_before_the_present(demo):
    assert not AttachmentRequest.objects.filter(created_at__gt=timezone.now()).exists()
    oldest = AttachmentRequest.objects.first()
    assert (timezone.now() - oldest.created_at).days == 120
    assert oldest.starts_on < timezone.localdate()


def test_no_mail_of_the_demo_is_sent_or_wakes_a_worker(demo):
    assert set(OutgoingMail.objects.values_list("state", flat=True)) == {OutgoingMail.State.SENT}
    assert connection.run_on_commit == []


def test_mails_written_before_the_demo_are_left_alone():
    mail = OutgoingMail.objects.create(slug="x", to="a@b.example", subject="Avant")
    call_command("load_demo", verbosity=0)
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.WAITING
