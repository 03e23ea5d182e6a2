from datetime import timedelta

import pytest
from django.utils import timezone

from attachments.models import Role
from plumbing.reach import held
from tests.factories import AttachmentFactory, AttachmentRequestFactory, UserFactory

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
    for permission in ("attachments.decide_request", "attachments.name_secondary"):
        assert not held.user.has_perm(permission, request)


def test_only_support_names_a_principal_manager():
    held = AttachmentFactory(role=Role.PRINCIPAL)
    request = AttachmentRequestFactory(structure=held.structure)
    assert held.user.has_perm("attachments.name_secondary", request)
    assert not held.user.has_perm("attachments.name_principal", request)
    assert UserFactory(staff=True).has_perm("attachments.name_principal", request)


def test_support_belongs_everywhere_but_to_the_ibans():
    support = UserFactory(staff=True)
    assert held("structures.belong_to", support) is None
    assert list(held("structures.view_iban", support)) == []
