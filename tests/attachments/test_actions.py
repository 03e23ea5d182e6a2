import re
from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from stdnum import luhn

from accounts.models import User
from attachments.actions import approve_request, refuse_request, send_request
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.models import Structure
from tests.conftest import as_typed
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def managed():
    """A public structure with a principal and a secondary manager."""
    structure = StructureFactory()
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__email="principal@exemple.example")
    AttachmentFactory(structure=structure, role=Role.SECONDARY, user__email="secondaire@exemple.example")
    AttachmentFactory(structure=structure, user__email="simple@exemple.example")
    return structure


@pytest.fixture
def manager(managed):
    return User.objects.get(email="principal@exemple.example")


@pytest.fixture
def wanted(managed):
    return AttachmentRequestFactory(structure=managed, user__email="nouveau@exemple.example")


def mails():
    return sorted(OutgoingMail.objects.values_list("slug", "to"))


def events():
    return list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True))


def test_a_request_is_told_to_the_requester_and_to_those_who_decide(managed):
    user = UserFactory(pending=True, email="nouveau@exemple.example")
    request = send_request(user, managed, actor=user)
    assert request.is_pending
    assert mails() == [
        ("request_sent", "nouveau@exemple.example"),
        ("request_to_decide", "principal@exemple.example"),
        ("request_to_decide", "secondaire@exemple.example"),
    ]
    assert events() == ["request_sent"]


def test_the_request_mail_names_the_manager_and_goes_to_the_contact_address(managed, manager):
    User.objects.filter(pk=manager.pk).update(first_name="Claire", last_name="Fontaine")
    user = UserFactory(contact_email="bureau@exemple.example", contact_confirmed=True)
    send_request(user, managed, actor=user)
    text, html = OutgoingMail.objects.get(to="bureau@exemple.example").parts()
    assert "Claire Fontaine" in text
    assert "Claire Fontaine" in html


def test_on_a_public_structure_without_manager_support_decides():
    user = UserFactory(pending=True)
    request = send_request(user, StructureFactory(), actor=user)
    assert request.is_pending
    assert AttachmentRequest.objects.pending().without_decider().get() == request
    assert mails() == [("request_sent", user.email), ("request_to_support", "assistance@portail.example")]
    assert "l'assistance examine" in as_typed(OutgoingMail.objects.get(to=user.email).parts()[0])


def test_someone_attached_to_a_service_may_ask_for_another(managed, manager):
    first, second = ServiceFactory(structure=managed), ServiceFactory(structure=managed)
    user = UserFactory()
    held = AttachmentFactory(user=user, structure=managed, whole_structure=False)
    held.services.add(first)
    request = send_request(user, managed, actor=user, whole_structure=False, services=[second])
    approve_request(request.pk, actor=manager, whole_structure=False, services=[first, second])
    assert set(user.attachments.get().services.all()) == {first, second}


@pytest.mark.parametrize("undisclosed", [True, False])
def test_mails_to_strangers_keep_undisclosed_names_to_themselves(undisclosed):
    structure = StructureFactory(private=True, legal_name="Vasseur Entretien", undisclosed=undisclosed)
    manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    user = UserFactory()
    request = send_request(user, structure, actor=user)
    refuse_request(request.pk, actor=manager, reason="Non")
    for mail in OutgoingMail.objects.filter(user=user):
        assert all(("Vasseur" in body) is not undisclosed for body in mail.parts())


def test_the_first_person_of_a_private_structure_manages_it():
    user = UserFactory(pending=True)
    structure = StructureFactory(private=True)
    request = send_request(user, structure, actor=user)
    assert request.status == AttachmentRequest.Status.APPROVED
    assert Attachment.objects.get().role == Role.PRINCIPAL
    user.refresh_from_db()
    assert user.state == User.State.ACTIVATING
    assert [slug for slug, _ in mails()] == ["activation", "became_principal"]
    assert events() == ["request_sent", "principal_designated", "account_approved"]


def test_an_inactive_structure_takes_nobody():
    user = UserFactory()
    with pytest.raises(ActionError, match="inactive"):
        send_request(user, StructureFactory(state=Structure.State.INACTIVE), actor=user)


def test_one_open_request_and_one_attachment_per_structure(managed, manager, wanted):
    with pytest.raises(ActionError, match="couvre déjà"):
        send_request(manager, managed, actor=manager)
    with pytest.raises(ActionError, match="déjà en cours"):
        send_request(wanted.user, managed, actor=wanted.user)
    with pytest.raises(IntegrityError), transaction.atomic():
        AttachmentRequestFactory(structure=managed, user=wanted.user)
    with pytest.raises(IntegrityError), transaction.atomic():
        AttachmentFactory(structure=managed, user=manager)


