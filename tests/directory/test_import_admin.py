"""Support gives a file to import and follows it; a worker does the work."""

import io
from datetime import timedelta

import pytest
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models.fields.files import FieldFile
from django.urls import reverse
from django.utils import timezone

from directory import actions as imports
from directory import tasks
from directory.models import DirectoryImport, RejectedLine
from plumbing.errors import ActionError
from tests.factories import DirectoryImportFactory, UserFactory

pytestmark = pytest.mark.django_db

ADD = "/admin/directory/directoryimport/add/"
LIST = "/admin/directory/directoryimport/"


@pytest.fixture
def support(client):
    user = UserFactory(staff=True)
    client.force_login(user)
    return user


@pytest.fixture
def queued(monkeypatch):
    """The tasks workers were asked for."""
    asked = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **options: asked.append((name, args)))
    return asked


@pytest.fixture
def received(monkeypatch):
    """What the engine was given; it keeps a row and no file."""
    files = []

    def receive_import(file, second_file=None, *, actor):
        if file.read() == b"trop":
            raise ActionError("file_too_large", "Ce fichier dépasse 4 Go.")
        files.append(file.name)
        return DirectoryImportFactory(file_name=file.name, kind="", started_by=actor)

    monkeypatch.setattr(imports, "receive_import", receive_import)
    return files


@pytest.fixture
def run(monkeypatch):
    """The imports whose files would have been read."""
    ran = []
    monkeypatch.setattr(FieldFile, "open", lambda file, mode: io.BytesIO())
    monkeypatch.setattr(imports, "_import", lambda claimed, *others: ran.append(claimed.pk))
    return ran


def page_of(client, directory_import, **query):
    return client.get(f"{LIST}{directory_import.pk}/change/", query)


def rejecting(count, **fields):
    directory_import = DirectoryImportFactory(state="done", rejected=count, **fields)
    RejectedLine.objects.bulk_create(
        RejectedLine(directory_import=directory_import, line=n, identifier=f"=2,17E+{n}", reason="SIRET illisible")
        for n in range(1, count + 1)
    )
    return directory_import


def test_a_file_is_received_and_a_worker_asked(client, support, received, queued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(ADD, {"file": SimpleUploadedFile("StockUniteLegale.zip", b"PK")})
    row = DirectoryImport.objects.get()
    assert (row.state, row.file_name, row.started_by) == ("waiting", "StockUniteLegale.zip", support)
    assert answer.url == f"{LIST}{row.pk}/change/"
    assert queued == [("directory.tasks.import_directory", [row.pk])]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "Choisissez un fichier."),
        (("vide.csv", b""), "Ce fichier est vide"),
        (("gros.csv", b"trop"), "Ce fichier dépasse 4 Go."),
        (("x" * 251, b"x"), "250 caractères"),
    ],
)
def test_a_wrong_file_is_refused_beside_the_field(client, support, received, given, sentence):
    answer = client.post(ADD, {"file": SimpleUploadedFile(*given)} if given else {})
    assert answer.status_code == 422
    assert sentence in answer.context["adminform"].form.errors["file"][0]
    assert sentence in answer.text
    assert not DirectoryImport.objects.exists()


def test_the_page_to_import_says_what_is_taken(client, support):
    answer = client.get(ADD)
    assert answer.status_code == 200
    page = answer.text
    for words in ("StockUniteLegale", "StockEtablissement", "annuaire de l'éducation", ".gz ou .parquet", "ensemble"):
        assert words in page


@pytest.mark.parametrize(
    ("fields", "words", "refreshed"),
    [
        ({"state": "waiting"}, "En attente", True),
        ({"running": True, "bytes_read": 840}, "En cours", True),
        ({"state": "done", "lines": 3_200_000}, "3 200 000", False),
        ({"failed": True}, "s'arrête au milieu d'une ligne", False),
    ],
)
def test_the_page_says_how_far_it_is_and_comes_back_while_it_runs(client, support, fields, words, refreshed):
    page = page_of(client, DirectoryImportFactory(**fields)).text
    assert words in page
    assert ('<meta http-equiv="refresh"' in page) is refreshed
    assert ("Reprendre" in page) is ("failed" in fields)


