"""Two managers at the same instant, on PostgreSQL."""

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.utils import timezone

from accounts.actions import invite_account, resend_activations
from accounts.models import User
from attachments.actions import Place, attach_people, change_place, detach, duplicate_place, leave_rights, people
from attachments.models import Attachment, Right, Role
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def promotion(place, actor, role=Role.SECONDARY):
    values = {"role": role, "whole_structure": True, "services": []}
    dates = {"starts_on": place.starts_on, "ends_on": None}
    return lambda: change_place(place.pk, actor=actor, version=place.version, **values, **dates)


def test_whoever_is_being_detached_gets_no_role():
    place, actor = AttachmentFactory(), UserFactory(staff=True)
    answer = meanwhile(lambda: detach(place.pk, actor=actor), promotion(place, actor))
    assert (type(answer), answer.code) == (ActionError, "attachment_over")
    assert Attachment.objects.get().role == Role.SIMPLE


def test_who_acts_on_simple_users_does_not_detach_whoever_is_being_promoted():
    place, support = AttachmentFactory(), UserFactory(staff=True)
    actor = AttachmentFactory(structure=place.structure, role=Role.SECONDARY).user
    answer = meanwhile(promotion(place, support), lambda: detach(place.pk, actor=actor))
    assert (type(answer), answer.code) == (ActionError, "right_withdrawn")
    assert Attachment.objects.current().filter(pk=place.pk).exists()


def test_two_managers_attach_the_same_people_to_the_same_structures():
    actor, people, structures = UserFactory(staff=True), UserFactory.create_batch(3), StructureFactory.create_batch(3)
    places = [Place(person, structure) for person in people for structure in structures]
    answers = at_once(lambda: attach_people(places, actor=actor), lambda: attach_people(places[::-1], actor=actor))
    assert sorted(len(answer.done) for answer in answers) == [0, 9]
    assert Attachment.objects.count() == 9
    assert OutgoingMail.objects.filter(slug="attached").count() == 3


def test_a_right_withdrawn_meanwhile_is_gone():
    place = AttachmentFactory(role=Role.SECONDARY)
    wanted = [Place(UserFactory(), place.structure)]
    answer = meanwhile(lambda: detach(place.pk, actor=None), lambda: attach_people(wanted, actor=place.user))
    assert [refusal.code for _, refusal in answer.skipped] == ["right_withdrawn"]


@pytest.mark.parametrize("act", ["detach", "change", "duplicate"])
def test_who_loses_the_right_meanwhile_changes_nobody_s_place(act):
    place = AttachmentFactory(ends_on=timezone.localdate())
    structure = place.structure
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    actor = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    acts = {
        "detach": lambda: detach(place.pk, actor=actor),
        "change": promotion(place, actor, role=Role.SIMPLE),
        "duplicate": lambda: duplicate_place(place.pk, [UserFactory().pk], actor=actor),
    }
    told = meanwhile(
        lambda: leave_rights(structure.pk, actor=principal, rights={Right.ATTACH_PEOPLE: False}), acts[act]
    )
    assert (type(told), told.code) == (ActionError, "right_withdrawn")
    assert Attachment.objects.current().filter(ends_on=timezone.localdate()).get() == place


def test_two_managers_create_the_same_account():
    actor = UserFactory()
    person = {"email": "lou@exemple.example", "first_name": "Lou", "last_name": "Petit", "phone": ""}
    answers = at_once(lambda: invite_account(actor=actor, **person), lambda: invite_account(actor=actor, **person))
    assert sorted(getattr(answer, "code", "") for answer in answers) == ["", "address_used"]
    assert User.objects.filter(email=person["email"]).count() == 1


def test_two_managers_send_the_link_again():
    user, actor = UserFactory(activating=True, created_at=timezone.now() - timedelta(days=2)), UserFactory()
    answers = at_once(*[lambda: resend_activations([user.pk], actor=actor)] * 2)
    assert sorted(len(answer.done) for answer in answers) == [0, 1]
    assert OutgoingMail.objects.count() == 1


def test_two_files_of_the_same_new_people_in_opposite_orders(monkeypatch):
    invite, begun = people.invite_account, Barrier(2)
    terms = {"role": Role.SIMPLE, "starts_on": None, "ends_on": None, "whole_structure": True}
    places = AttachmentFactory.create_batch(2, role=Role.PRINCIPAL)

    def slow(**who):
        user = invite(**who)
        # Whoever created one waits, before the next, for the other to have begun: in vain when that one waits for us.
        with suppress(BrokenBarrierError):
            begun.wait(0.5)
        return user

    def apply(place, addresses):
        who = [{"email": email, "first_name": "Lou", "last_name": "Petit", "phone": ""} for email in addresses]
        wanted = [(person, terms | {"services": ()}) for person in who]
        return lambda: people.attach_from_file(place.structure, wanted, actor=place.user)

    monkeypatch.setattr(people, "invite_account", slow)
    addresses = ["a@exemple.example", "b@exemple.example"]
    answers = at_once(apply(places[0], addresses), apply(places[1], addresses[::-1]))
    assert sorted(len(answer.done) for answer in answers) == [0, 2]
