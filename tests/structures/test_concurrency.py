"""Two people at the same instant on one structure, on PostgreSQL."""

import pytest

from attachments.actions import approve_request
from attachments.models import Attachment, Role
from directory.actions import cancel_import
from directory.models import DirectoryImport
from plumbing.errors import ActionError
from structures import actions
from structures.models import Service, Structure
from tests.at_once import at_once, meanwhile
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    DirectoryEntryFactory,
    DirectoryImportFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "21350051500035", "21350051500043"
ROUNDS = pytest.mark.parametrize("round_", range(3))


def done(answers):
    return [answer for answer in answers if not isinstance(answer, Exception)]


@ROUNDS
def test_of_two_founders_one_manages(round_):
    described = {"legal_name": "Menuiserie"}
    founders = UserFactory.create_batch(2)
    answers = at_once(
        *(
            lambda founder=founder: actions.found_structure(
                identifier_type="siret", identifier="99990011100017", described=described, actor=founder
            )
            for founder in founders
        )
    )
    assert len(done(answers)) == 1
    assert sum(isinstance(answer, ActionError) for answer in answers) == 1
    assert Attachment.objects.get().role == Role.PRINCIPAL


@ROUNDS
def test_of_two_changes_one_is_told(round_):
    structure = StructureFactory()
    version = structure.version
    answers = at_once(
        *(
            lambda label=label: actions.change_structure(
                structure.pk, actor=None, values={"label": label}, version=version
            )
            for label in "AB"
        )
    )
    assert len(done(answers)) == 1
    structure.refresh_from_db()
    assert structure.label == done(answers)[0][0].after


@ROUNDS
def test_of_two_new_identifiers_one_is_given(round_):
    structure = StructureFactory(identifier=OLD)
    AttachmentFactory(structure=structure, role=Role.PRINCIPAL)
    DirectoryEntryFactory(identifier=NEW)
    change = [lambda: actions.change_identifier(structure.pk, actor=None, identifier_type="siret", identifier=NEW)] * 2
    answers = at_once(*change)
    assert len(done(answers)) == 1
    assert sum(isinstance(answer, ActionError) for answer in answers) == 1
    assert Structure.objects.filter(state="active").count() == 1
    assert Attachment.objects.principal().count() == 2


@ROUNDS
def test_an_approval_is_not_lost_when_the_identifier_changes(round_):
    structure = StructureFactory(identifier=OLD)
    DirectoryEntryFactory(identifier=NEW)
    principal = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    request = AttachmentRequestFactory(structure=structure)
    approval, new = at_once(
        lambda: approve_request(request.pk, actor=principal),
        lambda: actions.change_identifier(structure.pk, actor=principal, identifier_type="siret", identifier=NEW),
    )
    request.refresh_from_db()
    attached = new.attachments.filter(user=request.user).exists()
    if isinstance(approval, ActionError):
        assert (request.is_pending, request.structure, attached) == (True, new, False)
    else:
        assert (request.is_pending, attached) == (False, True)


def test_a_service_is_switched_as_it_and_its_structure_are_by_then():
    service = ServiceFactory()
    off = [
        lambda: Service.objects.update(is_active=False),
        lambda: Structure.objects.update(state=Structure.State.INACTIVE),
    ]
    told = [meanwhile(change, lambda: actions.deactivate_service(service.pk, actor=None)) for change in off]
    assert [answer.code for answer in told] == ["unchanged", "structure_inactive"]


def test_an_import_that_ends_meanwhile_is_not_cancelled():
    running = DirectoryImportFactory(running=True)
    ended = meanwhile(
        lambda: DirectoryImport.objects.update(state=DirectoryImport.State.DONE),
        lambda: cancel_import(running.pk, actor=running.started_by),
    )
    running.refresh_from_db()
    assert (ended.code, running.state) == ("import_over", "done")


def test_whoever_switches_a_structure_meanwhile_judges_it_as_it_is_then():
    structure = StructureFactory()
    answer = meanwhile(
        lambda: Structure.objects.filter(pk=structure.pk).update(state=Structure.State.INACTIVE),
        lambda: actions.deactivate_structure(structure.pk, actor=None),
    )
    assert answer.code == "unchanged"
