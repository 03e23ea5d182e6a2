"""An import killed half-way and run again ends as one that was never disturbed."""

import csv
import os
import signal
import subprocess
import sys

import pytest

from benchmarks.establishments import COLUMNS, rows
from directory.importers.writing import missing_indexes
from directory.models import DirectoryEntry, DirectoryImport
from tests.processes import portal_environment, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LINES = 20_000


@pytest.fixture
def big_file(tmp_path):
    """Among good lines, closed establishments, wrong identifiers and some that come twice."""
    (tmp_path / "tmp").mkdir()
    path = tmp_path / "annuaire.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS)
        for number, row in enumerate(rows(LINES)):
            writer.writerow([row[0], "123" if number % 2_000 == 7 else row[1], *row[2:]])
            if number % 3_000 == 5:
                writer.writerow(row)
    return path


def start(path):
    command = [sys.executable, "manage.py", "import_directory", str(path)]
    environment = portal_environment(TMPDIR=str(path.parent / "tmp"))
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome():
    """All the directory but its ids, then the counts and the report of the import."""
    names = [field.attname for field in DirectoryEntry._meta.fields if field.name != "id"]
    one = DirectoryImport.objects.get()
    report = list(one.rejected_lines.order_by("line", "pk").values_list("line", "identifier", "reason"))
    counts = (one.state, one.lines, one.created, one.updated, one.unchanged, one.rejected)
    return sorted(map(str, DirectoryEntry.objects.values_list(*names).iterator())), counts, report


def test_a_killed_import_goes_on_where_it_was(big_file):
    running = start(big_file)
    wait_until(missing_indexes, seconds=60)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    half = DirectoryImport.objects.get()
    assert half.state == DirectoryImport.State.RUNNING
    assert half.lines > LINES
    assert DirectoryEntry.objects.count() == half.created
    assert missing_indexes()
    assert os.listdir(big_file.parent / "tmp")

    again = start(big_file)
    _, progress = again.communicate(timeout=80)
    assert again.returncode == 0, progress
    assert not os.listdir(big_file.parent / "tmp")
    assert missing_indexes() == []
    interrupted = outcome()

    DirectoryEntry.objects.all().delete()
    DirectoryImport.objects.all().delete()
    whole = start(big_file)
    whole.communicate(timeout=80)
    assert outcome() == interrupted
