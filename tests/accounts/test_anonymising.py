"""Accounts closed long ago: nothing tells any more whose they were, and the history stays readable."""

import email
import email.policy
import json
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts import actions
from accounts.actions import endings
from accounts.emails import send_password_changed
from accounts.links import Purpose, make_token
from accounts.models import LinkRequest, OpenSession, User, validate_deliverable
from attachments.actions import refuse_request, send_request
from attachments.models import Role
from documents.models import SupportingDocument
from documents.tasks import finish_unfinished
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from notifications.tasks import forget_refused
from plumbing.errors import ActionError
from registration.models import AddressCorrection, Submission
from tests.documents.library import add, stored
from tests.factories import AttachmentFactory, OpenSessionFactory, OutgoingMailFactory, StructureFactory, UserFactory
from tests.processes import portal_environment

pytestmark = pytest.mark.django_db

State = User.State
# Who they were: nothing of it may be left anywhere.
PERSON = {
    "first_name": "Capucine",
    "last_name": "Quetzalcoatl",
    "phone": "+33299000001",
    "address": "14 rue des Tanneurs",
    "complement_1": "Escalier Jonquille",
    "complement_2": "Sonnette Pervenche",
    "postcode": "50890",
    "city": "Champoulant",
    "country": "Groland",
    "contact_email": "bureau.capucine@exemple.example",
}
EMAIL, OLD_EMAIL, NEW_EMAIL = (f"{name}@exemple.example" for name in ("capucine", "ancienne", "nouvelle"))
TRACES = [*PERSON.values(), EMAIL, OLD_EMAIL, NEW_EMAIL, "02 99 00 00 01", "Je suis joignable le soir", "bulletin"]
# Columns of an account that say nothing of whose it was.
KEPT = {
    "id", "reference", "state", "created_at", "activated_at", "deactivated_at", "closed_at", "closing_warned_at",
    "activation_sent_at", "anonymised_at", "password", "password_changed_at", "password_warned_at", "link_version",
}  # fmt: skip


def long_closed(**fields):
    return UserFactory(state=State.CLOSED, closed_at=timezone.now() - timedelta(days=400), **fields)


@pytest.fixture
def person(settings, tmp_path):
    """Somebody who did everything there is to do, then left, long ago."""
    settings.MEDIA_ROOT = tmp_path
    user = UserFactory(email=OLD_EMAIL, first_name="Avant", last_name="Avant")
    actions.change_account(user.pk, actor=user, values=PERSON)
    actions.change_parameters(user.pk, survey_consent=True, receives_notifications=True)
    user.refresh_from_db()
    actions.change_secret_question(user, secret_question="pet", secret_answer="Rex")
    actions.request_address(user, email=EMAIL)
    user.refresh_from_db()
    actions.change_address(make_token(user, Purpose.ADDRESS))
    user.refresh_from_db()
    send_request(user, StructureFactory(), actor=user, comment="Je suis joignable le soir")
    refused = send_request(user, StructureFactory(), actor=user, comment="Je suis joignable le soir")
    refuse_request(refused.pk, actor=UserFactory(staff=True), reason="Service complet")
    AttachmentFactory(user=user, role=Role.SECONDARY)
    add(user, name="bulletin.pdf")
    send_password_changed(user)
    OutgoingMailFactory(to=EMAIL, subject="Inscription")
    session = Session.objects.create(session_key="cle", session_data="x", expire_date=timezone.now())
    OpenSessionFactory(user=user, session_key=session.session_key)
    LinkRequest.objects.create(email=EMAIL, purpose="reset", attempts=1)
    AccessAttempt.objects.create(username=EMAIL, ip_address="192.0.2.1", failures_since_start=3)
    Submission.objects.create(reference="123456782", payload={"person": {"email": EMAIL} | PERSON})
    AddressCorrection.objects.create(reference="123456782", email=EMAIL, payload={"person": PERSON})
    actions.deactivate_account(user.pk, actor=user)
    long_ago = timezone.now() - timedelta(days=61)
    User.objects.filter(pk=user.pk).update(deactivated_at=long_ago)
    endings.close_overdue()
    user.refresh_from_db()
    return user


def anonymise(time_machine, days=366):
    time_machine.move_to(timezone.now() + timedelta(days=days))
    endings.anonymise_closed()
    finish_unfinished()
    forget_refused()


def everything():
    """All that every table holds, but the addresses of other people and what Django keeps of itself."""
    for model in apps.get_models():
        for row in model._base_manager.all():
            values = [getattr(row, field.attname) for field in model._meta.concrete_fields]
            yield model, json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False, default=_as_text)


