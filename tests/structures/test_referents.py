"""Referents are support's to keep, by actions that leave a trace."""

import pytest

from history.models import Event, HistoryEntry
from plumbing.errors import ActionError
from structures import actions
from structures.models import Referent
from tests.at_once import at_once
from tests.factories import StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

VALUES = {"administration": "Rennes", "name": "Anne Un", "email": "a@exemple.example"}


def journal():
    return [(entry.event, entry.actor) for entry in HistoryEntry.objects.order_by("pk")]


def test_a_referent_is_added_changed_and_deleted_with_a_trace_of_each():
    support = UserFactory(is_staff=True)
    referent = actions.create_referent(actor=support, values=VALUES)
    actions.change_referent(referent.pk, actor=support, values={"name": "Zoé Deux"})
    assert HistoryEntry.objects.order_by("pk").last().data["changes"] == {"name": ["Anne Un", "Zoé Deux"]}
    assert actions.change_referent(referent.pk, actor=support, values={"name": "Zoé Deux"}) == []
    actions.delete_referent(referent.pk, actor=support)
    assert not Referent.objects.exists()
    assert journal() == [
        (Event.REFERENT_CREATED, support),
        (Event.REFERENT_CHANGED, support),
        (Event.REFERENT_DELETED, support),
    ]


def test_a_referent_that_serves_is_not_deleted():
    referent = Referent.objects.create(**VALUES)
    StructureFactory(referent=referent)
    with pytest.raises(ActionError) as error:
        actions.delete_referent(referent.pk, actor=None)
    assert (error.value.code, Referent.objects.count()) == ("referent_in_use", 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(3))
def test_two_at_once_on_one_referent_are_told(round_):
    referent, structure = Referent.objects.create(**VALUES), StructureFactory()
    answers = at_once(
        lambda: actions.delete_referent(referent.pk, actor=None),
        lambda: actions.delete_referent(referent.pk, actor=None),
        lambda: actions.change_referent(referent.pk, actor=None, values={"name": "Zoé Deux"}),
        lambda: actions.change_structure(structure.pk, actor=None, values={"referent": referent}),
    )
    refusals = [answer for answer in answers if isinstance(answer, Exception)]
    assert {refusal.code for refusal in refusals} <= {"referent_gone", "referent_in_use"}
    structure.refresh_from_db()
    assert (structure.referent is None) is not Referent.objects.exists()
