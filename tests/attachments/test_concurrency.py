"""Two people at the same instant, on real PostgreSQL connections."""

from functools import partial

import pytest
from django.utils import timezone

from accounts.actions import activate_account, deactivate_account
from accounts.links import Purpose, make_token
from accounts.models import User
from attachments.actions import (
    approve_request,
    attach,
    change_dates,
    change_role,
    change_scope,
    end,
    lapse_unactivated_principals,
    refuse_request,
    send_request,
)
from attachments.actions.attachments import attach_or_widen
from attachments.models import Attachment, AttachmentRequest, Role
from directory.identifiers import IdentifierType
from history.models import HistoryEntry
from plumbing.errors import ActionError
from plumbing.references import new_reference
from registration.actions import register
from structures.lookup import look_up
from structures.models import Structure
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 2


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_two_managers_deciding_one_wins_and_the_other_is_told(_round):
    structure = StructureFactory()
    first, second = UserFactory(first_name="Anne", last_name="Un"), UserFactory(first_name="Jean", last_name="Deux")
    AttachmentFactory(structure=structure, user=first, role=Role.PRINCIPAL)
    AttachmentFactory(structure=structure, user=second, role=Role.SECONDARY)
    wanted = AttachmentRequestFactory(structure=structure)

    answers = at_once(
        lambda: approve_request(wanted.pk, actor=first),
        lambda: refuse_request(wanted.pk, actor=second, reason="Inconnu"),
    )

    losers = [answer for answer in answers if isinstance(answer, ActionError)]
    assert len(losers) == 1, answers
    wanted.refresh_from_db()
    winner, outcome = ("Anne Un", "validée") if wanted.status == "approved" else ("Jean Deux", "refusée")
    assert f"a déjà été {outcome} par {winner}" in str(losers[0])
    assert Attachment.objects.filter(user=wanted.user).count() == (wanted.status == "approved")
    assert HistoryEntry.objects.filter(event__in=["request_approved", "request_refused"]).count() == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_two_people_registering_a_new_private_siret_one_becomes_principal(_round):
    lookup = look_up(IdentifierType.SIRET, "99990011100017")
    described = {
        "legal_name": "Menuiserie",
        "label": "",
        "address": "3 rue du Port",
        "complement_1": "",
        "complement_2": "",
        "postcode": "35400",
        "city": "Saint-Malo",
        "country": "France",
    }

    def newcomer(name):
        person = {
            "email": f"{name}@menuiserie.example",
            "first_name": name,
            "last_name": "Kerjean",
            "phone": "",
            "contact_email": "",
            "survey_consent": False,
        }
        return lambda: register(reference=new_reference(), person=person, lookup=lookup, described=described)

    assert at_once(newcomer("gwen"), newcomer("alan")) == [None, None]
    assert Structure.objects.count() == 1
    assert Attachment.objects.current().principal().count() == 1
    assert AttachmentRequest.objects.pending().count() == 1
    assert set(User.objects.values_list("state", flat=True)) == {"activating"}


def test_of_two_people_registering_one_address_a_single_account_is_made():
    structure = StructureFactory()
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    lookup = look_up(structure.identifier_type, structure.identifier)
    person = {
        "email": "rachid@champoulant.example",
        "first_name": "Rachid",
        "last_name": "Amrani",
        "phone": "",
        "contact_email": "",
        "survey_consent": False,
    }

    once = [lambda: register(reference=new_reference(), person=person, lookup=lookup)] * 4
    assert at_once(*once) == [None] * 4
    assert User.objects.filter(email=person["email"]).count() == 1
    assert AttachmentRequest.objects.count() == 1


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_one_person_s_two_requests_the_second_is_told_and_of_two_people_one_takes_over(_round):
    structure = StructureFactory(private=True)
    anne, jean = UserFactory(), UserFactory()
    answers = at_once(*[lambda user=user: send_request(user, structure, actor=user) for user in (anne, anne, jean)])
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [error.code for error in refused] in (["already_attached"], ["request_open"])
    statuses = [answer.status for answer in answers if answer not in refused]
    assert sorted(statuses) == ["approved", "pending"]
    assert structure.attachments.current().principal().count() == 1


def set_to(row, **values):
    return lambda: type(row).objects.filter(pk=row.pk).update(**values)


def test_whoever_acts_meanwhile_waits_and_judges_what_is_then_so():
    """Each row that decides is locked: read without, it would be judged as it was."""
    structure, closing = StructureFactory(), StructureFactory()
    held, waiting = AttachmentFactory(), AttachmentRequestFactory()
    disabled = {"state": User.State.DISABLED}
    moved, new = AttachmentRequestFactory(), StructureFactory()
    wider = AttachmentRequestFactory()
    AttachmentFactory(user=wider.user, structure=wider.structure, whole_structure=False)

    def move():
        Structure.objects.select_for_update().get(pk=moved.structure_id)
        set_to(moved, structure=new)()

    told = [
        meanwhile(set_to(wider.structure, state="inactive"), lambda: approve_request(wider.pk, actor=None)),
        meanwhile(move, lambda: refuse_request(moved.pk, actor=None, reason="Non")),
        meanwhile(set_to(held.user, **disabled), lambda: attach(held.user, structure, actor=None)),
        meanwhile(set_to(closing, state="inactive"), lambda: attach(UserFactory(), closing, actor=None)),
        meanwhile(set_to(waiting, status="withdrawn"), lambda: approve_request(waiting.pk, actor=None)),
        meanwhile(set_to(structure, state="inactive"), lambda: send_request(UserFactory(), structure, actor=None)),
    ]
    assert [answer.code for answer in told] == [
        "structure_inactive",
        "structure_moved",
        "account_closed",
        "structure_inactive",
        "already_decided",
        "structure_inactive",
    ]