def test_approval_attaches_tells_and_starts_activation(wanted, manager):
    approve_request(wanted.pk, actor=manager, role=Role.SECONDARY)
    wanted.refresh_from_db()
    assert (wanted.status, wanted.decided_by) == ("approved", manager)
    assert wanted.user.attachments.get().role == Role.SECONDARY
    assert wanted.user.attachments.get().whole_structure
    assert [slug for slug, _ in mails()] == ["activation", "request_approved"]
    assert events() == ["attachment_started", "request_approved", "account_approved"]
    assert set(HistoryEntry.objects.values_list("actor", flat=True)) == {manager.pk}


def test_approval_for_services_keeps_those_ticked(wanted, manager):
    ticked, _other = ServiceFactory(structure=wanted.structure), ServiceFactory(structure=wanted.structure)
    attachment = approve_request(wanted.pk, actor=manager, whole_structure=False, services=[ticked])
    assert not attachment.whole_structure
    assert list(attachment.services.all()) == [ticked]


def test_approval_for_services_needs_services_of_the_structure(wanted, manager):
    with pytest.raises(ActionError, match="au moins un service"):
        approve_request(wanted.pk, actor=manager, whole_structure=False)
    with pytest.raises(ActionError, match="n'appartient pas"):
        approve_request(wanted.pk, actor=manager, whole_structure=False, services=[ServiceFactory()])
    assert mails() == []


def test_a_second_principal_manager_is_refused(wanted, manager):
    with pytest.raises(ActionError, match="déjà un gestionnaire principal"):
        approve_request(wanted.pk, actor=UserFactory(staff=True), role=Role.PRINCIPAL)


def test_support_names_the_first_principal_manager():
    wanted, support = AttachmentRequestFactory(whole_structure=False), UserFactory(staff=True)
    attachment = approve_request(wanted.pk, actor=support, role=Role.PRINCIPAL)
    assert attachment.whole_structure
    assert events() == ["principal_designated", "request_approved", "account_approved"]


def test_an_inactive_structure_s_requests_cannot_be_approved(wanted, manager):
    held = AttachmentFactory(structure=wanted.structure, whole_structure=False)
    wider = AttachmentRequestFactory(structure=wanted.structure, user=held.user)
    Structure.objects.update(state=Structure.State.INACTIVE)
    for request in (wanted, wider):
        with pytest.raises(ActionError, match="inactive"):
            approve_request(request.pk, actor=manager)


def test_refusal_mails_the_reason_and_closes_a_newcomer(wanted, manager):
    refuse_request(wanted.pk, actor=manager, reason=" Vous êtes au lycée. ")
    wanted.refresh_from_db()
    assert (wanted.status, wanted.reason) == ("refused", "Vous êtes au lycée.")
    assert wanted.user.state == User.State.CLOSED
    assert "Vous êtes au lycée." in OutgoingMail.objects.get().parts()[0]
    assert events() == ["request_refused", "account_closed"]


TODAY = timezone.localdate
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("factory", "fields", "sentence"),
    [
        (AttachmentFactory, {"role": "principal"}, "déjà un gestionnaire principal"),
        (AttachmentFactory, {"starts_on": "2026-02-01", "ends_on": "2026-01-01"}, "précède la date de début"),
        (AttachmentFactory, {"role": "principal", "whole_structure": False}, "structure entière"),
        (AttachmentFactory, {"role": "principal", "ends_on": "2099-01-01"}, "sans date de fin"),
        (AttachmentRequestFactory, {"starts_on": "2026-02-01", "ends_on": "2026-01-01"}, "précède la date de début"),
        (AttachmentRequestFactory, {"status": "refused"}, "doit être motivé"),
    ],
)
def test_what_must_be_true_is_held_by_the_database_and_said_in_french(managed, factory, fields, sentence):
    structure = managed if sentence.startswith("déjà") else StructureFactory()
    row = factory.build(user=UserFactory(), structure=structure, **fields)
    with pytest.raises(ValidationError, match=sentence):
        row.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_what_happens_once_per_person_is_said_in_french(managed, manager, wanted):
    with pytest.raises(ValidationError, match="déjà rattachée"):
        AttachmentFactory.build(user=manager, structure=managed).full_clean()
    with pytest.raises(ValidationError, match="déjà en cours"):
        AttachmentRequestFactory.build(user=wanted.user, structure=managed).full_clean()


def test_what_is_over_leaves_room_for_what_comes_next(managed, manager, wanted):
    Attachment.objects.update(ended_at=timezone.now())
    AttachmentFactory(user=manager, structure=managed, role=Role.PRINCIPAL)
    AttachmentRequest.objects.update(status="withdrawn")
    AttachmentRequestFactory(user=wanted.user, structure=managed)


def test_two_requests_never_share_a_number(wanted):
    with pytest.raises(IntegrityError), transaction.atomic():
        AttachmentRequestFactory(reference=wanted.reference)