def _as_text(value):
    """A mail's bytes as they are read; anything else by its name."""
    if not isinstance(value, bytes | memoryview):
        return str(value)
    parts = email.message_from_bytes(bytes(value), policy=email.policy.default).walk()
    return "".join(part.get_content() for part in parts if not part.is_multipart())


def test_nothing_of_the_person_is_left_in_any_table(person, time_machine, tmp_path):
    assert any("Capucine" in text for _, text in everything())
    OutgoingMail.objects.update(state=OutgoingMail.State.FAILED)
    anonymise(time_machine)
    for model, text in everything():
        for trace in TRACES:
            assert trace not in text, (model, trace)
    assert stored(tmp_path / "pieces-jointes") == []
    assert not OpenSession.objects.exists() and not Session.objects.exists()
    assert not SupportingDocument.objects.exists()


def test_the_history_needed_no_edit(person, time_machine):
    before = list(HistoryEntry.objects.order_by("pk").values())
    assert len(before) > 8
    assert not any(trace in str(line["data"]) for line in before for trace in TRACES)
    anonymise(time_machine)
    after = list(HistoryEntry.objects.order_by("pk").values())
    assert after[: len(before)] == before
    assert [line["event"] for line in after[len(before) :]] == ["account_anonymised"]
    comments = [line.comment for line in HistoryEntry.objects.all()]
    assert "Motif : Service complet" in comments
    assert any("Champs modifiés : prénom, nom, téléphone" in comment for comment in comments)
    assert str(HistoryEntry.objects.filter(event="account_changed").first().subject) == "utilisateur clos"


def test_every_column_of_an_account_is_emptied_or_known_to_say_nothing(person, time_machine):
    """A new column is to be decided on: in User.PERSONAL or the lists of endings.py, or in KEPT above."""
    anonymise(time_machine)
    person.refresh_from_db()
    for field in User._meta.concrete_fields:
        if field.name not in KEPT | {"email"}:
            assert not getattr(person, field.name), field.name
    assert person.email == f"clos-{person.reference}@invalide.invalid"
    assert not person.has_usable_password()
    assert (str(person), person.initials, person.known_email) == ("utilisateur clos", "–", "")


def test_every_table_that_names_accounts_is_known():
    """One that comes is to be decided on: what of it is left of an anonymised account."""
    relations = [field for field in User._meta.get_fields(include_hidden=True) if field.one_to_many or field.one_to_one]
    naming = {relation.related_model._meta.label for relation in relations}
    assert naming - {"accounts.User_groups", "accounts.User_user_permissions"} == {
        "accounts.OpenSession",  # deleted
        # Deleted when the account is closed.
        *(
            f"accounts.{name}"
            for name in ("EmailDevice", "ExternalIdentity", "Passkey", "RecoveryDevice", "TotpDevice")
        ),
        "admin.LogEntry",  # says who and which row, without names
        "attachments.Attachment",  # kept, without a name
        "attachments.AttachmentRequest",  # kept, without their comment
        "attachments.Deputy",  # kept, without a name
        "attachments.Handover",  # kept, without a name
        "documents.SupportingDocument",  # deleted, and its file
        "history.HistoryEntry",  # kept, without a name
        "notifications.OutgoingMail",  # deleted
        "spaces.StructureSpace",  # kept, without a name
        "spaces.Subscription",  # kept, without its comment
        "directory.DirectoryImport",  # kept, without a name
        # Kept, without what was written; their files are deleted.
        *(f"support.{name}" for name in ("Message", "Ticket", "TicketFile")),
    }


def test_it_stays_closed_and_its_address_registers_anew(person, time_machine):
    anonymise(time_machine)
    for deed in (actions.reactivate_account, lambda pk, actor: actions.change_account(pk, actor=actor, values={})):
        with pytest.raises(ActionError) as refusal:
            deed(person.pk, actor=UserFactory(staff=True))
        assert refusal.value.code == "anonymised"
    for address in (EMAIL, OLD_EMAIL):
        told = {"first_name": "Anne", "last_name": "Nom", "phone": "", "contact_email": "", "survey_consent": False}
        assert actions.register_account(email=address, **told).pk != person.pk


def test_what_others_see(person, client, time_machine):
    anonymise(time_machine)
    client.force_login(UserFactory(staff=True, is_superuser=True))
    for address in (
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_change", args=[person.pk]),
        reverse("admin:history_historyentry_changelist"),
        reverse("admin:attachments_attachment_changelist"),
        reverse("attachments:pending_requests") + "?vue=decidees",
    ):
        page = client.get(address).text
        assert "utilisateur clos" in page
        assert not [trace for trace in TRACES if trace in page]
    path = reverse("admin:accounts_user_changelist")
    page = client.post(path, {"action": "reactivate", "_selected_action": [person.pk]}, follow=True).text
    assert "ce compte est anonymisé" in page


