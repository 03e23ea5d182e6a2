"""What people may do: asked for, decided, given by default, opened on a structure, and how all that ends."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import deactivate_account
from attachments.actions import attach, change_role, change_scope, end, leave_rights
from attachments.models import Right, Role
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from spaces import actions
from spaces.actions import Line
from spaces.models import Access, Grant, Space, StructureSpace, Subscription
from spaces.receivers import carry_over
from tests.at_once import at_once
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, SubscriptionFactory, UserFactory

pytestmark = pytest.mark.django_db

CONSULT, MODIFY = Access.CONSULTATION, Access.MODIFICATION
Status = Subscription.Status
WHOLE = [(None, CONSULT)]


def space(code="engagements"):
    return Space.objects.get(code=code)


def staffed(**structure):
    """A structure, its principal manager, and somebody simple there."""
    structure = StructureFactory(**structure)
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    return structure, principal, AttachmentFactory(structure=structure).user


def opened(structure, code="engagements"):
    StructureSpace.objects.create(structure=structure, space=space(code))
    return space(code)


def codes(user):
    return {row.space.code for row in user.subscriptions.live()}


def asked(user, structure, engagements, parts=WHOLE, **terms):
    return actions.ask(user, structure.pk, engagements.pk, actor=user, parts=parts, **terms)


def mails(slug):
    return sorted(OutgoingMail.objects.filter(slug=slug).values_list("to", flat=True))


def events(*kinds):
    return list(HistoryEntry.objects.filter(event__in=kinds).order_by("pk").values_list("event", flat=True))


BASE = {"accueil-connecte", "mon-compte", "factures-emises", "sollicitations-emises"}
ASKED = {
    *("sollicitations-recues", "factures-a-valider", "factures-de-travaux", "engagements"),
    *("memoires-de-frais-de-justice", "demandes-de-remboursement-tic"),
}


def test_the_catalogue_is_the_domains():
    assert set(Space.objects.filter(simple=Grant.SUBSCRIPTION).values_list("code", flat=True)) == ASKED
    assert Space.objects.count() == 12


@pytest.mark.parametrize("nature", ["public", "private"])
@pytest.mark.parametrize("role", Role)
def test_a_place_gives_what_its_role_has_by_default_and_takes_it_back(role, nature):
    structure = StructureFactory(nature=nature)
    attachment = attach(user := UserFactory(), structure, actor=None, role=role)
    managing = {"activites-du-gestionnaire"} if role != Role.SIMPLE else set()
    assert codes(user) == BASE | managing | ({"factures-recues"} if nature == "public" else set())
    assert {row.access for row in user.subscriptions.all()} == set(Access.values)
    assert not events(Event.SUBSCRIPTION_APPROVED)
    SubscriptionFactory(user=user, structure=structure, space=space())
    end(attachment.pk, actor=None)
    assert not user.subscriptions.live().exists()
    # What came by itself goes by itself; what was asked for is told.
    assert HistoryEntry.objects.get(event=Event.SUBSCRIPTION_ENDED).data["name"] == "Engagements"


def test_a_role_brings_its_spaces_and_takes_them_along():
    structure, _principal, user = staffed()
    place = structure.attachments.get(user=user)
    change_role(place.pk, actor=None, role=Role.SECONDARY)
    assert codes(user) == {"activites-du-gestionnaire"}
    SubscriptionFactory(user=user, structure=structure, space=space())
    change_role(place.pk, actor=None, role=Role.SIMPLE)
    assert codes(user) == {"engagements"}


def test_only_what_a_place_still_covers_is_kept():
    structure, _principal, user = staffed()
    kept, lost = ServiceFactory.create_batch(2, structure=structure)
    for service in (kept, lost, None):
        SubscriptionFactory(user=user, structure=structure, space=space(), service=service)
    change_scope(structure.attachments.get(user=user).pk, actor=None, whole_structure=False, services=[kept])
    assert {row.service for row in user.subscriptions.live()} == {kept, None}


def test_asking_waits_for_a_decision_and_tells_who_decides():
    structure, principal, user = staffed()
    engagements, service = opened(structure), ServiceFactory(structure=structure)
    rows = asked(
        user, structure, engagements, [(None, CONSULT), (service, CONSULT), (service, MODIFY)], comment="Bonjour"
    )
    assert {row.status for row in rows} == {Status.PENDING} and len({row.reference for row in rows}) == 1
    assert mails("subscription_asked") == [principal.email]
    entry = HistoryEntry.objects.get(event=Event.SUBSCRIPTION_ASKED)
    assert (entry.subject, entry.reference, len(entry.data["services"])) == (user, rows[0].reference, 3)
    # Asking again for part of it adds the rest.
    assert [row.access for row in asked(user, structure, engagements, [(None, CONSULT), (None, MODIFY)])] == [MODIFY]
    with pytest.raises(ActionError) as refusal:
        asked(user, structure, engagements)
    assert refusal.value.code == "already_asked"


def not_attached(structure, user):
    structure.attachments.filter(user=user).update(ended_at=timezone.now())


def elsewhere_only(structure, user):
    place = structure.attachments.get(user=user)
    place.whole_structure = False
    place.save()
    place.services.set([ServiceFactory(structure=structure)])


@pytest.mark.parametrize(
    ("wrong", "terms", "code"),
    [
        (not_attached, {}, "not_attached"),
        (lambda structure, user: type(structure).objects.update(state="inactive"), {}, "structure_inactive"),
        (lambda structure, user: StructureSpace.objects.update(closed_at=timezone.now()), {}, "space_not_open"),
        (elsewhere_only, {"on_service": True}, "service_not_attached"),
        (lambda structure, user: structure.services.update(is_active=False), {"on_service": True}, "service_closed"),
        (lambda structure, user: Space.objects.update(simple=Grant.NEVER), {}, "not_for_role"),
        (lambda structure, user: None, {"parts": []}, "no_part"),
        (lambda structure, user: None, {"starts_on": timezone.localdate() - timedelta(days=1)}, "starts_past"),
    ],
)
def test_what_cannot_be_asked_says_why(wrong, terms, code):
    structure, _principal, user = staffed()
    engagements, service = opened(structure), ServiceFactory(structure=structure)
    wrong(structure, user)
    service.refresh_from_db()
    parts = [(service, CONSULT)] if terms.pop("on_service", False) else WHOLE
    with pytest.raises(ActionError) as refusal:
        asked(user, structure, engagements, **{"parts": parts} | terms)
    assert refusal.value.code == code
    assert not Subscription.objects.exists() and not OutgoingMail.objects.exists()


def test_a_principal_manager_waits_for_nobody():
    structure, principal, _user = staffed()
    asked(principal, structure, space(), opening=True)
    assert codes(principal) == {"engagements"} and not principal.subscriptions.pending().exists()
    assert structure.opened_spaces.get().opened_by == principal
    assert not OutgoingMail.objects.exists()


def test_both_levels_at_once_wait_for_who_opens():
    structure, principal, user = staffed()
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    rows = asked(user, structure, space(), opening=True)
    assert mails("subscription_asked") == sorted([principal.email, secondary.email])
    ((row, refusal),) = actions.approve([rows[0].pk], actor=secondary).skipped
    assert refusal.code == "space_not_open"
    leave_rights(structure.pk, actor=principal, rights=dict.fromkeys(Right, True))
    assert actions.approve([row.pk], actor=secondary).whole == rows
    assert structure.opened_spaces.get().opened_by == secondary
    assert Subscription.objects.count() == 1


def test_free_spaces_come_and_go_without_anybody():
    structure, _principal, user = staffed()
    free = space("factures-emises")
    rows = asked(user, structure, free)
    assert rows[0].status == Status.APPROVED and not OutgoingMail.objects.exists()
    assert actions.give_back([rows[0].pk], actor=user).whole[0].status == Status.ENDED
    assert events(*Event) == ["subscription_approved", "subscription_ended"]
    ((_, refusal),) = actions.give_back([rows[0].pk], actor=user).skipped
    assert refusal.code == "over"
    with pytest.raises(ActionError) as refusal:
        asked(user, structure, free, starts_on=timezone.localdate() - timedelta(days=1))
    assert refusal.value.code == "starts_past"


def test_what_comes_with_the_role_is_not_given_back_nor_what_is_not_ones_own():
    structure, principal, _user = staffed()
    attach(user := UserFactory(), structure, actor=None)
    kept = user.subscriptions.get(space__code="mon-compte", access=CONSULT)
    free = user.subscriptions.get(space__code="factures-emises", access=CONSULT)
    pending = SubscriptionFactory(user=user, structure=structure, space=space(), status=Status.PENDING)
    result = actions.give_back([kept.pk, free.pk, pending.pk], actor=user)
    assert {row.pk for row in result.done} == {free.pk, pending.pk}
    assert [refusal.code for _, refusal in result.skipped] == ["by_default"]
    ((_, refusal),) = actions.give_back([kept.pk], actor=principal).skipped
    assert refusal.code == "not_own"


def test_a_set_is_decided_and_told_once():
    structure, principal, user = staffed()
    rows = asked(user, structure, opened(structure), [(None, CONSULT), (None, MODIFY)])
    ((_, refusal),) = actions.approve([rows[0].pk], actor=user).skipped
    assert refusal.code == "not_decider"
    assert len(actions.approve([row.pk for row in rows], actor=principal, comment="Bienvenue").whole) == 2
    assert mails("subscription_decided") == [user.email]
    assert {row.decided_by for row in user.subscriptions.all()} == {principal}
    assert [refusal.code for _, refusal in actions.approve([rows[0].pk], actor=principal).skipped] == ["decided"]
    actions.end([row.pk for row in rows], actor=principal, reason="Fin de mission")
    assert mails("subscription_ended") == [user.email] and not user.subscriptions.live().exists()
    assert events(*Event) == ["subscription_asked", "subscription_approved", "subscription_ended"]


def test_a_refusal_gives_its_reason_and_nobody_decides_their_own():
    structure, _principal, _user = staffed()
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    other = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    (row,) = asked(secondary, structure, opened(structure))
    assert [refusal.code for _, refusal in actions.approve([row.pk], actor=secondary).skipped] == ["own_request"]
    with pytest.raises(ActionError) as refusal:
        actions.refuse([row.pk], actor=other, reason=" ")
    assert refusal.value.field == "reason"
    actions.refuse([row.pk], actor=other, reason="Pas dans vos missions")
    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.REFUSED, "Pas dans vos missions")
    assert HistoryEntry.objects.get(event=Event.SUBSCRIPTION_REFUSED).data["reason"] == row.reason


def test_a_manager_gives_what_was_asked_for_or_not():
    structure, principal, user = staffed()
    engagements = opened(structure)
    asked(user, structure, engagements)
    line = Line(user, structure, engagements)
    stranger = Line(UserFactory(), structure, engagements)
    result = actions.give([line, line._replace(access=MODIFY), stranger], actor=principal)
    assert {row.access for row in result.done} == set(Access.values)
    assert [refusal.code for _, refusal in result.skipped] == ["not_attached"]
    assert not actions.give([line], actor=principal).done
    assert mails("subscription_decided") == [user.email]


def test_opening_asks_for_everybody_and_closing_ends_it():
    structure, principal, user = staffed()
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    with pytest.raises(ActionError) as refusal:
        actions.open_space(structure.pk, space().pk, actor=secondary)
    assert refusal.value.code == "not_opener"
    rows = actions.open_space(structure.pk, space().pk, actor=principal)
    assert {row.user for row in rows} == {principal, user, secondary}
    with pytest.raises(ActionError) as refusal:
        actions.open_space(structure.pk, space().pk, actor=principal)
    assert refusal.value.code == "already_open"
    assert len(actions.approve([row.pk for row in rows], actor=principal).whole) == 3
    assert len(actions.close_space(structure.pk, space().pk, actor=principal)) == 3
    assert not Subscription.objects.live().exists()
    assert mails("subscription_ended") == sorted([user.email, secondary.email])
    with pytest.raises(ActionError):
        actions.close_space(structure.pk, space("mon-compte").pk, actor=principal)


def queries(act):
    with CaptureQueriesContext(connection) as captured:
        act()
    return len(captured)


def test_fifty_take_as_many_queries_as_two():
    counted = []
    for number in (2, 50):
        structure, principal, _user = staffed()
        people = UserFactory.create_batch(number)
        counted.append([*_opening_and_all(structure, principal, people)])
    assert counted[0] == counted[1]


def _opening_and_all(structure, principal, people):
    places = [AttachmentFactory(structure=structure, user=person) for person in people]
    yield queries(lambda: actions.give_defaults(places, actor=None))
    yield queries(lambda: actions.open_space(structure.pk, space().pk, actor=principal))
    waiting = list(Subscription.objects.pending().filter(structure=structure).values_list("pk", flat=True))
    assert len(waiting) >= len(people)
    yield queries(lambda: actions.approve(waiting, actor=principal))
    yield queries(lambda: actions.close_space(structure.pk, space().pk, actor=principal))
    yield queries(lambda: actions.end_with(places, actor=None))
    assert not Subscription.objects.live().filter(structure=structure, user__in=people).exists()


def test_a_new_identifier_carries_all_of_it_over():
    structure, _principal, user = staffed()
    engagements, service = opened(structure), ServiceFactory(structure=structure)
    had = SubscriptionFactory(user=user, structure=structure, space=engagements, service=service)
    waiting = SubscriptionFactory(user=user, structure=structure, space=engagements, status=Status.PENDING)
    # Whose place is over there stays behind, as does a space closed since.
    over = SubscriptionFactory(structure=structure, space=engagements).user
    opened(structure, "factures-a-valider")
    structure.opened_spaces.filter(space__code="factures-a-valider").update(closed_at=timezone.now())
    AttachmentFactory(structure=(new := StructureFactory()), user=user)
    carry_over(None, structure, new, services={service.pk: ServiceFactory(structure=new)})
    assert not new.subscriptions.filter(user=over).exists()
    assert new.opened_spaces.current().get().space == engagements
    assert {row.reference for row in new.subscriptions.all()} == {"", waiting.reference}
    assert {(row.status, row.service and row.service.structure) for row in new.subscriptions.all()} == {
        (Status.APPROVED, new),
        (Status.PENDING, None),
    }
    assert [row.pk for row in structure.subscriptions.live().filter(user=user)] == [had.pk] and waiting.pk != had.pk


def test_who_leaves_the_portal_no_longer_asks():
    structure, _principal, user = staffed()
    SubscriptionFactory(user=user, structure=structure, space=space(), status=Status.PENDING)
    kept = SubscriptionFactory(user=user, structure=structure, space=space(), access=MODIFY)
    deactivate_account(user.pk, actor=user)
    assert [row.pk for row in user.subscriptions.live()] == [kept.pk]
    assert not Subscription.objects.effective().exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_decides_and_one_asks():
    structure, principal, user = staffed()
    engagements = opened(structure)
    first, second = at_once(*[lambda: asked(user, structure, engagements)] * 2)
    assert Subscription.objects.count() == 1
    assert {type(answer).__name__ for answer in (first, second)} == {"list", "AlreadyDone"}
    key = Subscription.objects.get().pk
    yes, no = at_once(
        lambda: actions.approve([key], actor=principal), lambda: actions.refuse([key], actor=principal, reason="Non")
    )
    assert sorted([len(yes.done), len(no.done)]) == [0, 1]
