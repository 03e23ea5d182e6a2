import os
import sys
import time
from contextlib import ExitStack

from django.core.management.base import BaseCommand, CommandError

from directory.actions import prepare_import, run_import
from directory.importers.faults import FileRefused
from directory.importers.reading import kind_of
from directory.models import DirectoryImport
from plumbing.errors import ActionError
from plumbing.exports import csv_chunks


class Command(BaseCommand):
    help = (
        "Charge l'annuaire depuis des fichiers publics : les deux du stock SIRENE ensemble, éducation, "
        "CSV du portail ; zip, gz et Parquet acceptés."
    )

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FICHIER")
        parser.add_argument("--report", metavar="FICHIER", help="où écrire les lignes rejetées, en CSV")

    def handle(self, *, files, report, **options):
        with ExitStack() as opened:
            try:
                raws = [opened.enter_context(open(os.path.abspath(name), "rb")) for name in files]
            except OSError as error:
                raise CommandError(f"{error.filename} : fichier introuvable ou illisible.") from error
            try:
                written = opened.enter_context(open(report, "wb")) if report else None
            except OSError as error:
                raise CommandError(f"{report} : impossible d'y écrire les lignes rejetées.") from error
            prepared = []
            try:
                for together in _together(raws):
                    prepared.append(prepare_import(together))
                    self._import(prepared[-1], together)
            except (ActionError, FileRefused) as refusal:
                raise CommandError(str(refusal)) from refusal
            finally:
                if written:
                    written.writelines(_report(prepared))

    def _import(self, prepared, raws):
        name = prepared.file_name
        if prepared.written:
            self.stderr.write(f"{name} : reprise après la ligne {prepared.written}.")
        done = run_import(prepared.pk, raws, report=_Progress(self.stderr, name))
        self.stdout.write(
            f"{name} : {done.lines} lignes lues ; ajoutées : {done.created}, modifiées : {done.updated}, "
            f"inchangées : {done.unchanged}, rejetées : {done.rejected}."
        )


class _Progress:
    """A line that says how far an import is; on a terminal it is written over."""

    def __init__(self, stream, name):
        self.stream, self.name, self.begun = stream, name, time.monotonic()

    def __call__(self, running):
        spent = time.monotonic() - self.begun
        share = running.share or 1
        rate, left = running.lines / spent if spent else 0, spent / share - spent
        bar = "█" * int(share * 20)
        words = f"{self.name} [{bar:<20}] {share:4.0%}  {running.lines} lignes, {rate:.0f}/s, reste {left:.0f} s"
        terminal = sys.stderr.isatty()
        self.stream.write(f"\r{words}" if terminal else words, ending="" if terminal and share < 1 else "\n")


def _together(raws):
    """SIRENE's two files are imported together, any other alone."""
    sirene = [raw for raw in raws if kind_of(raw) == DirectoryImport.Kind.SIRENE]
    return [*([sirene] if sirene else []), *([raw] for raw in raws if raw not in sirene)]


def _report(imports):
    rows = (
        (one.file_name, line.line, line.identifier, line.reason)
        for one in imports
        for line in one.rejected_lines.order_by("line", "pk").iterator(chunk_size=2000)
    )
    return csv_chunks(["Fichier", "Ligne", "Identifiant lu", "Motif"], rows)