def test_the_admin_s_own_log_keeps_no_name(client):
    client.force_login(UserFactory(staff=True))
    user = UserFactory(first_name="Ane")
    path = reverse("admin:accounts_user_change", args=[user.pk])
    client.post(path, {"first_name": "Anne", "last_name": user.last_name, "phone": ""})
    assert LogEntry.objects.get().object_repr == ""


@pytest.mark.also_sqlite
@pytest.mark.parametrize(("after", "days", "done"), [(365, 364, False), (365, 365, True), (0, 4000, False)])
def test_when(settings, time_machine, after, days, done):
    settings.ANONYMISE_AFTER_DAYS = after
    time_machine.move_to("2026-11-26 12:00+01:00", tick=False)
    user = UserFactory(closed=True)
    never_active = UserFactory(closed=True, activated_at=None)
    disabled = UserFactory(state=State.DISABLED, deactivated_at=timezone.now())
    time_machine.move_to(timezone.now() + timedelta(days=days))
    endings.anonymise_closed()
    found = User.objects.exclude(anonymised_at=None)
    assert set(found) == ({user, never_active} if done else set())
    assert disabled not in found


def test_what_is_others_stays(time_machine):
    """The same contact address, an address that was another's before, the support's own, and a new registration."""
    user = long_closed(contact_email="partagee@exemple.example", previous_email="reprise@exemple.example")
    heir = UserFactory(email="reprise@exemple.example", contact_email="partagee@exemple.example")
    kept = [OutgoingMailFactory(to=heir.email, user=heir), OutgoingMailFactory(to=heir.email)]
    kept.append(OutgoingMailFactory(to="partagee@exemple.example", user=heir))
    AccessAttempt.objects.create(username=heir.email, ip_address="192.0.2.1", failures_since_start=1)
    Submission.objects.create(reference="123456782", payload={"person": {"email": user.email}})
    OutgoingMailFactory(to=user.email)
    endings.anonymise_closed()
    assert set(OutgoingMail.objects.all()) == set(kept)
    assert (AccessAttempt.objects.count(), Submission.objects.count()) == (1, 1)


def test_nobody_takes_the_address_of_an_anonymised_account():
    for address in ("clos-123456782@invalide.invalid", "x@Y.INVALID"):
        with pytest.raises(ValidationError):
            validate_deliverable(address)


def test_a_batch_costs_the_same_for_many():
    def cost(number):
        for _ in range(number):
            user = long_closed()
            AttachmentFactory.create_batch(2, user=user)
            OutgoingMailFactory(user=user, to=user.email)
            OpenSessionFactory(user=user)
        with CaptureQueriesContext(connection) as captured:
            endings.anonymise_closed()
        return len(captured)

    assert cost(2) == cost(40)


KILL = """
import os, signal
import django
django.setup()
from accounts.actions import endings
endings.AT_ONCE = 4
done, write = [], endings.{writes}

def die_in_the_third(*args, **kwargs):
    write(*args, **kwargs)
    done.append(1)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

endings.{writes} = die_in_the_third
endings.{deed}()
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", ["warn_of_closing", "close_overdue", "anonymise_closed"])
def test_killed_in_a_batch(monkeypatch, deed):
    """What was done stays done, the batch under way is undone, and the next night does the rest: each mail once."""
    if deed == "anonymise_closed":
        users = [long_closed() for _ in range(20)]
    else:
        left_at = timezone.now() - timedelta(days=55 if deed == "warn_of_closing" else 61)
        users = [UserFactory(state=State.DISABLED, deactivated_at=left_at) for _ in range(20)]
    for user in users:
        AttachmentFactory(user=user)
    writes = "emails.send_accounts_closing" if deed == "warn_of_closing" else "_journal"
    code = KILL.format(writes=writes, deed=deed)
    died = subprocess.run([sys.executable, "-c", code], env=portal_environment())
    assert died.returncode == -signal.SIGKILL

    def done():
        column = {"warn_of_closing": "closing_warned_at", "close_overdue": "closed_at"}.get(deed, "anonymised_at")
        return User.objects.exclude(**{column: None}).count()

    assert done() == 8
    getattr(endings, deed)()
    assert done() == 20
    written = OutgoingMail.objects.values_list("to", flat=True)
    assert sorted(written) == ([] if deed == "anonymise_closed" else sorted(user.email for user in users))
    if deed == "anonymise_closed":
        assert HistoryEntry.objects.filter(event="account_anonymised").count() == 20
