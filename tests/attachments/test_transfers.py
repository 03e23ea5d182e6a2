from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from attachments.actions import (
    name_deputy,
    plan_handovers,
    transfer_principal,
)
from attachments.events import role_changed
from attachments.models import Attachment, Deputy, Handover, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.attachments.test_attachments import heard
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = timezone.localdate


@pytest.fixture
def me():
    return UserFactory(last_name="Sortant")


@pytest.fixture
def successor():
    return UserFactory(last_name="Entrant")


@pytest.fixture
def structures(me):
    return [AttachmentFactory(user=me, role=Role.PRINCIPAL).structure for _ in range(3)]


def roles(structure):
    places = Attachment.objects.current().filter(structure=structure)
    return {place.user: Role(place.role) for place in places.select_related("user")}


def mails():
    return sorted(OutgoingMail.objects.values_list("slug", "to"))


def both(slug, *people):
    return sorted((slug, person.email) for person in people)


def journal(event):
    return [(line.subject, line.actor, line.comment) for line in HistoryEntry.objects.filter(event=event)]


def refusal(act, *args, **kwargs):
    with pytest.raises(ActionError) as refused:
        act(*args, **kwargs)
    return refused.value.code


def test_all_pass_to_one_successor_in_one_act(me, successor, structures):
    """Attached here already, manager there, unknown in the third."""
    first, second, third = structures
    held = AttachmentFactory(user=successor, structure=first, whole_structure=False, ends_on=TODAY() + DAY)
    held.services.add(service := ServiceFactory(structure=first))
    AttachmentFactory(user=successor, structure=second, role=Role.SECONDARY, view_history=False)
    waiting = AttachmentRequestFactory(user=successor, structure=third)
    with heard(role_changed) as told:
        rows = transfer_principal({structure.pk: successor.pk for structure in structures}, actor=me)
    for structure in structures:
        assert roles(structure) == {me: Role.SIMPLE, successor: Role.PRINCIPAL}
    place = successor.attachments.get(structure=first)
    assert (place.whole_structure, place.ends_on, place.services.count()) == (True, None, 0)
    assert successor.attachments.get(structure=second).view_history is None
    assert [row.role_before for row in rows] == ["simple", "secondary", ""]
    assert {row.reference for row in Handover.objects.filter(status="done")} == {rows[0].reference}
    waiting.refresh_from_db()
    assert waiting.status == "approved"
    assert set(mails()) - {("request_approved", successor.email)} == set(both("transferred", me, successor))
    assert len(mails()) == 3
    assert journal("principal_transferred") == [(me, me, "Rôle : Gestionnaire principal → Utilisateur simple")] * 3
    assert {line[0] for line in journal("principal_designated")} == {successor}
    assert len(told) == 5
    line = HistoryEntry.objects.get(event="principal_designated", structure=first)
    assert line.data["changes"]["services"] == [[str(service)], []]
    assert "Rôle : Utilisateur simple → Gestionnaire principal" in line.comment


def test_one_each_and_mailed_once(me, structures):
    people = UserFactory.create_batch(3)
    transfer_principal({s.pk: person.pk for s, person in zip(structures, people, strict=True)}, actor=me)
    assert [roles(structure) for structure in structures] == [
        {me: Role.SIMPLE, person: Role.PRINCIPAL} for person in people
    ]
    assert mails() == both("transferred", me, *people)


def test_who_stood_in_does_no_longer(me, successor, structures):
    deputy = AttachmentFactory(structure=structures[0]).user
    name_deputy(structures[0].pk, deputy.pk, actor=me, starts_on=TODAY(), ends_on=TODAY() + DAY)
    # A deputy decides much, but not this.
    assert refusal(transfer_principal, {structures[0].pk: successor.pk}, actor=deputy) == "right_withdrawn"
    OutgoingMail.objects.all().delete()
    transfer_principal({structures[0].pk: successor.pk}, actor=me)
    assert not Deputy.objects.current().exists()
    assert mails() == sorted([("deputy_ended", deputy.email), *both("transferred", me, successor)])


STATES = {
    "pending": {"pending": True},
    "activating": {"activating": True},
    "disabled": {"state": User.State.DISABLED},
    "closed": {"closed": True},
}


@pytest.mark.parametrize("state", STATES)
def test_nothing_at_all_passes_when_one_successor_cannot(state, me, successor, structures):
    unable = UserFactory(**STATES[state])
    chosen = {structures[0].pk: successor.pk, structures[1].pk: successor.pk, structures[2].pk: unable.pk}
    assert refusal(transfer_principal, chosen, actor=me) == "not_active"
    assert refusal(plan_handovers, chosen, actor=me, takes_effect_on=TODAY() + DAY) == "not_active"
    assert all(roles(structure) == {me: Role.PRINCIPAL} for structure in structures)
    assert not (Handover.objects.exists() or HistoryEntry.objects.exists() or OutgoingMail.objects.exists())


def test_who_may_not_hand_over_and_to_whom(me, successor, structures):
    structure = structures[0]
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    staff = UserFactory(staff=True)
    for actor, to, code in (
        (secondary, successor, "right_withdrawn"),
        (successor, successor, "right_withdrawn"),
        (me, me, "is_principal"),
        (me, staff, "is_staff"),
    ):
        assert refusal(transfer_principal, {structure.pk: to.pk}, actor=actor) == code
    transfer_principal({structure.pk: successor.pk}, actor=staff)
    assert refusal(transfer_principal, {structure.pk: secondary.pk}, actor=me) == "right_withdrawn"
    # Nobody there: support alone names somebody, as for a manager who is gone.
    empty = StructureFactory()
    transfer_principal({empty.pk: successor.pk}, actor=staff, reference="123456782")
    assert roles(empty) == {successor: Role.PRINCIPAL}
    assert Handover.objects.get(structure=empty).outgoing is None


def test_a_structure_out_of_service_passes_too(me, successor):
    """Else its principal manager could never leave."""
    place = AttachmentFactory(user=me, role=Role.PRINCIPAL, structure__state="inactive")
    transfer_principal({place.structure_id: successor.pk}, actor=me)
    assert roles(place.structure) == {me: Role.SIMPLE, successor: Role.PRINCIPAL}
