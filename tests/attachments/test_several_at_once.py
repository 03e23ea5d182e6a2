"""Several requests decided while somebody else decides, or takes a right away, on real PostgreSQL connections."""

import pytest
from django.utils import timezone

from attachments.actions import approve_request, approve_requests, refuse_request, refuse_requests
from attachments.models import Attachment, AttachmentRequest, Role
from history.models import HistoryEntry
from structures.models import Structure
from tests.at_once import at_once, meanwhile
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 2


def structures_with_requests(count):
    """Two managers of two structures, and requests there."""
    both = [StructureFactory(), StructureFactory()]
    managers = [UserFactory(), UserFactory()]
    for structure in both:
        AttachmentFactory(structure=structure, user=managers[0], role=Role.PRINCIPAL)
        AttachmentFactory(structure=structure, user=managers[1], role=Role.SECONDARY)
    asked = [AttachmentRequestFactory(structure=both[number % 2]).pk for number in range(count)]
    return managers, asked


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_two_who_decide_the_same_set_each_request_is_decided_once(_round):
    (first, second), asked = structures_with_requests(6)
    # In opposite orders: whoever locks one by one would wait for the other for ever.
    approved, refused = at_once(
        lambda: approve_requests(asked, actor=first),
        lambda: refuse_requests(asked[::-1], actor=second, reason="Non"),
    )
    done = [len(approved.done), len(refused.done)]
    assert sorted(done) == [0, 6]
    loser = refused if done[0] else approved
    assert {refusal.code for _, refusal in loser.skipped} == {"already_decided"}
    assert HistoryEntry.objects.filter(event__in=["request_approved", "request_refused"]).count() == 6
    assert Attachment.objects.filter(role=Role.SIMPLE).count() == done[0]


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_of_a_set_and_one_of_it_the_one_is_decided_once(_round):
    (first, second), asked = structures_with_requests(4)
    bulk, single = at_once(
        lambda: approve_requests(asked, actor=first), lambda: refuse_request(asked[2], actor=second, reason="Non")
    )
    lost = isinstance(single, Exception)
    assert len(bulk.done) == 3 + lost
    assert not lost or single.code == "already_decided"
    assert AttachmentRequest.objects.filter(status="approved").count() == 3 + lost


@pytest.mark.parametrize("act", [approve_requests, lambda ids, actor: refuse_requests(ids, actor=actor, reason="Non")])
def test_a_right_withdrawn_meanwhile_is_gone_for_that_structure_only(act):
    (_principal, secondary), asked = structures_with_requests(4)
    kept = AttachmentRequest.objects.get(pk=asked[1]).structure_id
    lost = AttachmentRequest.objects.get(pk=asked[0]).structure_id

    def withdraw():
        Structure.objects.select_for_update().get(pk=lost)
        Attachment.objects.filter(user=secondary, structure=lost).update(ended_at=timezone.now())

    result = meanwhile(withdraw, lambda: act(asked, actor=secondary))
    assert {request.structure_id for request in result.done} == {kept}
    assert [refusal.code for _, refusal in result.skipped] == ["not_decider"] * 2


def test_a_right_withdrawn_meanwhile_is_gone_for_one_request_too():
    (_principal, secondary), asked = structures_with_requests(1)

    def demote():
        Structure.objects.select_for_update().get(attachment_requests=asked[0])
        Attachment.objects.filter(user=secondary).update(role=Role.SIMPLE)

    answer = meanwhile(demote, lambda: approve_request(asked[0], actor=secondary))
    assert answer.code == "not_decider"
    assert AttachmentRequest.objects.pending().count() == 1
