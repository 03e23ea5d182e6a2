"""Reading a file into the directory: once at a time, in batches, from where an earlier run stopped."""

import gc
import logging
import os
import socket
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from directory.importers import LAYOUTS
from directory.importers.batches import CLOSED, prepared, understood
from directory.importers.faults import FileRefused, MostlyFaulty
from directory.importers.headers import layout_of
from directory.importers.sources import Source, fingerprint
from directory.importers.tables import Table, drop_indexes, may_be_lost, restore_indexes
from directory.models import DirectoryImport, RejectedLine
from plumbing.ahead import ahead
from plumbing.errors import ActionError

BATCH = 20_000
COLLECTED = 10  # batches after which Python looks for what refers to itself: it takes as long as reading one
SILENT = timedelta(minutes=10)  # after which a run that says nothing is dead: building an index takes minutes
# A run that left out nine lines of ten, once it read this many, stops: it is the wrong file, or a broken one.
JUDGED_FROM, MOSTLY = 10_000, 0.9
State = DirectoryImport.State
logger = logging.getLogger(__name__)


class Superseded(Exception):
    """Another process took this import over, or somebody cancelled it."""


@transaction.atomic
def receive_import(file, *, actor):
    """Keep an uploaded file to be imported; the waiting DirectoryImport.

    Raises ActionError when the file is empty or larger than IMPORT_MAX_BYTES.
    """
    if not file.size:
        raise ActionError("file_empty", "Le fichier est vide.")
    if file.size > settings.IMPORT_MAX_BYTES:
        raise ActionError(
            "file_too_large",
            f"Le fichier dépasse {settings.IMPORT_MAX_BYTES // 2**20} Mo : importez-le par la commande.",
        )
    return DirectoryImport.objects.create(
        file=file, file_name=os.path.basename(file.name)[:250], size=file.size, started_by=actor
    )


@transaction.atomic
def prepare_import(raw, file_name):
    """The DirectoryImport of a file open for reading: the one an earlier run left unfinished, else a new one."""
    mark = fingerprint(raw)
    unfinished = (
        DirectoryImport.objects.filter(fingerprint=mark)
        .exclude(state__in=(State.DONE, State.CANCELLED, State.REFUSED))
        .first()
    )
    size = raw.seek(0, os.SEEK_END)
    return unfinished or DirectoryImport.objects.create(file_name=file_name[:250], fingerprint=mark, size=size)


def run_import(import_id, raw=None, *, report=lambda progress: None):
    """Import the file of a DirectoryImport, from where an earlier run stopped; the finished DirectoryImport.

    `raw` is the file open for reading, None for one that was uploaded. `report` is called with the
    DirectoryImport after each batch. Raises ActionError when another import runs, when somebody
    cancels this one, or when the file cannot be read (further): what was committed stays, and another
    run goes on from there unless it was cancelled.
    """
    claimed = _claim(import_id)
    try:
        with nullcontext(raw) if raw else claimed.file.open("rb") as opened:
            _read(claimed, opened, report)
    except FileRefused as refusal:
        # Where nothing was read there is nothing to go on from.
        hopeless = isinstance(refusal, MostlyFaulty) or not claimed.lines
        _end(claimed, State.REFUSED if hopeless else State.FAILED, str(refusal))
        raise ActionError("file_refused", str(refusal)) from refusal
    except Superseded as error:
        if DirectoryImport.objects.filter(pk=import_id, state=State.CANCELLED).exists():
            restore_indexes(lambda: None, changed=False)
            raise ActionError("import_cancelled", "L'import a été annulé.") from error
        raise ActionError("import_superseded", "Un autre processus a repris cet import.") from error
    except BaseException:
        _end(claimed, State.FAILED, "L'import s'est arrêté : relancez-le, il reprend là où il en était.")
        raise
    _end(claimed, State.DONE)
    return claimed


