from contextlib import suppress
from datetime import timedelta

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from directory import actions as imports
from directory.models import DirectoryImport
from plumbing.errors import ActionError
from plumbing.workers import wake

State = DirectoryImport.State
# A running import says that it lives far more often than that.
SILENCE = timedelta(minutes=5)


def queue_import(import_id):
    """Have a worker run it once the current transaction is committed; when the broker is down the sweep does."""
    wake("directory.tasks.import_directory", import_id)


@shared_task
def import_directory(import_id):
    """Import a file, unless it is done, cancelled, or another one is being imported.

    The broker delivers a task again while it still runs: `run_import` then refuses.
    """
    others = DirectoryImport.objects.filter(state=State.RUNNING).exclude(pk=import_id)
    if (
        DirectoryImport.objects.filter(pk=import_id).exclude(state__in=DirectoryImport.OVER).exists()
        and not others.exists()
    ):
        with suppress(ActionError):
            imports.run_import(import_id)


@shared_task
def sweep_imports():
    """Import what nobody was woken for: worker killed, broker down, another import that ran first."""
    imports.drop_uploads()
    silent = Q(heartbeat=None) | Q(heartbeat__lt=timezone.now() - SILENCE)
    left = DirectoryImport.objects.filter(silent, state=State.RUNNING)
    waiting = DirectoryImport.objects.filter(state=State.WAITING).order_by("created_at", "id")
    for directory_import in [*left, *waiting]:
        import_directory(directory_import.pk)