def test_a_place_that_is_ended_meanwhile_is_left_as_it_is():
    acts = [
        end,
        partial(change_role, role=Role.SECONDARY),
        partial(change_dates, ends_on=None),
        change_scope,
    ]
    for act in acts:
        held = AttachmentFactory()
        answer = meanwhile(set_to(held, ended_at=timezone.now()), partial(act, held.pk, actor=None))
        assert getattr(answer, "code", "") == "attachment_over", act


def test_a_request_decided_meanwhile_is_left_alone_by_what_happens_to_its_account():
    newcomer, leaver = UserFactory(activating=True), UserFactory()
    private, public = StructureFactory(private=True), StructureFactory()
    first = AttachmentRequestFactory(user=newcomer, structure=private)
    second = AttachmentRequestFactory(user=leaver, structure=public)
    chosen = {"password": "un long mot de passe", "secret_question": "pet", "secret_answer": "Médor"}
    token = make_token(newcomer, Purpose.ACTIVATION)
    meanwhile(set_to(first, status="withdrawn"), lambda: activate_account(token, **chosen))
    meanwhile(set_to(second, status="approved"), lambda: deactivate_account(leaver.pk, actor=None))
    assert list(AttachmentRequest.objects.order_by("pk").values_list("status", flat=True)) == ["withdrawn", "approved"]
    assert not Attachment.objects.exists()


def test_a_principal_who_activates_meanwhile_keeps_the_role(settings):
    settings.PRINCIPAL_ACTIVATION_DAYS = -1
    held = AttachmentFactory(role=Role.PRINCIPAL, user=UserFactory(activating=True))

    def activate():
        Structure.objects.select_for_update().get()
        User.objects.update(activated_at=timezone.now())

    assert meanwhile(activate, lapse_unactivated_principals) == 0
    assert Attachment.objects.current().get() == held


# Somebody who leaves the portal.


def leave(user):
    deactivate_account(user.pk, actor=None)


def approve(user):
    approve_request(user.attachment_requests.get().pk, actor=None)


def become_principal(user):
    attach_or_widen(user, Structure.objects.get(), actor=None, role=Role.PRINCIPAL)


def standing(user):
    user.refresh_from_db()
    return user.state, user.attachments.current().count()


@pytest.mark.parametrize(
    ("first", "second", "status", "code", "held"),
    [(leave, approve, "withdrawn", "already_decided", 0), (approve, leave, "approved", "", 1)],
)
def test_a_request_approved_as_its_person_leaves_is_approved_or_withdrawn(first, second, status, code, held):
    user = UserFactory()
    AttachmentRequestFactory(user=user)
    answer = meanwhile(lambda: first(user), lambda: second(user))
    assert getattr(answer, "code", "") == code
    assert AttachmentRequest.objects.get().status == status
    assert standing(user) == ("disabled", held)


@pytest.mark.parametrize("held", [None, Role.SIMPLE, Role.SECONDARY])
@pytest.mark.parametrize(
    ("first", "second", "code", "state"),
    [(leave, become_principal, "account_closed", "disabled"), (become_principal, leave, "principal_of", "active")],
)
def test_nobody_becomes_principal_manager_as_they_leave(held, first, second, code, state):
    """Whichever comes first: no structure is left with a principal manager who cannot log in."""
    user, structure = UserFactory(), StructureFactory()
    if held:
        AttachmentFactory(user=user, structure=structure, role=held)
    answer = meanwhile(lambda: first(user), lambda: second(user))
    assert answer.code == code
    user.refresh_from_db()
    assert user.state == state
    assert structure.attachments.current().principal().exists() is (state == "active")


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_leaving_and_becoming_principal_at_the_same_instant_one_is_told(_round):
    user = UserFactory()
    AttachmentFactory(user=user, role=Role.SECONDARY)
    answers = at_once(lambda: leave(user), lambda: become_principal(user))
    told = [answer.code for answer in answers if isinstance(answer, Exception)]
    assert told in (["principal_of"], ["account_closed"]), answers


def test_nobody_asks_for_a_place_as_they_leave():
    user, structure = UserFactory(), StructureFactory()
    answer = meanwhile(
        lambda: deactivate_account(user.pk, actor=None), lambda: send_request(user, structure, actor=user)
    )
    assert answer.code == "account_closed"
    assert not AttachmentRequest.objects.exists()
