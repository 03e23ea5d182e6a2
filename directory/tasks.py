from contextlib import suppress

from celery import shared_task

from directory import actions as imports
from directory.models import DirectoryImport
from plumbing.errors import ActionError
from plumbing.workers import wake

State = DirectoryImport.State


def queue_import(import_id):
    """Have a worker run it once the current transaction is committed; when the broker is down the sweep does."""
    wake("directory.tasks.import_directory", import_id)


@shared_task
def import_directory(import_id):
    """Import a file, unless it is over or another one is being imported: `run_import` then refuses."""
    if not DirectoryImport.objects.filter(state=State.RUNNING).exclude(pk=import_id).exists():
        with suppress(ActionError, DirectoryImport.DoesNotExist):
            imports.run_import(import_id)


@shared_task
def sweep_imports():
    """Import what nobody was woken for: worker killed, broker down, another import that ran first."""
    imports.drop_uploads()
    # One that still runs refuses to be taken up; nothing overtakes one that was left half-way.
    for directory_import in DirectoryImport.objects.filter(state__in=DirectoryImport.UNDER_WAY).order_by(
        "state", "created_at", "id"
    ):
        import_directory(directory_import.pk)
