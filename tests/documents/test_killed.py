"""A process killed between a row and its file: the sweep leaves neither one without the other."""

import signal
import subprocess
import sys

import pytest
import time_machine
from django.utils import timezone

from documents.actions.files import ABANDONED
from documents.models import FOLDER, SupportingDocument
from documents.tasks import finish_unfinished
from tests.documents.library import add, stored
from tests.factories import UserFactory
from tests.processes import portal_environment

pytestmark = pytest.mark.django_db(transaction=True)

State = SupportingDocument.State
START = """
import os, signal
import django
django.setup()
from django.core.files.storage import FileSystemStorage
from documents import actions
from documents.models import SupportingDocument
from tests.documents.library import add
from accounts.models import User

def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)

def before(name):
    setattr(FileSystemStorage, name, die)

def after(name):
    act = getattr(FileSystemStorage, name)
    setattr(FileSystemStorage, name, lambda *args, **kwargs: (act(*args, **kwargs), die()))

def half_written():
    from django.core.files.uploadedfile import InMemoryUploadedFile
    def chunks(self, size=None):
        yield b"%PDF-1.7 half of"
        die()
    InMemoryUploadedFile.chunks = chunks

owner = User.objects.get()
ADD = lambda: add(owner, size=3_000_000)
DELETE = lambda: actions.delete_documents([SupportingDocument.objects.get().pk], actor=owner)
"""


@pytest.fixture
def store(settings, tmp_path):
    """Where a process started by the test keeps its files too."""
    settings.MEDIA_ROOT = tmp_path / "files"
    return settings.MEDIA_ROOT / FOLDER


def killed(tmp_path, *lines):
    code = START + "\n".join(lines)
    died = subprocess.run([sys.executable, "-c", code], env=portal_environment(CHORUS_VAR_DIR=str(tmp_path)))
    assert died.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("moment", "files"), [("before('_save')", 0), ("half_written()", 1), ("after('_save')", 1)])
def test_killed_while_adding(tmp_path, store, moment, files):
    owner = UserFactory()
    killed(tmp_path, moment, "ADD()")
    assert SupportingDocument.objects.get().state == State.RECEIVING
    assert len(stored(store)) == files
    assert not SupportingDocument.objects.of(owner).exists()
    with time_machine.travel(timezone.now() + ABANDONED * 0.9):
        finish_unfinished()
        assert SupportingDocument.objects.exists()
    with time_machine.travel(timezone.now() + ABANDONED * 1.1):
        finish_unfinished()
    assert not SupportingDocument.objects.exists()
    assert stored(store) == []


@pytest.mark.parametrize(("moment", "files"), [("before('delete')", 1), ("after('delete')", 0)])
def test_killed_while_deleting(tmp_path, store, moment, files):
    owner = UserFactory()
    add(owner)
    killed(tmp_path, moment, "DELETE()")
    assert SupportingDocument.objects.get().state == State.DELETING
    assert len(stored(store)) == files
    assert not SupportingDocument.objects.of(owner).exists()
    finish_unfinished()
    assert not SupportingDocument.objects.exists()
    assert stored(store) == []


def test_killed_while_the_sweep_deletes(tmp_path, store):
    """And the sweep that comes next goes on."""
    owner = UserFactory()
    for document in (add(owner), add(owner)):
        SupportingDocument.objects.filter(pk=document.pk).update(state=State.DELETING)
    killed(tmp_path, "after('delete')", "actions.finish_unfinished()")
    assert (SupportingDocument.objects.count(), len(stored(store))) == (2, 1)
    finish_unfinished()
    assert (SupportingDocument.objects.count(), len(stored(store))) == (0, 0)
