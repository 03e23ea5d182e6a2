"""Two tabs of one person at the same instant, on real PostgreSQL connections."""

import pytest

from documents import actions
from documents.actions import library
from documents.models import SupportingDocument
from history.models import HistoryEntry
from plumbing.errors import ActionError
from tests.at_once import at_once, meanwhile
from tests.documents.library import MEGABYTE, add, stored
from tests.factories import SupportingDocumentFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

State = SupportingDocument.State


def test_two_files_at_once_never_pass_the_limit_together(settings, store):
    settings.DOCUMENTS_MAX_BYTES = 10 * MEGABYTE
    owner = UserFactory()
    for _ in range(5):
        answers = at_once(*[lambda: add(owner, size=6 * MEGABYTE)] * 3)
        refused = [answer for answer in answers if isinstance(answer, ActionError)]
        assert {refusal.code for refusal in refused} == {"no_room"}
        assert len(refused) == 2
        assert len(stored(store)) == SupportingDocument.objects.of(owner).count() == 1
        actions.delete_documents(SupportingDocument.objects.values_list("pk", flat=True), actor=owner)


def test_the_second_waits_until_the_first_is_counted(settings):
    settings.DOCUMENTS_MAX_BYTES = 10 * MEGABYTE
    owner = UserFactory()
    first = SupportingDocumentFactory.build(owner=owner, size=6 * MEGABYTE, state=State.RECEIVING)
    answer = meanwhile(lambda: library._receive(first), lambda: add(owner, size=6 * MEGABYTE))
    assert answer.code == "no_room"


def test_the_same_file_deleted_twice_at_once_is_deleted_once(store):
    owner = UserFactory()
    document = add(owner)
    assert sorted(at_once(*[lambda: actions.delete_documents([document.pk], actor=owner)] * 2)) == [0, 1]
    assert HistoryEntry.objects.filter(event="document_deleted").count() == 1
