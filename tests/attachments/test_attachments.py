"""The one writer of attachments: each function checks, journals and announces."""

import ast
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from attachments import events
from attachments.actions import attach, change_dates, change_role, detach, end, send_request, widen
from attachments.actions.attachments import start_all
from attachments.actions.places import Place
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.models import Service, Structure
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]
TODAY = timezone.localdate
DAY = timedelta(days=1)


@contextmanager
def heard(signal):
    """What `signal` says meanwhile."""
    told = []

    def hear(sender, signal, **about):
        told.append(about)

    signal.connect(hear)
    try:
        yield told
    finally:
        signal.disconnect(hear)


def last_entry():
    return HistoryEntry.objects.order_by("pk").last()


def of_service(**options):
    """An attachment to one service, and that service."""
    attachment = AttachmentFactory(whole_structure=False, **options)
    service = ServiceFactory(structure=attachment.structure)
    attachment.services.add(service)
    return attachment, service


def code_of(error):
    return error.value.code


@pytest.mark.parametrize("person", [{"pending": True}, {}])
def test_attaching_somebody_who_waits_answers_their_request(person):
    """Two ways in that meet: no request stays open for a place they have, nor their account shut."""
    support = UserFactory(staff=True)
    waiting = AttachmentRequestFactory(user=UserFactory(**person), whole_structure=False)
    waiting.services.add(ServiceFactory(structure=waiting.structure))
    elsewhere = AttachmentRequestFactory(user=waiting.user)
    attach(waiting.user, waiting.structure, actor=support, role=Role.SECONDARY)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.decided_by) == ("approved", support)
    entry = HistoryEntry.objects.get(event="request_approved")
    assert (entry.reference, entry.actor, entry.data["values"]["role"]) == (waiting.reference, support, "secondary")
    slugs = ["request_approved"] + ["activation"] * ("pending" in person)
    assert list(OutgoingMail.objects.order_by("pk").values_list("slug", flat=True)) == slugs
    elsewhere.refresh_from_db()
    assert elsewhere.is_pending


def test_attach_writes_journals_and_announces():
    user, structure, actor = UserFactory(), StructureFactory(), UserFactory()
    service = ServiceFactory(structure=structure, code="CDI", label="Documentation")
    with heard(events.attachments_started) as told:
        terms = {"role": Role.SECONDARY, "whole_structure": False, "services": [service]}
        made = attach(user, structure, actor=actor, reference="123456782", **terms)
    assert told == [{"attachments": [made], "actor": actor}]
    assert (made.role, made.whole_structure, list(made.services.all())) == (Role.SECONDARY, False, [service])
    entry = last_entry()
    assert (entry.event, entry.actor, entry.subject, entry.structure) == ("attachment_started", actor, user, structure)
    assert (entry.reference, entry.data["values"]["role"]) == ("123456782", "secondary")
    lines = entry.comment.splitlines()
    assert (lines[0], lines[-1]) == ("Structure entière : Non", "Services : Documentation (CDI)")
    assert "Rôle : Gestionnaire secondaire" in lines


@pytest.mark.parametrize(
    ("structure", "user", "role", "code"),
    [
        ({"state": Structure.State.INACTIVE}, {}, Role.SIMPLE, "structure_inactive"),
        ({}, {"state": "closed"}, Role.SIMPLE, "account_closed"),
        ({}, {"state": "disabled"}, Role.SIMPLE, "account_closed"),
    ],
)
def test_who_and_where_nobody_is_attached(structure, user, role, code):
    with pytest.raises(ActionError) as error:
        attach(UserFactory(**user), StructureFactory(**structure), actor=None, role=role)
    assert code_of(error) == code
    assert not Attachment.objects.exists()


def test_one_place_a_person_and_one_principal_a_structure():
    held = AttachmentFactory(role=Role.PRINCIPAL)
    with pytest.raises(ActionError) as twice:
        attach(held.user, held.structure, actor=None)
    with pytest.raises(ActionError) as second:
        attach(UserFactory(), held.structure, actor=None, role=Role.PRINCIPAL)
    assert (code_of(twice), code_of(second)) == ("already_attached", "has_principal")


def test_what_ran_out_is_ended_before_the_next_begins():
    over = AttachmentFactory(starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY)
    with heard(events.attachments_ended) as told:
        attach(over.user, over.structure, actor=None)
    over.refresh_from_db()
    assert over.ended_at is not None
    assert [about["attachments"] for about in told] == [[over]]
    assert HistoryEntry.objects.get(event="attachment_ended").comment.splitlines()[0] == "Date de fin dépassée"
    for dates in ({"ends_on": TODAY()}, {"starts_on": TODAY() + DAY}):
        held = AttachmentFactory(**dates)
        with pytest.raises(ActionError):
            attach(held.user, held.structure, actor=None)


def test_widen_adds_services_or_the_whole_structure():
    held, first = of_service()
    other = ServiceFactory(structure=held.structure)
    widen(held.pk, actor=None, whole_structure=False, services=[first, other])
    assert set(held.services.all()) == {first, other}
    widen(held.pk, actor=None)
    held.refresh_from_db()
    assert (held.whole_structure, held.services.count()) == (True, 0)
    assert sorted(last_entry().data["changes"]["services"][0]) == sorted(map(str, (first, other)))
    assert last_entry().comment.splitlines()[0] == "Structure entière : Non → Oui"
    with pytest.raises(ActionError) as error:
        widen(held.pk, actor=None)
    assert code_of(error) == "already_attached"


