"""What support does to an account: through actions, locked, journaled, announced."""

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts import actions, events
from accounts.links import Purpose, make_token
from accounts.models import User
from attachments.actions import approve_request
from attachments.models import Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from plumbing.facts import sentence
from tests.at_once import at_once
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_rights_are_changed_by_a_superuser_and_journaled(client):
    boss, colleague = UserFactory(staff=True, is_superuser=True), UserFactory()
    client.force_login(boss)
    path = reverse("admin:accounts_user_change", args=[colleague.pk])
    data = {"first_name": colleague.first_name, "last_name": colleague.last_name, "is_staff": "on"}
    assert client.post(path, data | {"is_superuser": "on"}).status_code == 302
    colleague.refresh_from_db()
    assert (colleague.is_staff, colleague.is_superuser) == (True, True)
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.subject) == ("rights_changed", boss, colleague)
    assert entry.data["changes"] == {"is_staff": [False, True], "is_superuser": [False, True]}
    client.post(path, data | {"is_superuser": "on"})
    assert HistoryEntry.objects.count() == 1


def test_nobody_changes_their_own_rights(client):
    boss = UserFactory(staff=True, is_superuser=True)
    client.force_login(boss)
    path = reverse("admin:accounts_user_change", args=[boss.pk])
    answer = client.post(path, {"first_name": "A", "last_name": "B", "is_staff": "on"}, follow=True)
    assert "Nul ne change ses propres droits." in answer.text
    boss.refresh_from_db()
    assert (boss.is_superuser, boss.first_name) == (True, "Anne")


def test_what_support_changes_of_an_account_is_journaled(client):
    support, user = UserFactory(staff=True), UserFactory(first_name="Ane")
    client.force_login(support)
    path = reverse("admin:accounts_user_change", args=[user.pk])
    client.post(path, {"first_name": "Anne", "last_name": user.last_name, "phone": "02 99 00 00 00"})
    entry = HistoryEntry.objects.get()
    assert (entry.event, entry.actor, entry.subject) == ("account_changed", support, user)
    assert entry.comment.splitlines() == ["Champs modifiés : prénom, téléphone"]
    assert entry.data["personal"] == ["first_name", "phone"]


def test_a_deactivated_account_can_do_nothing_and_loses_what_it_asked_for(client):
    user, support = UserFactory(), UserFactory(staff=True)
    request = AttachmentRequestFactory(user=user, structure__legal_name="Lycée Monnet")
    refused = AttachmentRequestFactory(user=user, status="refused", reason="Non")
    held = AttachmentFactory(user=user, whole_structure=False)
    held.services.add(ServiceFactory(structure=held.structure, label="Cantine", code="C"))
    client.force_login(user)
    facts = actions.deactivate_account(user.pk, actor=support)
    assert {fact.kind: fact.count for fact in facts} == {"requests_lost": 1, "services_left_without_anyone": 1}
    assert [sentence(fact) for fact in facts][1] == "1 service reste sans personne : Cantine (C)."
    request.refresh_from_db()
    refused.refresh_from_db()
    assert (request.status, refused.status) == ("withdrawn", "refused")
    assert HistoryEntry.objects.get(event="request_withdrawn").comment == "Compte désactivé"
    assert client.get("/organisation/").status_code == 302
    said = list(HistoryEntry.objects.order_by("pk").values_list("event", "actor"))
    assert said == [("account_deactivated", support.pk), ("request_withdrawn", support.pk)]
    with pytest.raises(ActionError) as error:
        actions.deactivate_account(user.pk, actor=support)
    assert error.value.code == "not_active"


def test_a_principal_manager_is_not_deactivated_before_a_successor_is_named(client):
    principal = AttachmentFactory(role=Role.PRINCIPAL, structure__legal_name="Lycée <Monnet>")
    support = UserFactory(staff=True)
    client.force_login(support)
    path = reverse("admin:accounts_user_changelist")
    answer = client.post(path, {"action": "deactivate", "_selected_action": [principal.user.pk]}, follow=True)
    assert "Lycée &lt;Monnet&gt;" in answer.text
    principal.user.refresh_from_db()
    assert principal.user.state == User.State.ACTIVE
    with pytest.raises(ActionError) as error:
        actions.deactivate_account(principal.user.pk, actor=support)
    assert error.value.code == "principal_of"


