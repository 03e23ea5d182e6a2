"""Adding, changing, deleting: what is kept, what is journaled, what each limit says."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from documents import actions
from documents.actions import library
from documents.models import SupportingDocument, shown_name
from documents.tasks import finish_unfinished
from history.models import HistoryEntry
from plumbing.errors import ActionError
from tests.documents.library import MEGABYTE, add, pdf, stored
from tests.factories import SupportingDocumentFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

State = SupportingDocument.State


def refusal_of(act, *args, **kwargs):
    with pytest.raises(ActionError) as raised:
        act(*args, **kwargs)
    return raised.value


def test_a_file_is_kept_with_what_is_known_of_it(store):
    owner = UserFactory()
    document = add(owner, size=3 * MEGABYTE)
    document.refresh_from_db()
    assert (document.state, document.original_name, document.size) == (State.READY, "Délégation.pdf", 3 * MEGABYTE)
    assert (document.content_type, document.facts) == ("application/pdf", "PDF, 3 Mo")
    [file] = stored(store)
    assert file == store.parent / document.file.name
    assert file.read_bytes() == pdf(3 * MEGABYTE).read()
    assert len(document.sha256) == 64
    assert list(SupportingDocument.objects.of(owner)) == [document]


def test_adding_and_deleting_are_journaled_without_what_may_have_to_be_forgotten(store):
    owner = UserFactory()
    one, two, three = add(owner), add(owner), add(owner)
    assert actions.delete_documents([one.pk], actor=owner) == 1
    assert actions.delete_documents([two.pk, three.pk], actor=owner) == 2
    entries = HistoryEntry.objects.filter(event__startswith="document_").order_by("pk")
    assert [entry.event for entry in entries] == ["document_added"] * 3 + ["document_deleted"] * 2
    assert {(entry.actor, entry.subject) for entry in entries} == {(owner, owner)}
    assert [entry.comment for entry in entries][-3:] == ["Type : Délégation de signature"] * 2 + ["Nombre : 2"]
    assert "Délégation 2026" not in str([entry.data for entry in entries])
    assert stored(store) == []
    assert not SupportingDocument.objects.exists()


@pytest.mark.parametrize("size", [0, 10 * MEGABYTE + 1])
def test_a_file_of_the_wrong_size_is_refused(store, size):
    file = pdf(size) if size else SimpleUploadedFile("a.pdf", b"")
    refused = refusal_of(actions.add_document, file, owner=UserFactory(), designation="a", type="other")
    assert refused.code == ("file_too_large" if size else "file_empty")
    assert "10 Mo" in str(refused) or not size
    assert not SupportingDocument.objects.exists()
    assert stored(store) == []


def test_ten_megabytes_to_the_byte_are_taken(store):
    assert add(UserFactory(), size=10 * MEGABYTE).state == State.READY


def test_a_library_has_an_end_that_counts_what_is_still_being_deleted(settings, store):
    settings.DOCUMENTS_MAX_BYTES = 10 * MEGABYTE
    owner = UserFactory()
    SupportingDocumentFactory(owner=owner, size=4 * MEGABYTE)
    SupportingDocumentFactory(owner=owner, size=3 * MEGABYTE, state=State.DELETING)
    SupportingDocumentFactory(size=9 * MEGABYTE)
    refused = refusal_of(add, owner, size=3 * MEGABYTE + 1)
    assert (refused.code, refused.field) == ("no_room", "file")
    assert "10 Mo en tout, et il vous reste 3 Mo" in str(refused)
    assert add(owner, size=3 * MEGABYTE)
    assert "il vous reste 0 octet" in str(refusal_of(add, owner))


def test_a_library_holds_so_many_files(monkeypatch):
    monkeypatch.setattr(library, "MOST_DOCUMENTS", 2)
    owner = UserFactory()
    SupportingDocumentFactory.create_batch(2, owner=owner)
    assert refusal_of(add, owner).code == "library_full"


def test_a_store_that_does_not_answer_leaves_nothing(store, monkeypatch):
    def silent(*args):
        raise TimeoutError

    monkeypatch.setattr(FileSystemStorage, "_save", silent)
    assert refusal_of(add, UserFactory()).code == "store_silent"
    assert not SupportingDocument.objects.exists()


def test_what_the_store_does_not_delete_is_deleted_by_the_sweep(store, monkeypatch):
    owner = UserFactory()
    document = add(owner)
    with monkeypatch.context() as patched:
        patched.setattr(FileSystemStorage, "delete", lambda *args: 1 / 0)
        assert actions.delete_documents([document.pk], actor=owner) == 1
        finish_unfinished()
    assert not SupportingDocument.objects.of(owner).exists()
    assert SupportingDocument.objects.get().state == State.DELETING
    assert len(stored(store)) == 1
    finish_unfinished()
    assert not SupportingDocument.objects.exists()
    assert stored(store) == []


def test_whoever_writes_for_so_long_that_the_sweep_came_takes_the_file_back(store, monkeypatch):
    write = library.write

    def slowly(document, file):
        write(document, file)
        SupportingDocument.objects.update(created_at=timezone.now() - timedelta(hours=2))
        finish_unfinished()
        assert not SupportingDocument.objects.exists()
        write(document, file)

    monkeypatch.setattr(library, "write", slowly)
    assert refusal_of(add, UserFactory()).code == "too_slow"
    assert stored(store) == []


def test_what_is_just_being_received_is_left_alone():
    document = SupportingDocumentFactory(state=State.RECEIVING)
    finish_unfinished()
    document.refresh_from_db()
    assert document.state == State.RECEIVING


def test_designation_and_type_are_changed_and_the_file_is_not(store):
    owner = UserFactory()
    document = add(owner)
    values = {"designation": "Nomination", "type": "appointment"}
    assert len(actions.change_document(document.pk, actor=owner, values=values)) == 2
    assert actions.change_document(document.pk, actor=owner, values=values) == []
    document.refresh_from_db()
    assert (str(document), document.original_name) == ("Nomination", "Délégation.pdf")
    assert SupportingDocument.objects.matching("nomination delegation").exists()
    actions.delete_documents([document.pk], actor=owner)
    assert refusal_of(actions.change_document, document.pk, actor=owner, values=values).code == "document_deleted"


def test_nobody_changes_or_deletes_what_is_another_s():
    document, other = SupportingDocumentFactory(), UserFactory(staff=True)
    assert refusal_of(actions.change_document, document.pk, actor=other, values={}).code == "document_deleted"
    assert actions.delete_documents([document.pk], actor=other) == 0
    assert not HistoryEntry.objects.exists()
    document.refresh_from_db()
    assert document.state == State.READY


def test_everything_of_one_person_can_be_forgotten(store):
    owner, other = UserFactory(), SupportingDocumentFactory()
    add(owner)
    add(owner)
    assert actions.forget_documents_of([owner]) == 2
    finish_unfinished()
    assert list(SupportingDocument.objects.all()) == [other]
    assert stored(store) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("e\u0301te\u0301.pdf", "été.pdf"),
        ("../../etc/passwd.pdf", ".._.._etc_passwd.pdf"),
        ("C:\\bureau\\a.pdf", "C__bureau_a.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "a__Set-Cookie_ x.pdf"),
        ("facture\u202efdp.txt", "facture_fdp.txt"),
        ("é" * 300 + ".pdf", "é" * 118 + ".pdf"),
        ("a" + "é" * 300 + ".pdf", "a" + "é" * 117 + ".pdf"),
        ("sans fin", "sans fin"),
    ],
)
def test_names_are_kept_as_text_that_can_be_shown_and_given_back(name, shown):
    assert shown_name(name) == shown
    assert Path(shown).name == shown