def test_a_service_out_of_service_is_kept_when_others_are_added():
    held, closed = of_service()
    Service.objects.update(is_active=False)
    widen(held.pk, actor=None, whole_structure=False, services=[other := ServiceFactory(structure=held.structure)])
    assert set(held.services.all()) == {closed, other}


def test_support_adds_a_service_to_those_somebody_has(client):
    held, first = of_service()
    second = ServiceFactory(structure=held.structure)
    request = AttachmentRequestFactory(user=held.user, structure=held.structure, whole_structure=False)
    request.services.add(second)
    client.force_login(UserFactory(staff=True))
    path = reverse("admin:attachments_attachmentrequest_changelist")
    client.post(path, {"action": "approve_as_simple", "_selected_action": [request.pk]})
    assert set(held.services.all()) == {first, second}


def test_change_role_to_principal_takes_the_whole_structure_without_end():
    held, _ = of_service(ends_on=TODAY() + DAY)
    before = held.role_since
    with heard(events.roles_changed) as told:
        change_role(held.pk, actor=None, role=Role.PRINCIPAL)
    held.refresh_from_db()
    assert (held.role, held.whole_structure, held.ends_on, held.services.count()) == ("principal", True, None, 0)
    assert held.role_since > before
    assert [about["changed"] for about in told] == [[(held, "simple")]]
    assert last_entry().event == "principal_designated"
    assert "Rôle : Utilisateur simple → Gestionnaire principal" in last_entry().comment
    with pytest.raises(ActionError) as error:
        change_role(AttachmentFactory(structure=held.structure).pk, actor=None, role=Role.PRINCIPAL)
    assert code_of(error) == "has_principal"


def test_a_change_to_the_same_says_nothing():
    held = AttachmentFactory()
    with heard(events.roles_changed) as told:
        change_role(held.pk, actor=None, role=Role.SIMPLE)
        change_dates(held.pk, actor=None, starts_on=held.starts_on, ends_on=None)
    assert (told, last_entry()) == ([], None)


def test_a_place_in_force_is_not_ended_by_giving_another():
    held = AttachmentFactory()
    with transaction.atomic(), pytest.raises(IntegrityError):
        start_all([Place(held.user, held.structure)], actor=None)
    assert Attachment.objects.current().get() == held


@pytest.mark.parametrize(
    ("role", "starts", "ends", "code"),
    [
        ("simple", 3, 2, "dates_order"),
        ("simple", -9, -1, "dates_over"),
        ("principal", 0, 2, "principal_unbounded"),
        ("simple", 2, 2, None),
    ],
)
def test_change_dates(role, starts, ends, code):
    held = AttachmentFactory(role=role)
    dates = {"starts_on": TODAY() + starts * DAY, "ends_on": TODAY() + ends * DAY}
    if code:
        with pytest.raises(ActionError) as error:
            change_dates(held.pk, actor=None, **dates)
        assert (code_of(error), last_entry()) == (code, None)
    else:
        change_dates(held.pk, actor=None, **dates)
        held.refresh_from_db()
        assert {name: getattr(held, name) for name in dates} == dates
        assert last_entry().comment.startswith("Date de début : ")


def test_an_attachment_ends_once():
    held = AttachmentFactory()
    with heard(events.attachments_ended) as told:
        end(held.pk, actor=None)
        for late in (lambda: end(held.pk, actor=None), lambda: change_role(held.pk, actor=None, role=Role.SECONDARY)):
            with pytest.raises(ActionError) as error:
                late()
            assert code_of(error) == "attachment_over"
    assert len(told) == 1


def test_whoever_is_detached_is_told_and_a_principal_stays():
    held, principal, actor = AttachmentFactory(), AttachmentFactory(role=Role.PRINCIPAL), UserFactory(staff=True)
    detach(held.pk, actor=actor)
    assert OutgoingMail.objects.get().to == held.user.email
    assert (last_entry().event, last_entry().actor) == ("attachment_ended", actor)
    with pytest.raises(ActionError) as error:
        detach(principal.pk, actor=UserFactory())
    assert code_of(error) == "is_principal"
    principal.refresh_from_db()
    assert principal.ended_at is None


@pytest.mark.parametrize("over", [True, False])
def test_who_holds_a_service_or_ran_out_becomes_principal_where_nobody_is(over):
    """It raised IntegrityError: the second place was written beside the first."""
    structure = StructureFactory(private=True)
    held, _ = of_service(structure=structure)
    if over:
        Attachment.objects.update(starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY, whole_structure=True)
    request = send_request(held.user, structure, actor=held.user)
    assert request.status == AttachmentRequest.Status.APPROVED
    now = structure.attachments.lasting().get()
    assert (now.user, now.role, now.whole_structure) == (held.user, Role.PRINCIPAL, True)


def test_nobody_else_writes_attachments():
    """One table, one writer: elsewhere an Attachment is neither created, saved, updated nor deleted."""
    writer = Path("attachments/actions/attachments.py")
    for app in ("accounts", "attachments", "chorus", "registration", "structures"):
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            name = path.relative_to(settings.BASE_DIR)
            if name == writer or "migrations" in name.parts or "demo" in name.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    call = ast.unparse(node.func)
                    writes = call.endswith((".create", ".save", ".update", ".delete", ".bulk_create", ".bulk_update"))
                    assert call != "Attachment", name
                    assert not (writes and ("Attachment.objects" in call or "attachments." in call)), (name, call)
