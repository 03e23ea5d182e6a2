from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import deactivate_account
from accounts.models import User
from attachments.actions import (
    approve_request,
    cancel_handovers,
    carry_out_due,
    copy_attachments,
    leave_structures,
    move_handovers,
    name_deputy,
    plan_handovers,
    planned,
    transfer_principal,
    undo_transfers,
)
from attachments.events import roles_changed
from attachments.models import Attachment, Deputy, Handover, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from structures.actions import change_identifier
from tests.attachments.test_attachments import heard
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    DirectoryEntryFactory,
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
    with heard(roles_changed) as told:
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
    assert [len(about["changed"]) for about in told] == [3, 2]
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


def plan(structures, successor, actor, days=1):
    chosen = {structure.pk: successor.pk for structure in structures}
    return plan_handovers(chosen, actor=actor, takes_effect_on=TODAY() + days * DAY)


def let_the_day_come():
    Handover.objects.pending().update(takes_effect_on=TODAY())


def test_what_is_planned_passes_on_its_day_and_not_before(me, successor, structures):
    rows = plan(structures, successor, me)
    assert mails() == both("handover_planned", me, successor)
    assert refusal(plan, structures[:1], successor, me) == "has_pending"
    assert carry_out_due() == 0
    assert all(roles(structure) == {me: Role.PRINCIPAL} for structure in structures)
    OutgoingMail.objects.all().delete()
    let_the_day_come()
    assert (carry_out_due(), carry_out_due()) == (3, 0)
    assert all(roles(structure) == {me: Role.SIMPLE, successor: Role.PRINCIPAL} for structure in structures)
    assert mails() == both("transferred", me, successor)
    assert {line[1] for line in journal("principal_transferred")} == {None}
    assert set(Handover.objects.undoable()) == set(rows)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_a_day_that_is_not_to_come_is_refused(days, me, successor, structures):
    assert refusal(plan, structures, successor, me, days) == "not_to_come"


def test_either_cancels_until_the_day(me, successor, structures):
    for actor in (me, successor, UserFactory(staff=True)):
        rows = plan(structures[:1], successor, me)
        assert refusal(cancel_handovers, [rows[0].pk], actor=UserFactory()) == "right_withdrawn"
        OutgoingMail.objects.all().delete()
        cancel_handovers([rows[0].pk], actor=actor)
        assert mails() == both("handover_ended", me, successor)
        assert refusal(cancel_handovers, [rows[0].pk], actor=actor) == "not_pending"
    assert len(journal("handover_cancelled")) == 3


def test_what_can_no_more_be_stops_and_holds_up_nothing_else(me, successor, structures):
    plan(structures[:1], successor, me)
    plan(structures[1:2], gone := UserFactory(), me)
    plan(structures[2:], other := UserFactory(), me)
    # Told at once, not on the day.
    deactivate_account(gone.pk, actor=UserFactory(staff=True))
    assert [line[2] for line in journal("handover_stopped")] == ["Compte du successeur inactif"]
    # Past every action, as a repair by hand would.
    User.objects.filter(pk=other.pk).update(state=User.State.CLOSED)
    OutgoingMail.objects.all().delete()
    let_the_day_come()
    assert carry_out_due() == 1
    assert roles(structures[0])[successor] == Role.PRINCIPAL
    assert roles(structures[1]) == roles(structures[2]) == {me: Role.PRINCIPAL}
    # A closed account reads no mail.
    assert mails() == sorted([("handover_ended", me.email), *both("transferred", me, successor)])


def test_one_that_fails_is_tried_again_and_holds_up_nobody(me, successor, structures, monkeypatch):
    plan(structures[:1], successor, me)
    plan(structures[1:], successor, me)
    let_the_day_come()
    failing = Handover.objects.get(structure=structures[0]).reference
    carry_out = planned.carry_out

    def fail_once(reference):
        if reference == failing:
            raise RuntimeError
        return carry_out(reference)

    monkeypatch.setattr(planned, "carry_out", fail_once)
    assert carry_out_due() == 2
    monkeypatch.setattr(planned, "carry_out", carry_out)
    assert carry_out_due() == 1


@pytest.mark.parametrize("to_whom", ["the one planned", "another"])
def test_a_transfer_at_once_ends_what_was_planned(to_whom, me, successor, structures):
    plan(structures[:1], successor, me)
    OutgoingMail.objects.all().delete()
    now = successor if to_whom == "the one planned" else UserFactory()
    transfer_principal({structures[0].pk: now.pk}, actor=me)
    assert Handover.objects.filter(structure=structures[0]).values_list("status", flat=True).first() == "done"
    assert not Handover.objects.pending().exists()
    told = [] if now == successor else both("handover_ended", me, successor)
    assert mails() == sorted([*told, *both("transferred", me, now)])