def test_a_request_keeps_what_was_asked(managed):
    service, user = ServiceFactory(structure=managed), UserFactory(pending=True)
    asked = send_request(user, managed, actor=user, whole_structure=False, services=[service], comment="Rentrée")
    asked.refresh_from_db()
    assert (asked.whole_structure, list(asked.services.all()), asked.comment) == (False, [service], "Rentrée")
    assert re.fullmatch(r"\d{9}", asked.reference)
    assert luhn.is_valid(asked.reference)


def test_a_request_for_the_whole_structure_keeps_no_service(managed):
    service, user = ServiceFactory(structure=managed), UserFactory(pending=True)
    assert not send_request(user, managed, actor=user, services=[service]).services.exists()


def test_services_of_another_structure_cannot_be_asked_for(managed):
    user = UserFactory(pending=True)
    with pytest.raises(ActionError):
        send_request(user, managed, actor=user, whole_structure=False, services=[ServiceFactory()])


def test_a_request_by_service_names_at_least_one(managed):
    user = UserFactory(pending=True)
    with pytest.raises(ActionError):
        send_request(user, managed, actor=user, whole_structure=False)


def test_a_refused_request_leaves_no_trace(managed, manager):
    Structure.objects.update(state=Structure.State.INACTIVE)
    user = UserFactory(pending=True)
    with pytest.raises(ActionError):
        send_request(user, managed, actor=user)
    assert (AttachmentRequest.objects.count(), mails(), events()) == (0, [], [])


@pytest.mark.parametrize(("state", "told"), [("active", True), ("activating", False), ("disabled", False)])
def test_only_managers_who_can_come_are_told_somebody_waits(state, told):
    principal = AttachmentFactory(role=Role.PRINCIPAL, user__state=state)
    user = UserFactory(pending=True)
    send_request(user, principal.structure, actor=user)
    assert (("request_to_decide", principal.user.email) in mails()) is told


@pytest.mark.parametrize(
    "dates", [{"starts_on": "2999-01-01"}, {"starts_on": "2020-01-01", "ends_on": "2020-12-31"}, {"ended_at": "now"}]
)
def test_managers_outside_their_dates_are_not_told(managed, dates):
    if "ended_at" in dates:
        dates = {"ended_at": timezone.now()}
    Attachment.objects.filter(role=Role.SECONDARY).update(**dates)
    user = UserFactory(pending=True)
    send_request(user, managed, actor=user)
    assert [to for slug, to in mails() if slug == "request_to_decide"] == ["principal@exemple.example"]


def test_deciders_are_written_to_at_their_contact_address_and_nobody_is_flooded(managed, manager, settings):
    settings.DECIDER_MAIL_RATE = "1/h"
    User.objects.filter(pk=manager.pk).update(contact_email="bureau@exemple.example", contact_confirmed=True)
    for user in UserFactory.create_batch(2, pending=True):
        send_request(user, managed, actor=user)
        send_request(user, StructureFactory(), actor=user)
    assert mails().count(("request_to_decide", "bureau@exemple.example")) == 1
    assert mails().count(("request_to_support", "assistance@portail.example")) == 1


@pytest.mark.parametrize("role", [Role.SECONDARY, Role.SIMPLE])
def test_a_private_structure_without_principal_gets_one_whoever_else_is_there(role):
    structure, user = StructureFactory(private=True), UserFactory(pending=True)
    AttachmentFactory(structure=structure, role=role)
    send_request(user, structure, actor=user)
    assert structure.attachments.current().principal().get().user == user


def test_the_second_person_of_a_private_structure_waits():
    structure, user = StructureFactory(private=True), UserFactory(pending=True)
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    assert send_request(user, structure, actor=user).is_pending
    user.refresh_from_db()
    assert user.state == User.State.PENDING


def test_taking_over_is_of_the_whole_structure_and_by_nobody_s_decision():
    structure, user = StructureFactory(private=True), UserFactory(pending=True)
    service = ServiceFactory(structure=structure)
    request = send_request(user, structure, actor=user, whole_structure=False, services=[service])
    assert (request.whole_structure, request.decided_by, request.services.count()) == (True, None, 0)
    assert Attachment.objects.get().whole_structure
    assert HistoryEntry.objects.get(event="principal_designated").actor is None


def test_an_active_person_who_takes_over_gets_no_activation_mail():
    user = UserFactory()
    send_request(user, StructureFactory(private=True), actor=user)
    assert [slug for slug, _ in mails()] == ["became_principal"]


def test_approval_is_journaled_with_its_role_structure_and_number(wanted, manager):
    approve_request(wanted.pk, actor=manager, role=Role.SECONDARY)
    line = HistoryEntry.objects.get(event="request_approved")
    assert (line.subject, line.structure, line.reference) == (wanted.user, wanted.structure, wanted.reference)
    assert line.comment.splitlines() == ["Structure entière : Oui", "Rôle : Gestionnaire secondaire"]


