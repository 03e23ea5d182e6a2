"""A principal manager who never activated the account holds the role for the time being only."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.actions import activate_account, register_account
from accounts.links import Purpose, make_token
from accounts.models import SecretQuestion, User
from attachments.actions import approve_request, lapse_unactivated_principals, refuse_request, send_request
from attachments.forms import RefusalForm
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from structures.models import Structure
from tests.at_once import at_once
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db


def newcomer(email):
    return register_account(
        email=email, first_name="Anne", last_name="Rolland", phone="", contact_email="", survey_consent=False
    )


def ask(email, structure):
    user = newcomer(email)
    return send_request(user, structure, actor=user)


def activate(email):
    user = User.objects.get(email=email)
    return activate_account(
        make_token(user, Purpose.ACTIVATION),
        password="un long mot de passe",
        secret_question=SecretQuestion.PET,
        secret_answer="Médor",
    )


def principal_of(structure):
    return structure.attachments.current().principal().get().user.email


def slugs(email):
    return list(OutgoingMail.objects.filter(to=email).order_by("pk").values_list("slug", flat=True))


SQUATTER, OWNER, OTHER = "squatteur@exemple.example", "vraie@exemple.example", "autre@exemple.example"


@pytest.fixture
def squatted():
    structure = StructureFactory(private=True)
    ask(SQUATTER, structure)
    assert principal_of(structure) == SQUATTER
    return structure


def test_the_next_registrant_who_activates_takes_the_role(squatted):
    request = ask(OWNER, squatted)
    assert request.is_pending
    assert slugs(OWNER) == ["first_to_activate", "activation"]
    before = slugs(SQUATTER)
    activate(OWNER)
    assert principal_of(squatted) == OWNER
    request.refresh_from_db()
    assert request.status == AttachmentRequest.Status.APPROVED
    # Nothing about the owner goes to the address nobody has confirmed.
    assert slugs(SQUATTER) == [*before, "role_lost"]
    assert not any("Rolland" in body for mail in OutgoingMail.objects.filter(slug="role_lost") for body in mail.parts())
    assert User.objects.get(email=SQUATTER).state == User.State.CLOSED
    comments = HistoryEntry.objects.filter(structure=squatted, event="principal_designated").order_by("pk")
    assert "activer son compte" in comments.last().comment
    # The address may register again.
    assert ask(SQUATTER, squatted).is_pending


def test_somebody_with_an_active_account_takes_it_at_once(squatted):
    user = UserFactory()
    assert not send_request(user, squatted, actor=user).is_pending
    assert principal_of(squatted) == user.email


def test_the_first_one_may_activate_first_and_is_then_told_who_waits(squatted):
    request = ask(OWNER, squatted)
    assert "request_to_decide" not in slugs(SQUATTER)
    activate(SQUATTER)
    assert slugs(SQUATTER)[-1] == "request_to_decide"
    activate(OWNER)
    request.refresh_from_db()
    assert (principal_of(squatted), request.is_pending) == (SQUATTER, True)


def test_of_two_who_wait_the_first_to_activate_decides_on_the_other(squatted):
    ask(OWNER, squatted)
    other = ask(OTHER, squatted)
    activate(OWNER)
    assert slugs(OWNER)[-1] == "request_to_decide"
    activate(OTHER)
    other.refresh_from_db()
    assert (principal_of(squatted), other.is_pending) == (OWNER, True)


def test_a_structure_switched_off_meanwhile_keeps_nobody_from_activating(squatted):
    request = ask(OWNER, squatted)
    Structure.objects.update(state=Structure.State.INACTIVE)
    activate(OWNER)
    request.refresh_from_db()
    assert (principal_of(squatted), request.is_pending) == (SQUATTER, True)


def test_on_a_public_structure_support_decides_meanwhile(client):
    structure, support = StructureFactory(), UserFactory(staff=True)
    unseen = AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user=UserFactory(activating=True))
    AttachmentFactory(role=Role.PRINCIPAL)
    request = ask(OWNER, structure)
    assert OutgoingMail.objects.count() == 2
    assert slugs(OWNER) == ["request_sent"]
    assert slugs("assistance@portail.example") == ["request_to_support"]
    assert not [mail for mail in OutgoingMail.objects.all() if str(unseen.user) in mail.parts()[0]]
    assert AttachmentRequest.objects.pending().without_decider().get() == request
    client.force_login(support)
    queue = reverse("admin:attachments_attachment_changelist")
    assert list(client.get(queue, {"account": "unseen"}).context["cl"].queryset) == [unseen]
    approve_request(request.pk, actor=support, role=Role.PRINCIPAL)
    assert principal_of(structure) == OWNER
    assert "role_lost" in slugs(unseen.user.email)


def test_where_somebody_else_decides_nobody_takes_over():
    structure, unseen = StructureFactory(private=True), UserFactory(activating=True)
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user=unseen)
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    request = ask(OWNER, structure)
    assert slugs(secondary.email) == ["request_to_decide"]
    assert User.objects.get(email=OWNER).state == User.State.PENDING
    user = UserFactory()
    assert send_request(user, structure, actor=user).is_pending
    assert request.is_pending


@pytest.mark.parametrize(("delay", "days", "lapsed"), [(None, 6.9, 0), (None, 7.1, 1), (2, 2.1, 1)])
def test_the_role_lapses_after_a_week_or_as_the_setting_says(squatted, settings, delay, days, lapsed):
    settings.PRINCIPAL_ACTIVATION_DAYS = delay or settings.PRINCIPAL_ACTIVATION_DAYS
    Attachment.objects.update(role_since=timezone.now() - timedelta(days=days))
    seen = AttachmentFactory(role=Role.PRINCIPAL, role_since=timezone.now() - timedelta(days=99))
    assert lapse_unactivated_principals() == lapsed
    assert squatted.attachments.current().exists() is not bool(lapsed)
    assert slugs(SQUATTER)[-1] == ("role_lost" if lapsed else "activation")
    assert User.objects.get(email=SQUATTER).state == ("closed" if lapsed else "activating")
    seen.refresh_from_db()
    assert seen.ended_at is None
    assert lapse_unactivated_principals() == 0


def test_a_role_also_lapses_whose_account_is_closed():
    since = timezone.now() - timedelta(days=99)
    AttachmentFactory(role=Role.PRINCIPAL, role_since=since, user=UserFactory(closed=True, activated_at=None))
    assert lapse_unactivated_principals() == 1


def test_nobody_is_told_of_their_own_request():
    held = AttachmentFactory(role=Role.PRINCIPAL, user=UserFactory(activating=True, email=OWNER))
    AttachmentRequestFactory(user=held.user, structure=held.structure)
    activate(OWNER)
    assert slugs(OWNER) == []


def test_after_the_lapse_whoever_waited_still_takes_it_by_activating(squatted):
    ask(OWNER, squatted)
    Attachment.objects.update(role_since=timezone.now() - timedelta(days=8))
    lapse_unactivated_principals()
    activate(OWNER)
    assert principal_of(squatted) == OWNER


@pytest.mark.parametrize("known_by", [AttachmentRequestFactory, AttachmentFactory])
def test_whoever_loses_the_role_and_is_known_elsewhere_keeps_the_account(squatted, known_by):
    known_by(user=User.objects.get(email=SQUATTER))
    Attachment.objects.update(role_since=timezone.now() - timedelta(days=8))
    lapse_unactivated_principals()
    assert User.objects.get(email=SQUATTER).state == User.State.ACTIVATING


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_two_who_activate_at_once_and_a_lapse_leave_one_principal(_round):
    structure = StructureFactory(private=True)
    for email in (SQUATTER, OWNER, OTHER):
        ask(email, structure)
    Attachment.objects.update(role_since=timezone.now() - timedelta(days=8))
    answers = at_once(
        lambda: activate(OWNER), lambda: activate(OTHER), lapse_unactivated_principals, lambda: activate(SQUATTER)
    )
    assert structure.attachments.current().principal().count() == 1
    assert all(getattr(answer, "code", "") in ("", "stale_link") for answer in answers if isinstance(answer, Exception))
    assert principal_of(structure) in (OWNER, OTHER, SQUATTER)
    assert User.objects.get(email=principal_of(structure)).state == User.State.ACTIVE


def test_an_address_nobody_confirmed_gets_a_few_mails_of_a_kind_however_often_it_is_registered(settings):
    settings.MAIL_TO_ONE_RATE = "2/h"
    structure = AttachmentFactory(role=Role.PRINCIPAL).structure
    for _ in range(4):
        refuse_request(ask(OTHER, structure).pk, actor=UserFactory(staff=True), reason="Non")
    assert sorted(slugs(OTHER)) == ["request_refused"] * 2 + ["request_sent"] * 2


@pytest.mark.parametrize(
    ("reason", "accepted"),
    [
        ("Voyez https://mal.example/x", False),
        ("Allez sur mal.example", False),
        ("Écrivez à anne@mairie.example.", True),
    ],
)
def test_a_reason_holds_no_link(reason, accepted):
    assert RefusalForm([AttachmentRequestFactory.build()], {"reason": reason}).is_valid() is accepted


def test_where_only_a_secondary_manager_is_in_force_the_request_is_not_support_s():
    structure = StructureFactory()
    ask(OTHER, structure)
    assert AttachmentRequest.objects.pending().without_decider().count() == 1
    AttachmentFactory(structure=structure, role=Role.SECONDARY)
    assert not AttachmentRequest.objects.pending().without_decider().exists()
