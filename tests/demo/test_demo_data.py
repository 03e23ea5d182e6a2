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
from directory.identifiers import IdentifierType, clean_identifier
from directory.models import DirectoryEntry
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from structures.models import Structure

pytestmark = pytest.mark.django_db


def counts():
    models = (User, Structure, DirectoryEntry, AttachmentRequest, Attachment, HistoryEntry, OutgoingMail)
    return {model.__name__: model.objects.count() for model in models}


def test_every_siret_is_valid_and_written_clean():
    with files(data).joinpath("structures.csv").open(encoding="utf-8", newline="") as lines:
        sirets = [row["identifier"] for row in csv.DictReader(lines)]
    assert len(sirets) == len(set(sirets)) > 40
    assert [clean_identifier(IdentifierType.SIRET, siret) for siret in sirets] == sirets


def test_the_demo_is_a_portal_at_work(rf, capsys):
    """One load, which takes seconds, for all that is asked of it."""
    waiting = OutgoingMail.objects.create(slug="x", to="a@b.example", subject="Avant")
    call_command("load_demo", verbosity=0)
    every_announced_account_opens(rf)
    every_structure_with_people_has_one_principal_manager()
    requests_wait_for_managers_and_for_support()
    the_past_comes_before_the_present()
    no_mail_of_the_demo_is_sent_or_wakes_a_worker(but=waiting)
    a_second_load_changes_nothing_and_says_so(capsys)


def every_announced_account_opens(rf):
    for _role, email, password in data.ACCOUNTS:
        user = authenticate(rf.post("/"), username=email, password=password)
        assert user is not None, email
        validate_password(password, user)


def every_structure_with_people_has_one_principal_manager():
    managed = Structure.objects.filter(attachments__isnull=False)
    principals = Count("attachments", filter=Q(attachments__role=Role.PRINCIPAL, attachments__ended_at=None))
    assert set(managed.annotate(principals=principals).values_list("principals", flat=True)) == {1}


def requests_wait_for_managers_and_for_support():
    pending = AttachmentRequest.objects.pending()
    principal = User.objects.get(email=data.PRINCIPAL.email)
    assert pending.for_manager(principal).count() == 8
    assert pending.without_decider().exists()


def the_past_comes_before_the_present():
    assert not AttachmentRequest.objects.filter(created_at__gt=timezone.now()).exists()
    oldest = AttachmentRequest.objects.first()
    assert (timezone.now() - oldest.created_at).days == 120
    assert oldest.starts_on < timezone.localdate()


def no_mail_of_the_demo_is_sent_or_wakes_a_worker(*, but):
    """Mails written before the demo are left alone."""
    mails = OutgoingMail.objects.exclude(pk=but.pk)
    assert set(mails.values_list("state", flat=True)) == {OutgoingMail.State.SENT}
    but.refresh_from_db()
    assert but.state == OutgoingMail.State.WAITING
    assert connection.run_on_commit == []


def a_second_load_changes_nothing_and_says_so(capsys):
    before = counts()
    call_command("load_demo")
    assert counts() == before
    assert "rien n'est changé" in capsys.readouterr().out