@transaction.atomic
def cancel_import(import_id, *, actor):
    """« Annuler » an import that waits or runs; the process that runs it stops at its next batch.

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


def _read(claimed, opened, report):
    mark = fingerprint(opened)
    if mark != claimed.fingerprint:
        # Another file than the one an earlier run began.
        claimed.lines = claimed.created = claimed.updated = claimed.unchanged = claimed.rejected = 0
        claimed.rejected_lines.all().delete()
        claimed.fingerprint = mark
    source = Source(opened)
    layout = layout_of(source, LAYOUTS)
    claimed.kind = layout.kind
    drop_indexes()
    table = Table(layout)
    before, faulty = claimed.lines, 0
    with _seldom_collecting():
        coming = ahead(_prepared(source, layout, table, claimed.lines))
        for number, (batch, bytes_read) in enumerate(coming, 1):
            claimed.bytes_read = bytes_read
            faulty += _import_batch(claimed, table, layout, batch)
            report(claimed)
            _judge(claimed, claimed.lines - before, faulty)
            if number % COLLECTED == 0:
                gc.collect(1)
    restore_indexes(lambda: _progress(claimed), changed=claimed.created or claimed.updated)


def _judge(claimed, lines, faulty):
    """Refuse a file of which a run read so many `lines` and found most `faulty`."""
    if lines >= JUDGED_FROM and faulty > lines * MOSTLY:
        # Nobody may ever import it again.
        restore_indexes(lambda: _progress(claimed), changed=False)
        raise MostlyFaulty(
            f"Presque toutes les lignes lues sont rejetées ({faulty} sur {lines}) : l'import s'arrête là. "
            "Lisez les motifs ci-dessous, corrigez le fichier ou choisissez-en un autre."
        )


def _prepared(source, layout, table, done):
    """(Prepared, bytes behind) of what comes after the first `done` records."""
    behind = 0
    for records, bytes_read in source.batches(BATCH):
        behind += len(records)
        if behind > done:
            yield prepared(layout, records, reading=table.was_empty), bytes_read


@contextmanager
def _seldom_collecting():
    """Python's collector looks at every list made, here millions of lines; it takes a third of the reading's time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _import_batch(claimed, table, layout, batch):
    """Write the batch, its rejected lines and how far the import is, together; how many lines were faulty."""
    if table.may_be_new:
        # Asking which lines are known takes as long as writing them.
        try:
            return _write_batch(claimed, table, understood(layout, batch, None), len(batch.records))
        except IntegrityError:
            table.may_be_new = False
    return _write_batch(claimed, table, understood(layout, batch, table), len(batch.records))


@transaction.atomic
def _write_batch(claimed, table, batch, count):
    may_be_lost()
    created, updated, unchanged = table.write(batch)
    RejectedLine.objects.bulk_create(
        [
            RejectedLine(directory_import=claimed, line=line, identifier=typed, reason=reason)
            for line, typed, reason in sorted(batch.rejected)
        ],
        batch_size=5_000,
    )
    claimed.lines += count
    claimed.created += created
    claimed.updated += updated
    claimed.unchanged += unchanged
    claimed.rejected += len(batch.rejected)
    _progress(claimed)
    # A stock is full of establishments that closed long ago: leaving them out is no fault of the file.
    return sum(reason != CLOSED for _, _, reason in batch.rejected)


def _progress(claimed):
    """Write how far it is; Superseded when the import is no longer ours, or cancelled."""
    claimed.heartbeat = timezone.now()
    names = ("kind", "fingerprint", "lines", "created", "updated", "unchanged", "rejected", "bytes_read", "heartbeat")
    ours = DirectoryImport.objects.filter(pk=claimed.pk, holder=claimed.holder, state=State.RUNNING)
    if not ours.update(**{name: getattr(claimed, name) for name in names}):
        raise Superseded


def _end(claimed, state, error=""):
    claimed.state, claimed.error, claimed.ended_at = state, error, timezone.now()
    ours = DirectoryImport.objects.filter(pk=claimed.pk, holder=claimed.holder, state=State.RUNNING)
    ours.update(state=state, error=error, ended_at=claimed.ended_at, kind=claimed.kind, fingerprint=claimed.fingerprint)
