"""Reading files into the directory: one import at a time, all read before anything is written."""

import logging
import os
import shutil
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from directory.importers.faults import CLOSED, INTERRUPTED, SHORTAGE, FileRefused, is_shortage
from directory.importers.reading import Reading, connected
from directory.importers.sources import fingerprint
from directory.importers.writing import drop_indexes, restore_indexes, write
from directory.models import DirectoryImport, RejectedLine
from plumbing.errors import ActionError

# Lines written in one transaction; nobody else writes to SQLite meanwhile.
SLICE, SLICE_OF_SQLITE = 1_000_000, 20_000
SILENT = timedelta(minutes=10)  # after which a run that says nothing is dead: building an index takes minutes
# A run that left out nine lines of ten, once it read this many, stops: it is the wrong file, or a broken one.
JUDGED_FROM, MOSTLY = 10_000, 0.9
State = DirectoryImport.State
logger = logging.getLogger(__name__)


class Superseded(Exception):
    """Another process took this import over, or somebody cancelled it."""


@transaction.atomic
def receive_import(file, second_file=None, *, actor):
    """Keep an uploaded file to be imported, or SIRENE's two; the waiting DirectoryImport.

    Raises ActionError when a file is empty, or together they are larger than IMPORT_MAX_BYTES.
    """
    files = [one for one in (file, second_file) if one]
    size = sum(one.size for one in files)
    if not all(one.size for one in files):
        raise ActionError("file_empty", "Le fichier est vide.")
    if size > settings.IMPORT_MAX_BYTES:
        raise ActionError(
            "file_too_large",
            f"Le fichier dépasse {settings.IMPORT_MAX_BYTES // 2**20} Mo : importez-le par la commande.",
        )
    return DirectoryImport.objects.create(
        file=file,
        second_file=second_file or "",
        file_name=_named(one.name for one in files),
        size=size,
        started_by=actor,
    )


def _named(names):
    return " + ".join(map(os.path.basename, names))[:250]


def prepare_import(files):
    """The DirectoryImport of one file open for reading, or of SIRENE's two: the one an earlier run left unfinished,
    else a new one."""
    mark = fingerprint(files)
    size = sum(raw.seek(0, os.SEEK_END) for raw in files)
    name = _named(raw.name for raw in files)
    with transaction.atomic():
        unfinished = DirectoryImport.objects.filter(fingerprint=mark).exclude(state__in=DirectoryImport.OVER).first()
        return unfinished or DirectoryImport.objects.create(file_name=name, fingerprint=mark, size=size)


def run_import(import_id, files=(), *, report=lambda progress: None):
    """Import the files of a DirectoryImport; the finished DirectoryImport.

    `files` are open for reading, none when they were uploaded. `report` is called with the DirectoryImport now and
    then. Raises ActionError when another import runs, when somebody cancels this one, or when a file is no good. Of
    a run that died half-way, what was committed stays, and another run reads again and writes the rest.
    """
    claimed = _claim(import_id)
    try:
        if not (files or claimed.files):
            raise ActionError("import_elsewhere", "Le fichier n'est pas sur le portail : relancez la commande.")
        with ExitStack() as opened, _workplace(claimed.holder) as folder:
            uploaded = [opened.enter_context(file.open("rb")) for file in claimed.files] if not files else ()
            _import(claimed, files or uploaded, folder, report)
        if not _end(claimed, State.DONE):
            raise Superseded
    except FileRefused as refusal:
        _end(claimed, State.REFUSED, str(refusal))
        raise ActionError("file_refused", str(refusal)) from refusal
    except Superseded as error:
        if DirectoryImport.objects.filter(pk=import_id, state=State.CANCELLED).exists():
            restore_indexes(lambda: None, changed=False)
            raise ActionError("import_cancelled", "L'import a été annulé.") from error
        raise ActionError("import_superseded", "Un autre processus a repris cet import.") from error
    except BaseException as error:
        if not is_shortage(error):
            _end(claimed, State.FAILED, INTERRUPTED)
            raise
        logger.exception("Import %s stopped", import_id)
        _end(claimed, State.FAILED, SHORTAGE)
        raise ActionError("import_stopped", SHORTAGE) from error
    return claimed


@transaction.atomic
def cancel_import(import_id, *, actor):
    """« Annuler » an import that waits or runs; the process that runs it stops within seconds.

    What was committed stays in the directory. Raises ActionError when it is over already.
    """
    cancelled = DirectoryImport.objects.select_for_update(of=("self",)).get(pk=import_id)
    if cancelled.state not in DirectoryImport.UNDER_WAY:
        raise ActionError("import_over", "Cet import n'attend plus et n'est plus en cours : rien n'a été annulé.")
    cancelled.state, cancelled.ended_at = State.CANCELLED, timezone.now()
    cancelled.error = f"Annulé par {actor}. Ce qui était déjà importé reste dans l'annuaire."
    cancelled.save(update_fields=["state", "ended_at", "error"])
    logger.info("Import %s cancelled by user %s", import_id, actor.pk)
    return cancelled


def drop_uploads():
    """Remove the uploaded files of imports that are over: nothing reads them again."""
    for over in DirectoryImport.objects.filter(state__in=DirectoryImport.OVER).exclude(file="", second_file=""):
        for file in over.files:
            file.delete(save=False)
        over.save(update_fields=["file", "second_file"])