def test_progress_is_a_bar_and_words(client, support):
    running = DirectoryImportFactory(running=True, bytes_read=840)
    page = page_of(client, running).text
    assert '<progress max="100" value="42" aria-label="Avancement">42 %</progress> 42 %' in page
    assert '<meta http-equiv="refresh"' not in page_of(client, running, immobile="1").text


def test_nothing_of_an_import_can_be_typed_over(client, support):
    directory_import = DirectoryImportFactory(state="done")
    path = f"{LIST}{directory_import.pk}/"
    assert client.post(f"{path}change/", {"state": "waiting"}).status_code == 403
    assert client.post(f"{path}delete/", {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}0/change/").status_code == 302


def test_the_page_shows_the_first_rejected_lines(client, support):
    page = page_of(client, rejecting(25)).text
    assert "Les 20 premières." in page
    assert "=2,17E+20<" in page
    assert "=2,17E+21<" not in page
    assert "Les 20 premières." not in page_of(client, rejecting(20)).text
    assert "Lignes rejetées</h2>" not in page_of(client, DirectoryImportFactory(state="done")).text


def test_rejected_lines_are_streamed_for_a_spreadsheet(client, support, django_assert_max_num_queries):
    rejecting(1)
    path = f"{LIST}{rejecting(1500).pk}/lignes-rejetees.csv"
    client.get("/")  # the session's once-a-minute write
    with django_assert_max_num_queries(4):
        answer = client.get(path)
        assert answer.streaming
        lines = answer.getvalue().decode("utf-8-sig").splitlines()
    assert lines[:2] == ["Ligne;Identifiant lu;Motif", "1;'=2,17E+1;SIRET illisible"]
    assert len(lines) == 1501


def test_an_interrupted_import_is_queued_again(client, support, queued, django_capture_on_commit_callbacks):
    failed = DirectoryImportFactory(failed=True)
    path = reverse("admin:directory_directoryimport_retry", args=[failed.pk])
    assert path in page_of(client, failed).text
    with django_capture_on_commit_callbacks(execute=True):
        assert client.get(path).status_code == 405
        assert "Reprise demandée" in client.post(path, follow=True).text
    assert queued == [("directory.tasks.import_directory", [failed.pk])]


@pytest.mark.parametrize(
    "fields", [{"state": "waiting"}, {"running": True}, {"state": "done"}, {"failed": True, "file": ""}]
)
def test_only_an_interrupted_import_is_queued_again(
    client, support, queued, fields, django_capture_on_commit_callbacks
):
    row = DirectoryImportFactory(**fields)
    assert "/reprendre/" not in page_of(client, row).text
    with django_capture_on_commit_callbacks(execute=True):
        assert "Seul un import interrompu" in client.post(f"{LIST}{row.pk}/reprendre/", follow=True).text
    assert queued == []


@pytest.mark.parametrize("fields", [{"state": "waiting"}, {"running": True}])
def test_an_import_is_cancelled_once_confirmed(client, support, run, fields):
    under_way = DirectoryImportFactory(**fields)
    path = f"{LIST}{under_way.pk}/annuler/"
    assert path in page_of(client, under_way).text
    assert under_way.file_name in client.get(path).text
    under_way.refresh_from_db()
    assert under_way.state in DirectoryImport.UNDER_WAY
    assert "L'import est annulé." in client.post(path, follow=True).text
    page = page_of(client, under_way).text
    assert f"Annulé par {support}." in page
    assert not [words for words in ("Reprendre", path, 'http-equiv="refresh"') if words in page]
    tasks.import_directory(under_way.pk)
    tasks.sweep_imports()
    assert run == []


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_only_what_waits_or_runs_is_cancelled(client, support, state):
    over = DirectoryImportFactory(state=state, error="")
    path = f"{LIST}{over.pk}/annuler/"
    assert path not in page_of(client, over).text
    assert client.get(path).url == f"{LIST}{over.pk}/change/"
    assert "rien n'a été annulé" in client.post(path, follow=True).text
    over.refresh_from_db()
    assert (over.state, over.error) == (state, "")


@pytest.mark.parametrize(
    "tail", ["add/", "{pk}/change/", "{pk}/lignes-rejetees.csv", "{pk}/reprendre/", "{pk}/annuler/"]
)
def test_support_only(client, tail, received, queued):
    path = LIST + tail.format(pk=rejecting(1, started_by=None).pk)
    assert client.get(path, follow=True).redirect_chain[-1][0].startswith("/connexion/")
    assert "Votre session est terminée" in client.post(path, follow=True).text
    client.force_login(UserFactory())
    assert {client.get(path, follow=True).status_code, client.post(path, follow=True).status_code} == {403}
    assert (received, queued) == ([], [])


def test_an_import_that_is_gone_is_not_found(client, support):
    for tail in ("lignes-rejetees.csv", "reprendre/", "annuler/"):
        assert client.post(f"{LIST}99999999999999999999/{tail}").status_code == 404


def test_a_dead_broker_costs_nothing(monkeypatch, django_capture_on_commit_callbacks, caplog):
    def dead(*args, **options):
        raise ConnectionError("no broker")

    monkeypatch.setattr(current_app, "send_task", dead)
    with caplog.at_level("WARNING"), django_capture_on_commit_callbacks(execute=True):
        tasks.queue_import(7)
    assert "Redis is left alone" in caplog.text


def test_the_task_imports_unless_it_is_done(run):
    failed, done = DirectoryImportFactory(failed=True), DirectoryImportFactory(state="done")
    for import_id in (failed.pk, done.pk, 0):
        tasks.import_directory(import_id)
    assert run == [failed.pk]


def test_the_task_ends_quietly_when_another_import_runs(monkeypatch):
    def busy(import_id):
        raise ActionError("import_running", "Un autre import est en cours.")

    monkeypatch.setattr(imports, "run_import", busy)
    tasks.import_directory(DirectoryImportFactory().pk)
    tasks.sweep_imports()


def ago(**units):
    return timezone.now() - timedelta(**units)


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({"state": "waiting"}, True),
        ({"running": True, "heartbeat": ago(minutes=11)}, True),
        ({"running": True, "heartbeat": None}, True),
        ({"running": True}, False),
        ({"state": "done"}, False),
        ({"failed": True}, False),
        # The command's, which has its file at hand.
        ({"state": "waiting", "file": ""}, False),
        ({"running": True, "heartbeat": None, "file": ""}, False),
    ],
)
def test_the_sweep_takes_up_what_nobody_holds(run, fields, taken):
    row = DirectoryImportFactory(**fields)
    tasks.sweep_imports()
    assert run == ([row.pk] if taken else [])