@pytest.mark.parametrize(("state", "possible"), [("disabled", True), ("closed", True), ("active", False)])
def test_an_account_that_served_is_reactivated_by_a_new_activation(state, possible):
    user, told, locking = UserFactory(state=state, deactivated_at=timezone.now(), closed_at=timezone.now()), [], []

    def hear(sender, user, **about):
        told.append(user)

    def hear_locking(sender, user_id, **about):
        locking.append(user_id)

    events.account_reactivated.connect(hear)
    events.account_locking.connect(hear_locking)
    if possible:
        actions.reactivate_account(user.pk, actor=None)
    else:
        with pytest.raises(ActionError):
            actions.reactivate_account(user.pk, actor=None)
    events.account_reactivated.disconnect(hear)
    events.account_locking.disconnect(hear_locking)
    assert locking == [user.pk]
    before, version = user.activated_at, user.link_version
    user.refresh_from_db()
    assert (user.activated_at, user.link_version) == (before, version + possible)
    assert HistoryEntry.objects.filter(event="account_reactivated").exists() is possible
    assert (told == [user]) is possible
    assert user.state == ("activating" if possible else "active")
    assert OutgoingMail.objects.filter(slug="activation").exists() is possible
    if possible:
        assert (user.deactivated_at, user.closed_at) == (None, None)
        token = make_token(user, Purpose.ACTIVATION)
        actions.activate_account(token, password="un long mot de passe", secret_question="pet", secret_answer="Médor")
        user.refresh_from_db()
        assert (user.state, user.activated_at) == ("active", before)


def test_an_account_that_never_served_is_not_reactivated():
    user = UserFactory(closed=True, activated_at=None)
    with pytest.raises(ActionError):
        actions.reactivate_account(user.pk, actor=None)


@pytest.mark.parametrize("action", ["deactivate", "reactivate", "send_activation_again"])
def test_support_does_nothing_to_a_superuser(client, action):
    boss = UserFactory(staff=True, is_superuser=True, state="disabled" if action == "reactivate" else "active")
    client.force_login(UserFactory(staff=True))
    path = reverse("admin:accounts_user_changelist")
    answer = client.post(path, {"action": action, "_selected_action": [boss.pk]}, follow=True)
    assert "seul un super-utilisateur" in answer.text
    assert not HistoryEntry.objects.exists()


@pytest.mark.parametrize("permission", ["structures.change_structure", "structures.view_structure"])
def test_a_permission_a_rule_answers_is_no_table_s(permission):
    """Django's own answer, asked without a row, is yes to every superuser."""
    assert not UserFactory(is_staff=True, is_superuser=True).has_perm(permission)


def test_superusers_get_no_more_of_the_domain_than_support():
    """Django's shortcut answered yes to everything, one's own request included."""
    boss = UserFactory(staff=True, is_superuser=True)
    own = AttachmentRequestFactory(user=boss)
    assert not boss.has_perm("attachments.decide_request", own)
    assert boss.has_perm("attachments.decide_request", AttachmentRequestFactory())
    assert not boss.has_perm("structures.view_iban", StructureFactory())
    assert not boss.has_perm("nothing.at_all", own)
    technician = UserFactory(is_superuser=True)
    assert not technician.has_perm("structures.change_structure", StructureFactory())
    assert technician.has_perm("axes.view_accessattempt")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_becoming_principal_while_being_deactivated_is_one_or_the_other(_round):
    request = AttachmentRequestFactory(user=UserFactory())
    support = UserFactory(staff=True)
    approved, deactivated = at_once(
        lambda: approve_request(request.pk, actor=support, role=Role.PRINCIPAL),
        lambda: actions.deactivate_account(request.user_id, actor=support),
    )
    assert isinstance(approved, ActionError) != isinstance(deactivated, ActionError)
    request.user.refresh_from_db()
    assert request.user.attachments.current().exists() is (request.user.state == User.State.ACTIVE)


def test_support_does_not_deactivate_itself(client):
    boss, other = UserFactory(staff=True, is_superuser=True), UserFactory()
    client.force_login(boss)
    path = reverse("admin:accounts_user_changelist")
    answer = client.post(path, {"action": "deactivate", "_selected_action": [boss.pk, other.pk]}, follow=True)
    assert "Votre propre compte est coché" in answer.text
    assert set(User.objects.values_list("state", flat=True)) == {"active"}