def test_contested_all_is_as_it_was_but_for_what_was_decided(me, successor, structures):
    first, second, third = structures
    AttachmentFactory(user=successor, structure=first, role=Role.SECONDARY)
    AttachmentFactory(user=successor, structure=second)
    rows = transfer_principal({structure.pk: successor.pk for structure in structures}, actor=me)
    request = AttachmentRequestFactory(structure=first, user=UserFactory())
    approve_request(request.pk, actor=successor)
    OutgoingMail.objects.all().delete()
    for actor in (successor, UserFactory()):
        assert refusal(undo_transfers, [row.pk for row in rows], actor=actor) == "right_withdrawn"
    undo_transfers([row.pk for row in rows], actor=me)
    assert roles(first) == {me: Role.PRINCIPAL, successor: Role.SECONDARY, request.user: Role.SIMPLE}
    assert roles(second) == {me: Role.PRINCIPAL, successor: Role.SIMPLE}
    assert roles(third) == {me: Role.PRINCIPAL}
    assert mails() == both("transfer_undone", me, successor)
    assert len(journal("transfer_undone")) == 3
    assert refusal(undo_transfers, [rows[0].pk], actor=me) == "already_undone"


def test_too_late_or_handed_on_or_gone_is_not_undone(me, successor, structures, settings):
    late, on, gone = (transfer_principal({structure.pk: successor.pk}, actor=me)[0] for structure in structures)
    staff = UserFactory(staff=True)
    Handover.objects.filter(pk=late.pk).update(done_at=timezone.now() - timedelta(hours=73))
    transfer_principal({on.structure_id: UserFactory().pk}, actor=successor)
    for row in (late, on):
        assert refusal(undo_transfers, [row.pk], actor=me) == "not_undoable"
    # All or nothing.
    assert refusal(undo_transfers, [gone.pk, late.pk], actor=staff) == "not_undoable"
    deactivate_account(me.pk, actor=staff)
    assert refusal(undo_transfers, [gone.pk], actor=staff) == "not_active"
    assert roles(gone.structure)[successor] == Role.PRINCIPAL


def test_mails_say_by_whom_and_what_each_may_do_now(me, successor, structures):
    def told(person):
        return OutgoingMail.objects.filter(slug="transferred", to=person.email).latest("pk").parts()[0]

    AttachmentRequestFactory(structure=structures[0])
    transfer_principal({structures[0].pk: successor.pk}, actor=me)
    assert "Vous avez transmis le rôle" in told(me)
    assert "Vous y restez utilisateur simple" in told(me)
    assert f"{me} vous a transmis le rôle" in told(successor)
    assert "1 demande attend votre décision" in told(successor)
    assert "vous pouvez, ou l'assistance peut" in told(me).replace("’", "'")
    transfer_principal({structures[1].pk: successor.pk}, actor=UserFactory(staff=True))
    assert "a désigné un autre gestionnaire principal que vous" in told(me)
    assert "elle seule peut le défaire" in told(me)
    assert "vous a désigné gestionnaire principal" in told(successor)


def test_what_support_decided_support_alone_undoes(me, successor, structures):
    staff = UserFactory(staff=True)
    (row,) = transfer_principal({structures[0].pk: successor.pk}, actor=staff, cause="claim")
    assert refusal(undo_transfers, [row.pk], actor=me) == "decided_by_support"
    assert roles(structures[0]) == {me: Role.SIMPLE, successor: Role.PRINCIPAL}
    undo_transfers([row.pk], actor=staff)
    assert roles(structures[0]) == {me: Role.PRINCIPAL}


def test_who_left_the_structure_meanwhile_comes_back_by_contesting(me, successor, structures):
    (row,) = transfer_principal({structures[0].pk: successor.pk}, actor=me)
    leave_structures(me, [me.attachments.get(structure=structures[0]).pk], actor=me)
    undo_transfers([row.pk], actor=me)
    assert roles(structures[0]) == {me: Role.PRINCIPAL}


