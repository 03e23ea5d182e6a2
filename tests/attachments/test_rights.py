"""Who may do what on a structure: every role, right, date and deputy against a naive reading of the rule."""

from datetime import timedelta
from itertools import product

import pytest
from django.db import connection
from django.utils import timezone

from attachments.actions import (
    Place,
    approve_request,
    attach_people,
    change_role,
    copy_deputy,
    copy_rights,
    detach,
    leave_personal_rights,
    leave_rights,
    name_deputy,
    refuse_request,
)
from attachments.deciders import Desk, annotate_deciders, managers_by_structure
from attachments.models import Attachment, AttachmentRequest, Deputy, Right, Role, SecondaryRights
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from plumbing.reach import held, held_among
from structures.models import Structure
from tests.at_once import meanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
TODAY = timezone.localdate
SAID = (None, True, False)
# (first day, last day) from today, None for none; and whether it was ended.
WHEN = {"always": (-9, None), "until today": (-9, 0), "over": (-9, -1), "to come": (1, None), "ended": (-9, None)}
# As WHEN, of a suppléance; « another » is somebody else's.
STANDS_IN = {"nobody": None, "in": (0, 0), "past": (-9, -1), "to come": (1, 9), "ended": (-9, 9), "another": (-9, 9)}


def naive(right, role, here, own, when, deputy):
    """The rule as domain.md says it."""
    if when not in ("always", "until today"):
        return False
    if role == Role.PRINCIPAL or deputy == "in":
        return True
    if role != Role.SECONDARY:
        return False
    by_default = right not in (Right.VIEW_HISTORY, Right.OPEN_SPACES)
    return own if own is not None else here if here is not None else by_default


def days(bounds):
    return [bound if bound is None else TODAY() + bound * DAY for bound in bounds]


@pytest.mark.also_sqlite
@pytest.mark.parametrize("right", Right)
def test_every_case_is_read_alike_everywhere(right):
    user, somebody = UserFactory(), UserFactory()
    cases = [
        case
        for case in product(Role, SAID, SAID, WHEN, STANDS_IN)
        # A principal manager's has no end, and began: constraints.
        if case[0] != Role.PRINCIPAL or case[3] in ("always", "ended")
    ]
    structures = Structure.objects.bulk_create([StructureFactory.build() for _ in cases])
    places, rows, deputies, expected = [], [], [], set()
    for structure, case in zip(structures, cases, strict=True):
        role, here, own, when, deputy = case
        starts_on, ends_on = days(WHEN[when])
        ended_at = timezone.now() if when == "ended" else None
        # The other rights say the contrary, so that none answers for another.
        said = {other: own if other == right else own is False for other in Right}
        dates = {"starts_on": starts_on, "ends_on": ends_on, "ended_at": ended_at}
        places.append(Attachment(user=user, structure=structure, role=role, **dates, **said))
        if here is not None:
            left = {other: here if other == right else not here for other in Right}
            rows.append(SecondaryRights(structure=structure, **left))
        if STANDS_IN[deputy]:
            begins, last = days(STANDS_IN[deputy])
            who = somebody if deputy == "another" else user
            ended = timezone.now() if deputy == "ended" else None
            deputies.append(
                Deputy(
                    structure=structure, deputy=who, starts_on=begins, ends_on=last, named_by=somebody, ended_at=ended
                )
            )
        if naive(right, *case):
            expected.add(structure.pk)
    for model, made in ((Attachment, places), (SecondaryRights, rows), (Deputy, deputies)):
        model.objects.bulk_create(made)
    AttachmentRequest.objects.bulk_create(
        [AttachmentRequestFactory.build(user=somebody, structure=structure) for structure in structures]
    )

    # Or the planner takes the tables for as small as they were, and may read them once for each other's row.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    keys = [structure.pk for structure in structures]
    annotated = Attachment.objects.effective().with_rights()
    assert {place.structure_id for place in annotated if place.may(right)} == expected
    assert set(held(f"attachments.{right}", user)) == held_among(f"attachments.{right}", user, keys) == expected
    assert Desk(user).may(right).keys() == expected
    if right == Right.DECIDE_REQUESTS:
        mine = AttachmentRequest.objects.for_manager(user)
        assert set(mine.values_list("structure", flat=True)) == expected
        assert set(Desk(user).awaiting.values_list("structure", flat=True)) == expected
        orphans = AttachmentRequest.objects.without_decider().values_list("structure", flat=True)
        assert set(orphans) == set(keys) - expected
        there = managers_by_structure(keys)
        assert {key for key in there if user in there[key].deciders} == expected
    if right == Right.ATTACH_PEOPLE:
        assert {key for key, those in managers_by_structure(keys).items() if user in those.attachers} == expected