def test_approval_mails_the_requester_only(wanted, manager):
    approve_request(wanted.pk, actor=manager)
    assert mails() == [("activation", "nouveau@exemple.example"), ("request_approved", "nouveau@exemple.example")]
    assert set(OutgoingMail.objects.values_list("reference", flat=True)) == {wanted.reference}


def test_approval_keeps_the_dates_asked(managed, manager):
    wanted = AttachmentRequestFactory(structure=managed, starts_on=TODAY() + DAY, ends_on=TODAY() + 30 * DAY)
    attachment = approve_request(wanted.pk, actor=manager)
    assert (attachment.starts_on, attachment.ends_on) == (wanted.starts_on, wanted.ends_on)
    assert not Attachment.objects.effective().filter(pk=attachment.pk).exists()


def test_a_principal_named_by_support_has_no_end_date():
    wanted = AttachmentRequestFactory(ends_on=TODAY() + DAY)
    assert approve_request(wanted.pk, actor=UserFactory(staff=True), role=Role.PRINCIPAL).ends_on is None


def test_a_refused_approval_leaves_no_trace(wanted, manager):
    with pytest.raises(ActionError):
        approve_request(wanted.pk, actor=manager, role=Role.PRINCIPAL)
    wanted.refresh_from_db()
    assert (wanted.is_pending, mails(), events()) == (True, [], [])
    assert not wanted.user.attachments.exists()


@pytest.mark.parametrize(
    ("status", "word"), [("approved", "validée"), ("refused", "refusée"), ("withdrawn", "retirée")]
)
def test_whatever_was_decided_is_told_and_stays(managed, manager, status, word):
    decided = AttachmentRequestFactory(structure=managed, status=status, reason="x")
    for act in (approve_request, partial(refuse_request, reason="Non")):
        with pytest.raises(ActionError, match=f"a déjà été {word}"):
            act(decided.pk, actor=manager)
    decided.refresh_from_db()
    assert (decided.status, decided.user.state, mails(), events()) == (status, User.State.PENDING, [], [])


def test_an_inactive_structure_s_requests_can_still_be_refused(wanted, manager):
    Structure.objects.update(state=Structure.State.INACTIVE)
    assert refuse_request(wanted.pk, actor=manager, reason="Fermée").status == "refused"


def test_refusal_is_journaled_with_its_reason(wanted, manager):
    refuse_request(wanted.pk, actor=manager, reason="Autre établissement")
    for line in HistoryEntry.objects.all():
        assert (line.actor, line.subject, line.comment) == (manager, wanted.user, "Motif : Autre établissement")
    assert HistoryEntry.objects.get(event="request_refused").structure == wanted.structure


def test_refusal_attaches_nobody_and_sends_no_activation(wanted, manager):
    refuse_request(wanted.pk, actor=manager, reason="Non")
    assert not wanted.user.attachments.exists()
    assert mails() == [("request_refused", "nouveau@exemple.example")]


def test_a_request_whose_account_is_closed_can_still_be_refused(managed, manager):
    wanted = AttachmentRequestFactory(structure=managed, user=UserFactory(closed=True, activated_at=None))
    assert refuse_request(wanted.pk, actor=manager, reason="Non").status == "refused"


@pytest.mark.parametrize("role", [Role.SECONDARY, Role.SIMPLE])
def test_widening_takes_no_role_away(managed, manager, role):
    held = AttachmentFactory(structure=managed, role=role, whole_structure=False)
    held.services.add(ServiceFactory(structure=managed))
    wanted = AttachmentRequestFactory(structure=managed, user=held.user)
    approve_request(wanted.pk, actor=manager)
    held.refresh_from_db()
    assert (held.role, held.whole_structure) == (role, True)


def test_someone_whose_attachment_has_run_out_may_ask_again(managed, manager):
    over = AttachmentFactory(structure=managed, starts_on=TODAY() - 9 * DAY, ends_on=TODAY() - DAY)
    request = send_request(over.user, managed, actor=over.user)
    approve_request(request.pk, actor=manager)
    assert Attachment.objects.effective().filter(user=over.user).count() == 1


def test_someone_already_there_until_a_date_can_be_named_principal():
    held = AttachmentFactory(whole_structure=False, ends_on=TODAY() + DAY)
    wanted = AttachmentRequestFactory(structure=held.structure, user=held.user)
    attachment = approve_request(wanted.pk, actor=UserFactory(staff=True), role=Role.PRINCIPAL)
    assert (attachment.pk, attachment.role, attachment.ends_on) == (held.pk, Role.PRINCIPAL, None)
