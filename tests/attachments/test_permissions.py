from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.models import Attachment, Deputy, Role
from attachments.permissions import roles_given_by
from plumbing.reach import held, reach
from tests.factories import AttachmentFactory, AttachmentRequestFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db


def belongs_to(user):
    return list(held("structures.belong_to", user))


def test_what_a_person_belongs_to_is_asked_each_time():
    attachment = AttachmentFactory(role=Role.SIMPLE)
    assert belongs_to(attachment.user) == [attachment.structure_id]
    assert belongs_to(UserFactory()) == []
    attachment.ended_at = timezone.now()
    attachment.save()
    assert belongs_to(attachment.user) == []
    again = AttachmentFactory(user=attachment.user, role=Role.PRINCIPAL)
    assert belongs_to(attachment.user) == [again.structure_id]


def test_an_attachment_runs_out_at_midnight(monkeypatch):
    today = timezone.localdate()
    attachment = AttachmentFactory(role=Role.SIMPLE, ends_on=today)
    assert belongs_to(attachment.user) == [attachment.structure_id]
    monkeypatch.setattr("django.utils.timezone.localdate", lambda: today + timedelta(days=1))
    assert belongs_to(attachment.user) == []


def test_a_manager_to_come_decides_nothing_yet():
    held = AttachmentFactory(role=Role.SECONDARY, starts_on=timezone.localdate() + timedelta(days=1))
    request = AttachmentRequestFactory(structure=held.structure)
    assert not held.user.has_perm("attachments.decide_request", request)
    assert roles_given_by(held.user, [held.structure_id]) == {held.structure_id: (Role.SIMPLE,)}


def test_only_support_names_a_principal_manager():
    held = AttachmentFactory(role=Role.PRINCIPAL)
    key, given = held.structure_id, (Role.SIMPLE, Role.SECONDARY)
    for user, roles in (
        (held.user, given),
        (UserFactory(staff=True), (*given, Role.PRINCIPAL)),
        (UserFactory(), given[:1]),
    ):
        assert roles_given_by(user, [key], on_request=True) == {key: roles}
        assert Role.PRINCIPAL not in roles_given_by(user, [key])[key]


def test_whose_places_one_changes():
    """Asked of a row and of a table alike: the list, home, the nightly mail and the page ask the same."""
    structure = StructureFactory()
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    secondary, other = AttachmentFactory.create_batch(2, structure=structure, role=Role.SECONDARY)
    simple, deputy, upcoming = AttachmentFactory.create_batch(3, structure=structure)
    today, elsewhere = timezone.localdate(), AttachmentFactory()
    for place, days in ((deputy, 0), (upcoming, 9)):
        Deputy.objects.create(
            structure=structure if days == 0 else elsewhere.structure,
            deputy=place.user,
            named_by=principal.user,
            starts_on=today + timedelta(days=days),
            ends_on=today + timedelta(days=99),
        )
    expected = {
        principal: {secondary, other, simple, deputy, upcoming},
        deputy: {secondary, other, simple, upcoming},
        # Who stands in is the principal manager's, or another structure's, to see to.
        secondary: {simple, upcoming},
        simple: set(),
        elsewhere: set(),
    }
    for place, changes in expected.items():
        found = Attachment.objects.filter(reach("attachments.change_place", place.user))
        assert set(found) == changes, place
        assert {
            row for row in Attachment.objects.all() if place.user.has_perm("attachments.change_place", row)
        } == changes


def test_support_belongs_everywhere_but_to_the_ibans():
    support = UserFactory(staff=True)
    assert held("structures.belong_to", support) is None
    assert list(held("structures.view_iban", support)) == []
