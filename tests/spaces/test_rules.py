"""Each rule of spaces alone: who may, what stands in the way, what is written and who is told."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.actions import deactivate_account
from accounts.models import User
from attachments.actions import attach, change_role, duplicate_place, transfer_principal, undo_transfers
from attachments.invariants import broken
from attachments.models import Attachment, Deputy, Handover, Right, Role
from attachments.standing_in import tell_standing_in
from history.models import Event, HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from plumbing.facts import gather
from spaces import actions, permissions
from spaces.actions import Line
from spaces.desk import SpacesDesk
from spaces.matrix import Matrix, Sheet
from spaces.models import Access, Grant, Reach, Space, StructureSpace, Subscription
from spaces.receivers import forget_words
from structures.events import service_deactivating, structure_deactivating
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, ServiceFactory, StructureFactory, SubscriptionFactory, UserFactory

pytestmark = pytest.mark.django_db

CONSULT, MODIFY = Access.CONSULTATION, Access.MODIFICATION
WHOLE = [(None, CONSULT)]
DAY = timedelta(days=1)


def space(code="engagements"):
    return Space.objects.get(code=code)


def staffed(**structure):
    structure = StructureFactory(**structure)
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    return structure, principal, AttachmentFactory(structure=structure).user


def opened(structure, code="engagements"):
    StructureSpace.objects.create(structure=structure, space=space(code))
    return space(code)


def asked(user, structure, parts=WHOLE, **terms):
    return actions.ask(user, structure.pk, space().pk, actor=user, parts=parts, **terms)


def in_service(structure, service, **values):
    place = AttachmentFactory(structure=structure, whole_structure=False, **values)
    place.services.set([service])
    return place.user


def mails(slug):
    return set(OutgoingMail.objects.filter(slug=slug).values_list("to", flat=True))


def codes(result):
    return [refusal.code for _, refusal in result.skipped]


def today():
    return timezone.localdate()


@pytest.mark.parametrize("who", ["simple", "stranger", "own"])
def test_only_who_decides_decides(who):
    structure, _principal, user = staffed()
    opened(structure)
    keys = [asked(user, structure)[0].pk]
    actor = {"simple": AttachmentFactory(structure=structure).user, "stranger": UserFactory(), "own": user}[who]
    assert codes(actions.approve(keys, actor=actor)) == ["not_decider"]
    assert codes(actions.refuse(keys, actor=actor, reason="Non")) == ["not_decider"]
    assert codes(actions.end(keys, actor=actor)) == ["not_decider"]
    assert codes(actions.give([Line(user, structure, space(), None, MODIFY)], actor=actor)) == ["not_decider"]
    with pytest.raises(ActionError, match="n'ouvrez ni ne fermez"):
        actions.close_space(structure.pk, space().pk, actor=actor)
    assert Subscription.objects.get().is_pending


def test_what_is_over_is_not_ended_twice_and_each_act_leaves_its_line():
    structure, principal, user = staffed()
    rows = asked(principal, structure, opening=True)
    begins = today() + DAY
    (row,) = asked(user, structure, starts_on=begins, comment=" Remplacement ")
    assert (row.starts_on, row.comment) == (begins, "Remplacement")
    actions.give([Line(user, structure, space(), None, MODIFY)], actor=principal, comment="Bienvenue")
    given = user.subscriptions.get(access=MODIFY)
    # The manager's word is not the person's comment.
    assert (given.comment, given.reason, given.starts_on) == ("", "Bienvenue", today())
    actions.give_back([given.pk], actor=user)
    assert codes(actions.end([given.pk], actor=principal)) == ["over"]
    actions.close_space(structure.pk, space().pk, actor=principal)
    assert list(HistoryEntry.objects.order_by("pk").values_list("event", flat=True)) == [
        "subscription_asked",
        "space_opened",
        "subscription_approved",
        "subscription_asked",
        "subscription_approved",
        "subscription_ended",
        "space_closed",
        *["subscription_ended"] * 2,
    ]
    assert rows[0].user == principal


@pytest.mark.parametrize(
    ("values", "code", "refused"),
    [
        ({"state": "inactive"}, "engagements", "structure_inactive"),
        ({"private": True}, "factures-de-travaux", "not_offered"),
        ({}, "mon-compte", "already_open"),
    ],
)
def test_what_cannot_be_opened_says_why(values, code, refused):
    structure, principal, _user = staffed(**values)
    Space.objects.filter(code="factures-de-travaux").update(public_only=True)
    with pytest.raises(ActionError) as refusal:
        actions.open_space(structure.pk, space(code).pk, actor=principal)
    assert refusal.value.code == refused and not StructureSpace.objects.exists()


def test_opening_asks_only_for_who_may_have_it_and_has_an_account():
    structure, principal, user = staffed()
    AttachmentFactory(structure=structure, role=Role.SECONDARY)
    AttachmentFactory(structure=structure, user__state=User.State.DISABLED)
    Space.objects.filter(code="engagements").update(secondary=Grant.NEVER)
    rows = actions.open_space(structure.pk, space().pk, actor=principal)
    assert {row.user for row in rows} == {principal, user}
    entries = HistoryEntry.objects.filter(event=Event.SUBSCRIPTION_ASKED)
    assert [entry.data["cause"] for entry in entries] == ["space_opened"] * 2


def test_a_role_gives_what_waits_takes_what_it_may_not_have_and_leaves_what_is_free():
    structure, principal, user = staffed()
    place = structure.attachments.get(user=user)
    own = Space.objects.create(code="tableau", label="Tableau", secondary=Grant.DEFAULT)
    (waiting,) = actions.ask(user, structure.pk, own.pk, actor=user, parts=WHOLE)
    free = Space.objects.get(code="factures-emises")
    Space.objects.filter(pk=free.pk).update(simple=Grant.NEVER)
    kept = SubscriptionFactory(user=user, structure=structure, space=free, by_default=True)
    change_role(place.pk, actor=principal, role=Role.SECONDARY)
    waiting.refresh_from_db()
    assert waiting.status == Subscription.Status.APPROVED
    Space.objects.filter(pk=own.pk).update(simple=Grant.NEVER)
    lost = SubscriptionFactory(user=user, structure=structure, space=own, service=ServiceFactory(structure=structure))
    change_role(place.pk, actor=principal, role=Role.SIMPLE)
    live = set(user.subscriptions.live().values_list("pk", flat=True))
    assert kept.pk in live and not live & {lost.pk, waiting.pk}
    assert HistoryEntry.objects.filter(event=Event.SUBSCRIPTION_ENDED, data__cause="role_changed").exists()


def test_who_is_principal_no_longer_keeps_no_line_of_others_services():
    structure, principal, _user = staffed()
    own, other = ServiceFactory.create_batch(2, structure=structure)
    successor = in_service(structure, own)
    opened(structure)
    transfer_principal({structure.pk: successor.pk}, actor=principal)
    asked(successor, structure, [(own, CONSULT), (other, CONSULT)])
    undo_transfers([Handover.objects.get().pk], actor=UserFactory(staff=True))
    assert [row.service for row in successor.subscriptions.live().filter(space=space())] == [own]


def test_whoever_decides_is_told_once_support_when_nobody_does(settings):
    settings.DECIDER_MAIL_RATE = "2/h"
    structure, principal, user = staffed()
    opened(structure)
    asleep = AttachmentFactory(structure=structure, role=Role.SECONDARY, user__state=User.State.DISABLED).user
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    asked(secondary, structure)
    assert mails("subscription_asked") == {principal.email} and asleep.email not in mails("subscription_asked")
    for _ in range(3):
        actions.give_back([asked(user, structure)[0].pk], actor=user)
    # Two of the three; another person's is told all the same.
    assert OutgoingMail.objects.filter(slug="subscription_asked", to=principal.email).count() == 3
    asked(AttachmentFactory(structure=structure).user, structure)
    assert OutgoingMail.objects.filter(slug="subscription_asked", to=principal.email).count() == 4
    alone = AttachmentFactory().user
    asked(alone, alone.attachments.get().structure, opening=True)
    assert settings.SUPPORT_EMAIL in mails("subscription_asked")
    staff = SpacesDesk(UserFactory(staff=True))
    assert [row.user for row in staff.awaiting] == [alone] and staff.known.count() == Subscription.objects.count()
    assert [row.user for row in SpacesDesk(principal).awaiting if row.user == alone] == []


def test_who_never_came_is_told_nothing():
    structure, principal, _user = staffed()
    opened(structure)
    new = AttachmentFactory(structure=structure, user__activating=True).user
    assert len(actions.give([Line(new, structure, space())], actor=principal).done) == 1
    actions.end([new.subscriptions.get().pk], actor=principal)
    assert not OutgoingMail.objects.exists()


def test_a_leaver_is_warned_of_and_their_words_forgotten():
    structure, _principal, user = staffed()
    opened(structure)
    (row,) = asked(user, structure, comment="Ma vie privée")
    facts = {fact.kind: fact.count for fact in deactivate_account(user.pk, actor=UserFactory(staff=True))}
    assert facts["subscription_requests_lost"] == 1
    forget_words(None, [user])
    row.refresh_from_db()
    assert (row.comment, row.status) == ("", Subscription.Status.ENDED)


def test_what_a_deactivation_suspends_is_said():
    structure, _principal, user = staffed()
    service = ServiceFactory(structure=structure)
    SubscriptionFactory(user=user, structure=structure, space=space(), service=service)
    SubscriptionFactory(user=user, structure=structure, space=space("mon-compte"), by_default=True)
    for signal, about in (
        (structure_deactivating, {"structure": structure}),
        (service_deactivating, {"service": service}),
    ):
        assert {fact.kind: fact.count for fact in gather(signal, **about)}["subscriptions_suspended"] == 1


def test_the_reaches_stay_within_what_each_has_and_may_have():
    structure, principal, asker = staffed()
    service, other = ServiceFactory.create_batch(2, structure=structure)
    opened(structure)
    Attachment.objects.filter(user=asker).update(whole_structure=False, starts_on=today() + DAY)
    asker.attachments.get().services.set([service])
    colleague, stranger = in_service(structure, service), in_service(structure, other)
    has, manager = (AttachmentFactory(structure=structure, **values).user for values in ({}, {"role": Role.SECONDARY}))
    SubscriptionFactory(user=has, structure=structure, space=space())
    in_service(structure, service, starts_on=today() + DAY)
    AttachmentFactory(structure=structure, user__state=User.State.DISABLED)
    Space.objects.filter(code="engagements").update(secondary=Grant.NEVER)
    reached = actions.Reached(asker, structure, decider=principal)
    kept = [Line(asker, structure, space())]
    # The asker is there from tomorrow, for one service: that is what « the services concerned » are.
    assert {(line.user, line.service) for line in reached.lines(kept, Reach.SERVICES)} == {(colleague, service)}
    assert {(line.user, line.service) for line in reached.lines(kept, Reach.STRUCTURE)} == {
        (colleague, None),
        (stranger, None),
    }
    assert manager not in {line.user for line in reached.lines(kept, Reach.STRUCTURE)}


def test_why_somebody_is_refused_is_told_to_nobody_else():
    structure, principal, user = staffed()
    other = AttachmentFactory(structure=structure).user
    opened(structure)
    rows = asked(user, structure, [(None, CONSULT), (None, MODIFY)])
    terms = {"reach": Reach.STRUCTURE, "comment": "Bienvenue", "reason": "Votre faute de mars"}
    actions.decide(rows[0].reference, actor=principal, lines=[(space(), None, CONSULT)], **terms)
    (told,) = OutgoingMail.objects.filter(to=other.email)
    assert "Bienvenue" in told.parts()[0] and "faute" not in told.parts()[0] + told.parts()[1]
    assert other.subscriptions.get().reason == "Bienvenue"
    assert "faute" in OutgoingMail.objects.get(to=user.email).parts()[0]


def test_the_matrix_of_a_service_tells_its_lines_and_a_decision_changes_its_version():
    structure, principal, user = staffed()
    service, other = ServiceFactory.create_batch(2, structure=structure)
    opened(structure)
    rows = asked(user, structure, [(None, CONSULT), (service, CONSULT), (other, CONSULT)])
    matrix = Matrix(structure, {"service": str(service.pk)})
    told = {place.user: cells[0].lines for place, cells in matrix.told(list(matrix.everybody))}
    assert {line.service for line in told[user]} == {None, service}
    sheet = Sheet(structure.pk, [user.pk], [space().pk], None)
    before = sheet.version
    actions.approve([rows[0].pk], actor=principal)
    assert sheet.version != before


def test_the_matrix_says_from_which_day_an_access_is_given(client):
    structure, principal, user = staffed()
    opened(structure)
    later = timezone.localdate() + 9 * DAY
    SubscriptionFactory(user=user, structure=structure, space=space(), starts_on=later)
    place = structure.attachments.get(user=user)
    [(_, cells)] = Matrix(structure, {}).told([place])
    assert f"(à partir du {later:%d/%m/%Y})" in next(cell for cell in cells if cell.lines).in_words
    client.force_login(principal)
    assert f"à partir du {date_format(later, 'j N Y')}" in " ".join(
        client.get(f"/structures/{structure.pk}/espaces/personnes/").text.split()
    )


def test_duplicated_rights_bring_what_was_given_by_who_decides():
    structure, principal, user = staffed()
    opened(structure)
    SubscriptionFactory(user=user, structure=structure, space=space())
    new, refused = UserFactory.create_batch(2)
    source = structure.attachments.get(user=user)
    duplicate_place(source.pk, [new.pk], actor=principal)
    assert new.subscriptions.live().filter(space=space(), decided_by=principal).exists()
    secondary = AttachmentFactory(
        structure=structure, role=Role.SECONDARY, **{Right.ATTACH_PEOPLE: True, Right.DECIDE_SUBSCRIPTIONS: False}
    ).user
    duplicate_place(source.pk, [refused.pk], actor=secondary)
    assert not refused.subscriptions.filter(space=space()).exists()


def test_a_catalogue_that_changes_takes_nothing_from_anybody():
    structure, principal, _user = staffed()
    attach(user := UserFactory(), structure, actor=principal)
    received = space("factures-recues")
    grants = dict.fromkeys(Role.values, Grant.SUBSCRIPTION)
    actions.change_space(received.pk, actor=UserFactory(staff=True), values=grants)
    received.refresh_from_db()
    assert not received.is_open_everywhere and permissions.can(User.objects.get(pk=user.pk), received, structure)
    assert broken() == []


def test_a_deputys_decision_says_for_whom():
    structure, principal, user = staffed()
    opened(structure)
    deputy = AttachmentFactory(structure=structure).user
    Deputy.objects.create(structure=structure, deputy=deputy, named_by=principal, ends_on=today() + DAY)
    actions.approve([asked(user, structure)[0].pk], actor=deputy)
    entries = list(HistoryEntry.objects.filter(event=Event.SUBSCRIPTION_APPROVED))
    tell_standing_in(entries)
    assert [entry.deputyship.named_by for entry in entries] == [principal]


@pytest.mark.django_db(transaction=True)
def test_what_is_saved_as_a_colleague_closes_the_space_does_not_open_it_again():
    structure, principal, user = staffed()
    opened(structure)
    sheet = Sheet(structure.pk, [user.pk], [space().pk], None)
    terms = {"given": [Line(user, structure, space())], "taken": [], "seen": sheet.version}
    meanwhile(
        lambda: actions.close_space(structure.pk, space().pk, actor=principal),
        lambda: actions.change_cells(sheet, actor=principal, **terms),
    )
    assert not structure.opened_spaces.current().exists() and not Subscription.objects.live().exists()


@pytest.mark.django_db(transaction=True)
def test_an_account_is_deactivated_while_its_request_is_decided():
    structure, principal, user = staffed()
    opened(structure)
    (row,) = asked(user, structure)
    answers = at_once(
        lambda: deactivate_account(user.pk, actor=UserFactory(staff=True)),
        lambda: actions.approve([row.pk], actor=principal),
    )
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert not Subscription.objects.pending().exists() and broken() == []