@pytest.fixture
def structure():
    return StructureFactory()


@pytest.fixture
def principal(structure):
    return AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user


@pytest.fixture
def secondary(structure, principal):
    return AttachmentFactory(structure=structure, role=Role.SECONDARY)


ALL = dict.fromkeys(Right, True)
NONE = dict.fromkeys(Right, False)


def test_what_is_withdrawn_is_gone_at_the_next_click_and_comes_back(client, structure, principal, secondary):
    wanted = AttachmentRequestFactory(structure=structure)
    client.force_login(secondary.user)
    page = f"/demandes/{wanted.reference}/"
    assert client.get(page).status_code == 200
    assert "Activités du gestionnaire" in client.get("/").text
    leave_rights(structure.pk, actor=principal, rights=NONE)
    assert client.get(page).status_code == 403
    assert client.post(page, {"role": "simple", "scope": "whole"}).status_code == 403
    assert 'href="/activites/"' not in client.get("/").text
    leave_personal_rights(secondary.pk, actor=principal, rights={Right.DECIDE_REQUESTS: True})
    assert client.get(page).status_code == 200


def test_rights_are_journaled_as_data_and_said_when_shown(structure, principal, secondary):
    leave_rights(structure.pk, actor=principal, rights=ALL)
    said = "Consulter l'historique : Non → Oui\nOuvrir et fermer des espaces : Non → Oui"
    assert HistoryEntry.objects.get().comment == said
    leave_rights(structure.pk, actor=principal, rights=ALL)
    leave_personal_rights(secondary.pk, actor=principal, rights={Right.ATTACH_PEOPLE: False})
    leave_personal_rights(secondary.pk, actor=principal, rights={Right.ATTACH_PEOPLE: False})
    entry, _ = HistoryEntry.objects.order_by("-pk")
    assert entry.comment == "Rattacher des utilisateurs : comme la structure → Non"
    assert (entry.actor, entry.subject, entry.structure) == (principal, secondary.user, structure)


@pytest.mark.parametrize("away", ["detached", "simple"])
def test_a_deputy_gives_nobody_back_what_was_withdrawn_from_them(structure, principal, secondary, away):
    deputy = AttachmentFactory(structure=structure).user
    name_deputy(structure.pk, deputy.pk, actor=principal, starts_on=TODAY(), ends_on=TODAY())
    settled = {Right.ATTACH_PEOPLE: False, Right.VIEW_HISTORY: True}
    leave_personal_rights(secondary.pk, actor=principal, rights=settled)
    if away == "simple":
        change_role(secondary.pk, actor=deputy, role=Role.SIMPLE)
        change_role(secondary.pk, actor=deputy, role=Role.SECONDARY)
    else:
        detach(secondary.pk, actor=deputy)
        attach_people([Place(secondary.user, structure, role=Role.SECONDARY)], actor=deputy)
    now = structure.attachments.current().get(user=secondary.user)
    assert (now.role, now.attach_people, now.view_history) == (Role.SECONDARY, False, None)