@transaction.atomic
def _claim(import_id):
    """Make this process the one that runs the import. A run that no longer gives any sign is over."""
    for running in DirectoryImport.objects.select_for_update(of=("self",)).filter(state=State.RUNNING):
        if _is_alive(running):
            raise ActionError(
                "import_running", f"Un autre import est en cours ({running.file_name}) : attendez qu'il finisse."
            )
        running.state, running.error = State.FAILED, "L'import s'est arrêté sans le dire."
        running.save(update_fields=["state", "error"])
        shutil.rmtree(_folder(running.holder), ignore_errors=True)
    claimed = DirectoryImport.objects.select_for_update(of=("self",)).get(pk=import_id)
    if claimed.state == State.DONE:
        raise ActionError("import_done", "Cet import est terminé.")
    if claimed.state in (State.CANCELLED, State.REFUSED):
        raise ActionError(
            "import_over", "Cet import a été annulé ou refusé : importez un autre fichier, ou celui-ci de nouveau."
        )
    now = timezone.now()
    claimed.state, claimed.error, claimed.holder, claimed.heartbeat = State.RUNNING, "", _holder(), now
    claimed.started_at, claimed.ended_at = claimed.started_at or now, None
    try:
        with transaction.atomic():
            claimed.save()
    except IntegrityError as error:
        raise ActionError("import_running", "Un autre import vient de commencer : attendez qu'il finisse.") from error
    return claimed


def _holder():
    return f"{socket.gethostname()[:60]} {os.getpid()}"


def _folder(holder):
    return Path(tempfile.gettempdir(), f"portail-import-{holder.replace(' ', '-')}")


@contextmanager
def _workplace(holder):
    """A folder of its own for a running import. If the process is killed, `_claim` removes it for the next one."""
    folder = _folder(holder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(running):
    host, _, process = running.holder.rpartition(" ")
    if host == socket.gethostname()[:60] and process.isdigit():
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    return running.heartbeat is not None and running.heartbeat > timezone.now() - SILENT


def _import(claimed, files, folder, report):
    mark = fingerprint(files)
    if mark != claimed.fingerprint:
        # Another file than the one an earlier run began.
        claimed.fingerprint = mark
        claimed.written = claimed.created = claimed.updated = claimed.unchanged = claimed.rejected = 0
    with connected(folder, files) as db:
        reading = Reading(db, folder, files)
        claimed.kind = reading.kind
        for claimed.lines, faulty, claimed.bytes_read in reading.read():
            _progress(claimed)
            report(claimed)
            _judge(claimed, reading, faulty)
        if not claimed.written:
            _write_rejected(claimed, reading)
        drop_indexes()
        size = SLICE if connection.vendor == "postgresql" else min(SLICE, SLICE_OF_SQLITE)
        for first, last in reading.slices(size, after=claimed.written):
            _write_slice(claimed, reading, first, last)
            report(claimed)
        restore_indexes(lambda: _progress(claimed), changed=claimed.created or claimed.updated)


def _judge(claimed, reading, faulty):
    """Refuse a file most of whose lines so far are `faulty`."""
    if claimed.lines >= JUDGED_FROM and faulty > claimed.lines * MOSTLY:
        _write_rejected(claimed, reading)
        raise FileRefused(
            f"Presque toutes les lignes lues sont rejetées ({faulty} sur {claimed.lines}) : l'import s'arrête là. "
            "Lisez les motifs ci-dessous, corrigez le fichier ou choisissez-en un autre."
        )


def _write_rejected(claimed, reading):
    """The lines left out at reading, in the place of those an earlier run left out; some at a time, for nothing is
    written of the directory before all are, and a run that dies meanwhile begins anew."""
    claimed.rejected_lines.all().delete()
    claimed.rejected = 0
    lines = reading.rejected()
    while some := list(islice(lines, 5_000)):
        _reject(claimed, some)
        _progress(claimed)


def _reject(claimed, lines):
    """`lines`: (line, what was typed as identifier, reason)."""
    RejectedLine.objects.bulk_create(
        RejectedLine(directory_import=claimed, line=line, identifier=typed, reason=reason)
        for line, typed, reason in lines
    )
    claimed.rejected += len(lines)


@transaction.atomic
def _write_slice(claimed, reading, first, last):
    """Write what these lines change and how far the import is, together."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # A machine that dies may lose the slice, whole.
            cursor.execute("SET LOCAL synchronous_commit = off")
    created, updated, unchanged, closed = write(reading, first, last)
    _reject(claimed, [(line, identifier, CLOSED) for line, identifier in closed])
    claimed.created += created
    claimed.updated += updated
    claimed.unchanged += unchanged
    claimed.written = last
    _progress(claimed)


def _progress(claimed):
    """Write how far it is; Superseded when the import is no longer ours, or cancelled."""
    claimed.heartbeat = timezone.now()
    counts = ("lines", "bytes_read", "written", "created", "updated", "unchanged", "rejected")
    names = ("kind", "fingerprint", "heartbeat", *counts)
    ours = DirectoryImport.objects.filter(pk=claimed.pk, holder=claimed.holder, state=State.RUNNING)
    if not ours.update(**{name: getattr(claimed, name) for name in names}):
        raise Superseded


def _end(claimed, state, error=""):
    """Whether it was ours to end."""
    claimed.state, claimed.error, claimed.ended_at = state, error, timezone.now()
    ours = DirectoryImport.objects.filter(pk=claimed.pk, holder=claimed.holder, state=State.RUNNING)
    return ours.update(
        state=state, error=error, ended_at=claimed.ended_at, kind=claimed.kind, fingerprint=claimed.fingerprint
    )