def test_a_structure_s_new_identifier_takes_along_what_is_planned_and_what_can_be_contested(me, successor):
    """Through the change itself, services and all."""
    waiting = [{"identifier_type": "registering", "identifier": name, "private": True} for name in ("A1", "A2")]
    first, second = [StructureFactory(**values) for values in waiting]
    for structure in (first, second):
        AttachmentFactory(user=me, role=Role.PRINCIPAL, structure=structure)
    place = AttachmentFactory(user=successor, structure=second, whole_structure=False)
    place.services.add(service := ServiceFactory(structure=second))
    plan([first], successor, me)
    (done,) = transfer_principal({second.pk: successor.pk}, actor=me)
    new = {}
    for old in (first, second):
        siret = {"identifier_type": "siret", "identifier": DirectoryEntryFactory(nature="private").identifier}
        new[old] = change_identifier(old.pk, actor=UserFactory(staff=True), **siret)
    assert not Handover.objects.filter(structure__in=[first, second]).exists()
    undo_transfers([done.pk], actor=me)
    assert roles(new[second]) == {me: Role.PRINCIPAL, successor: Role.SIMPLE}
    (kept,) = successor.attachments.current().get(structure=new[second]).services.all()
    assert (kept.structure, kept.label) == (new[second], service.label)
    let_the_day_come()
    assert carry_out_due() == 1
    assert roles(new[first]) == {me: Role.SIMPLE, successor: Role.PRINCIPAL}


def test_what_can_still_be_undone_is_said_before_the_account_goes(me, successor, structures, client):
    transfer_principal({structure.pk: successor.pk for structure in structures}, actor=me)
    client.force_login(me)
    page = " ".join(client.get("/mon-compte/desactiver/").text.split())
    assert "ne pourra plus être défait" in page
    assert all(str(structure) in page for structure in structures)
    Handover.objects.update(done_at=timezone.now() - 4 * DAY)
    assert "ne pourra plus être défait" not in client.get("/mon-compte/desactiver/").text


@pytest.mark.parametrize("way", ["at once", "planned", "undone"])
def test_as_many_queries_for_two_as_for_twenty(way, me, successor, monkeypatch):
    def act(count):
        structures = [AttachmentFactory(user=me, role=Role.PRINCIPAL).structure for _ in range(count)]
        for structure in structures[1:]:
            AttachmentFactory(user=successor, structure=structure, whole_structure=False)
            deputy = AttachmentFactory(structure=structure).user
            name_deputy(structure.pk, deputy.pk, actor=me, starts_on=TODAY(), ends_on=TODAY() + DAY)
        chosen = {structure.pk: successor.pk for structure in structures}
        undone = [row.pk for row in transfer_principal(chosen, actor=me)] if way == "undone" else ()
        with CaptureQueriesContext(connection) as asked:
            if way == "at once":
                transfer_principal(chosen, actor=me)
            elif way == "planned":
                plan_handovers(chosen, actor=me, takes_effect_on=TODAY() + DAY)
            else:
                undo_transfers(undone, actor=me)
        return len(asked)

    act(2)
    assert act(2) == act(20)


def test_contested_the_successor_has_back_exactly_what_they_had(me, successor, structures):
    first, second, third = structures
    later, tomorrow = TODAY() + 9 * DAY, TODAY() + DAY
    simple = AttachmentFactory(
        user=successor, structure=first, whole_structure=False, starts_on=tomorrow, ends_on=later
    )
    simple.services.add(service := ServiceFactory(structure=first))
    manager = AttachmentFactory(
        user=successor, structure=second, role=Role.SECONDARY, decide_requests=False, view_history=True
    )
    rows = transfer_principal({structure.pk: successor.pk for structure in structures}, actor=me)
    # The structure's identifier changes meanwhile: it goes along, its services too.
    new = StructureFactory()
    moved = ServiceFactory(structure=new)
    copy_attachments(first, new, services={service.pk: moved.pk})
    move_handovers(first, new, services={service.pk: moved.pk})
    undo_transfers([row.pk for row in rows], actor=me)
    back = successor.attachments.current().get(structure=new)
    assert (back.role, back.whole_structure, back.services.get()) == (Role.SIMPLE, False, moved)
    assert (back.starts_on, back.ends_on) == (tomorrow, later)
    manager.refresh_from_db()
    assert (manager.role, manager.decide_requests, manager.view_history) == (Role.SECONDARY, False, True)
    assert roles(third) == {me: Role.PRINCIPAL}
    assert roles(new) == {me: Role.PRINCIPAL, successor: Role.SIMPLE}
    line = HistoryEntry.objects.get(event="attachment_changed", structure=new)
    assert line.data["changes"]["services"] == [[], [str(moved)]]
