import os
import sys
import time
from contextlib import ExitStack

from django.core.management.base import BaseCommand, CommandError

from directory.actions import prepare_import, run_import
from directory.importers import LAYOUTS
from directory.importers.faults import FileRefused
from directory.importers.headers import layout_of
from directory.importers.sources import Source
from directory.models import DirectoryImport
from plumbing.errors import ActionError
from plumbing.exports import csv_chunks


class Command(BaseCommand):
    help = "Charge l'annuaire depuis des fichiers publics (SIRENE, éducation, CSV du portail ; zip et gz acceptés)."

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FICHIER")
        parser.add_argument("--report", metavar="FICHIER", help="où écrire les lignes rejetées, en CSV")

    def handle(self, *, files, report, **options):
        with ExitStack() as opened:
            try:
                sources = [opened.enter_context(open(name, "rb")) for name in files]
            except OSError as error:
                raise CommandError(f"{error.filename} : fichier introuvable ou illisible.") from error
            try:
                # Establishments need their legal units.
                sources.sort(key=_kind_of)
                done = [self._import(raw) for raw in sources]
            except (ActionError, FileRefused) as refusal:
                raise CommandError(str(refusal)) from refusal
        if report:
            _write_report(report, done)

    def _import(self, raw):
        name = os.path.basename(raw.name)
        prepared = prepare_import(raw, name)
        if prepared.lines:
            self.stderr.write(f"{name} : reprise après {prepared.lines} lignes.")
        done = run_import(prepared.pk, raw, report=_Progress(self.stderr, name, prepared.lines))
        self.stdout.write(
            f"{name} : {done.lines} lignes lues ; ajoutées : {done.created}, modifiées : {done.updated}, "
            f"inchangées : {done.unchanged}, rejetées : {done.rejected}."
        )
        return done


class _Progress:
    """A line that says how far an import is; on a terminal it is written over."""

    def __init__(self, stream, name, lines):
        self.stream, self.name, self.before, self.begun = stream, name, lines, time.monotonic()

    def __call__(self, running):
        spent = time.monotonic() - self.begun
        rate = (running.lines - self.before) / spent if spent else 0
        share = running.bytes_read / running.size if running.size else 1
        left = spent / share - spent if share else 0
        bar = "█" * int(share * 20)
        words = f"{self.name} [{bar:<20}] {share:4.0%}  {running.lines} lignes, {rate:.0f}/s, reste {left:.0f} s"
        terminal = sys.stderr.isatty()
        self.stream.write(f"\r{words}" if terminal else words, ending="" if terminal and share < 1 else "\n")


def _kind_of(raw):
    """Legal units first."""
    return layout_of(Source(raw), LAYOUTS).kind != DirectoryImport.Kind.UNITS


def _write_report(path, imports):
    rows = (
        (one.file_name, line.line, line.identifier, line.reason)
        for one in imports
        for line in one.rejected_lines.order_by("line", "pk").iterator(chunk_size=2000)
    )
    with open(path, "wb") as file:
        file.writelines(csv_chunks(["Fichier", "Ligne", "Identifiant lu", "Motif"], rows))
