import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from attachments.actions import approve_request, refuse_request, send_request
from attachments.models import Attachment, AttachmentRequest, Role
from chorus.plumbing.errors import ActionError
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from structures.models import Structure
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
    user = UserFactory(pending=True, contact_email="bureau@exemple.example")
    send_request(user, managed, actor=user)
    text, html = OutgoingMail.objects.get(to="bureau@exemple.example").parts()
    assert "Claire Fontaine" in text
    assert "Claire Fontaine" in html


def test_on_a_public_structure_without_manager_support_decides():
    user = UserFactory(pending=True)
    request = send_request(user, StructureFactory(), actor=user)
    assert request.is_pending
    assert AttachmentRequest.objects.pending().without_principal().get() == request
    assert "l'assistance examine" in OutgoingMail.objects.get().parts()[0]


def test_someone_attached_to_a_service_may_ask_for_another(managed, manager):
    first, second = ServiceFactory(structure=managed), ServiceFactory(structure=managed)
    user = UserFactory()
    held = AttachmentFactory(user=user, structure=managed, whole_structure=False)
    held.services.add(first)
    request = send_request(user, managed, actor=user, whole_structure=False, services=[second])
    approve_request(request.pk, actor=manager, whole_structure=False, services=[first, second])
    assert set(user.attachments.get().services.all()) == {first, second}


@pytest.mark.parametrize("undisclosed", [True, False])
def test_mails_to_strangers_keep_private_names_to_themselves(undisclosed):
    structure = StructureFactory(private=True, legal_name="Vasseur Entretien", undisclosed=undisclosed)
    manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    user = UserFactory(pending=True)
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
    with pytest.raises(ActionError, match="désactivée"):
        send_request(user, StructureFactory(state=Structure.State.INACTIVE), actor=user)


def test_one_open_request_and_one_attachment_per_structure(managed, manager, wanted):
    with pytest.raises(ActionError, match="déjà rattaché"):
        send_request(manager, managed, actor=manager)
    with pytest.raises(ActionError, match="déjà en cours"):
        send_request(wanted.user, managed, actor=wanted.user)
    with pytest.raises(IntegrityError), transaction.atomic():
        AttachmentRequestFactory(structure=managed, user=wanted.user)
    with pytest.raises(IntegrityError), transaction.atomic():
        AttachmentFactory(structure=managed, user=manager)


def test_a_structure_has_one_principal_manager(managed):
    with pytest.raises(IntegrityError), transaction.atomic():
        AttachmentFactory(structure=managed, role=Role.PRINCIPAL)


def test_approval_attaches_tells_and_starts_activation(wanted, manager):
    approve_request(wanted.pk, actor=manager, role=Role.SECONDARY)
    wanted.refresh_from_db()
    assert (wanted.status, wanted.decided_by) == ("approved", manager)
    assert wanted.user.attachments.get().role == Role.SECONDARY
    assert wanted.user.attachments.get().whole_structure
    assert [slug for slug, _ in mails()] == ["activation", "request_approved"]
    assert events() == ["request_approved", "account_approved"]
    assert set(HistoryEntry.objects.values_list("actor", flat=True)) == {manager.pk}


def test_approval_of_someone_already_active_sends_no_activation(managed, manager):
    wanted = AttachmentRequestFactory(structure=managed, user=UserFactory())
    approve_request(wanted.pk, actor=manager)
    assert [slug for slug, _ in mails()] == ["request_approved"]


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
        approve_request(wanted.pk, actor=manager, role=Role.PRINCIPAL)


def test_support_names_the_first_principal_manager():
    wanted, support = AttachmentRequestFactory(whole_structure=False), UserFactory(staff=True)
    attachment = approve_request(wanted.pk, actor=support, role=Role.PRINCIPAL)
    assert attachment.whole_structure
    assert events() == ["request_approved", "principal_designated", "account_approved"]


def test_a_decision_is_taken_once_and_the_latecomer_is_told(wanted, manager):
    approve_request(wanted.pk, actor=manager)
    for late in (
        lambda: approve_request(wanted.pk, actor=manager),
        lambda: refuse_request(wanted.pk, actor=manager, reason="Inconnu"),
    ):
        with pytest.raises(ActionError, match=f"déjà été validée par {manager}"):
            late()
    assert Attachment.objects.filter(user=wanted.user).count() == 1


def test_an_inactive_structure_s_requests_cannot_be_approved(wanted, manager):
    Structure.objects.update(state=Structure.State.INACTIVE)
    with pytest.raises(ActionError, match="désactivée"):
        approve_request(wanted.pk, actor=manager)


def test_refusal_mails_the_reason_and_closes_a_newcomer(wanted, manager):
    refuse_request(wanted.pk, actor=manager, reason=" Vous êtes au lycée. ")
    wanted.refresh_from_db()
    assert (wanted.status, wanted.reason) == ("refused", "Vous êtes au lycée.")
    assert wanted.user.state == User.State.CLOSED
    assert "Vous êtes au lycée." in OutgoingMail.objects.get().parts()[0]
    assert events() == ["request_refused", "account_closed"]


def test_refusal_closes_nobody_who_waits_elsewhere_or_is_active(wanted, managed, manager):
    elsewhere = AttachmentRequestFactory(user=wanted.user)
    active = AttachmentRequestFactory(structure=managed, user=UserFactory())
    refuse_request(wanted.pk, actor=manager, reason="Non")
    refuse_request(active.pk, actor=manager, reason="Non")
    elsewhere.refresh_from_db()
    active.user.refresh_from_db()
    assert elsewhere.user.state == User.State.PENDING
    assert active.user.state == User.State.ACTIVE


@pytest.mark.parametrize("reason", ["", "  \n "])
def test_refusal_needs_a_reason(wanted, manager, reason):
    with pytest.raises(ActionError, match="motif"):
        refuse_request(wanted.pk, actor=manager, reason=reason)
    wanted.refresh_from_db()
    assert wanted.is_pending