def test_what_was_left_half_way_goes_before_what_waits(run):
    """Nothing overtakes an import whose worker was killed, however short its silence."""
    left = DirectoryImportFactory(running=True, heartbeat=ago(minutes=3))
    waiting = DirectoryImportFactory(created_at=ago(hours=1))
    tasks.sweep_imports()
    tasks.import_directory(waiting.pk)
    assert run == []
    DirectoryImport.objects.filter(pk=left.pk).update(heartbeat=ago(minutes=11))
    tasks.sweep_imports()
    assert run == [left.pk, waiting.pk]


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_uploaded_files_go_once_nothing_reads_them_again(run, settings, tmp_path, state):
    settings.STORAGES = {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}}
    settings.MEDIA_ROOT = tmp_path
    files = [SimpleUploadedFile(name, b"siren") for name in ("a.csv", "b.csv")]
    received = imports.receive_import(*files, actor=UserFactory())
    DirectoryImport.objects.update(state=state)
    tasks.sweep_imports()
    received.refresh_from_db()
    kept = 2 if state == "failed" else 0
    assert (len(received.files), len(list(tmp_path.rglob("*.csv")))) == (kept, kept)


def test_the_broker_s_second_delivery_disturbs_nothing(run):
    running = DirectoryImportFactory(running=True)
    tasks.import_directory(running.pk)
    running.refresh_from_db()
    assert (run, running.state) == ([], "running")


def test_the_sweep_keeps_the_order_of_arrival(run):
    later = DirectoryImportFactory()
    earlier = DirectoryImportFactory(created_at=ago(hours=1))
    tasks.sweep_imports()
    assert run == [earlier.pk, later.pk]