def test_nobody_settles_their_own_rights_nor_another_role_s(structure, principal, secondary):
    support = UserFactory(staff=True)
    own = AttachmentFactory(structure=structure, user=support, role=Role.SECONDARY)
    simple = AttachmentFactory(structure=structure)
    codes = []
    for place, actor in ((own, support), (simple, principal), (secondary, secondary.user)):
        with pytest.raises(ActionError) as refused:
            leave_personal_rights(place.pk, actor=actor, rights=NONE)
        codes.append(refused.value.code)
    with pytest.raises(ActionError) as refused:
        leave_rights(structure.pk, actor=secondary.user, rights=ALL)
    assert [*codes, refused.value.code] == ["own_rights", "not_secondary", "right_withdrawn", "right_withdrawn"]
    assert not HistoryEntry.objects.exists()


def test_requests_go_to_whoever_may_decide_and_to_support_when_nobody_is_left(structure, principal, secondary):
    principal.state = "disabled"
    principal.save()
    wanted = AttachmentRequestFactory(structure=structure)
    annotate_deciders([wanted])
    assert wanted.deciders == [secondary.user]
    leave_rights(structure.pk, actor=UserFactory(staff=True), rights=NONE)
    annotate_deciders([wanted])
    assert (wanted.deciders, wanted.cause) == ([], "Le compte du gestionnaire principal est désactivé")
    told = OutgoingMail.objects.order_by("pk").values_list("slug", "to")
    assert [*told] == [
        ("request_to_support", "assistance@portail.example"),
        ("request_with_support", wanted.user.email),
    ]


def test_the_page_ticks_what_is_left_to_all_and_what_differs_for_one(client, structure, principal, secondary):
    client.force_login(principal)
    page = f"/structures/{structure.pk}/droits/"
    assert client.get(page).text.count("checked") == 3
    assert client.post(page, {"view_history": "on"}).status_code == 302
    assert structure.secondary_rights.view_history and not structure.secondary_rights.decide_requests
    own = f"{page}{secondary.pk}/"
    assert "Comme les autres (non)" in client.get(own).text
    said = dict.fromkeys(Right.values, "structure")
    assert client.post(own, said | {"decide_requests": "peut-être"}).status_code == 422
    assert client.post(own, said | {"decide_requests": "yes", "view_history": "no"}).status_code == 302
    secondary.refresh_from_db()
    assert [getattr(secondary, right) for right in Right] == [True, None, None, False, None]
    assert "Décider des demandes de rattachement : <b>oui</b>" in " ".join(client.get(page).text.split())
    assert " enregistrés : " in client.post(own, said, follow=True).text
    elsewhere = AttachmentFactory(role=Role.SECONDARY)
    assert client.get(f"{page}{elsewhere.pk}/").status_code == 404
    assert client.post(f"{page}{elsewhere.pk}/", {}).status_code == 404


def test_a_change_of_identifier_carries_rights_and_deputy(structure, principal, secondary):
    leave_rights(structure.pk, actor=principal, rights=NONE)
    Deputy.objects.create(structure=structure, deputy=secondary.user, ends_on=TODAY(), named_by=principal)
    new = StructureFactory()
    copy_rights(structure, new)
    copy_deputy(structure, new)
    assert not new.secondary_rights.decide_requests
    assert new.deputies.get().deputy == secondary.user


@pytest.mark.django_db(transaction=True)
def test_a_right_withdrawn_while_deciding_is_seen_under_the_lock():
    structure = StructureFactory()
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    secondary = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    wanted = AttachmentRequestFactory(structure=structure)

    def withdraw():
        leave_rights(structure.pk, actor=principal, rights=NONE)

    told = meanwhile(withdraw, lambda: approve_request(wanted.pk, actor=secondary))
    again = meanwhile(withdraw, lambda: refuse_request(wanted.pk, actor=secondary, reason="Non"))
    assert (told.code, again.code) == ("not_decider", "not_decider")
    wanted.refresh_from_db()
    assert wanted.is_pending
