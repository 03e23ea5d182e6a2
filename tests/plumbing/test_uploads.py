"""What is too large is refused before it is read; files are taken only where a page asks for them."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from urllib.request import urlopen

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.factories import UserFactory
from tests.processes import portal_environment, wait_until
from tests.servers import answers, free_port

pytestmark = pytest.mark.django_db

MEGABYTE = 2**20
DOCUMENTS = "/mes-pieces-jointes/ajouter/"
IMPORTS = "/admin/directory/directoryimport/add/"


@pytest.fixture(scope="module")
def gunicorn(django_db_setup, tmp_path_factory):
    """The portal behind a real socket, its temporary files in a folder of its own: (port, folder)."""
    port, folder = free_port(), tmp_path_factory.mktemp("gunicorn")
    command = [sys.executable, "-m", "gunicorn", "chorus.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "2",
               "--worker-class", "gthread", "--no-control-socket", "--log-level", "error"]  # fmt: skip
    environment = portal_environment(TMPDIR=str(folder), PYTHONWARNINGS="ignore")
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        # It listens before it has loaded the portal.
        urlopen(f"http://localhost:{port}/sante/", timeout=30).close()
        yield port, folder
    finally:
        server.terminate()
        server.wait()


HEAD = (
    "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=limite\r\n{length}\r\n\r\n"
)
PART = b'--limite\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'


@pytest.mark.parametrize("length", [f"Content-Length: {200 * MEGABYTE}", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(("path", "status"), [("/connexion/", b"413"), (DOCUMENTS, b"302")])
def test_a_large_file_sent_anywhere_is_refused_at_once_and_never_written(gunicorn, path, status, length):
    port, folder = gunicorn
    before = set(os.listdir(folder))
    start = time.monotonic()
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        connection.sendall(HEAD.format(path=path, length=length).encode())
        assert connection.recv(12) == b"HTTP/1.1 " + status
        assert time.monotonic() - start < 5
        with suppress(OSError):
            connection.sendall(PART + b"x" * 4 * MEGABYTE)
    # gunicorn may have taken away one of its own.
    assert set(os.listdir(folder)) <= before


def upload(client, path, size):
    return client.post(path, {"file": SimpleUploadedFile("a.csv", b"x" * size)})


@pytest.mark.parametrize("path", ["/connexion/", "/inscription/", "/admin/structures/structure/add/"])
def test_no_other_page_takes_a_file_however_small(client, path):
    client.force_login(UserFactory(staff=True)) if "admin" in path else client.logout()
    assert upload(client, path, 10).status_code == 400
    assert upload(client, path, 2 * MEGABYTE).status_code == 413


def test_a_directory_file_is_taken_up_to_its_own_limit_and_from_support_alone(client, settings):
    settings.STAFF_UPLOADS = {"admin:directory_directoryimport_add": 3 * MEGABYTE}
    assert upload(client, IMPORTS, 2 * MEGABYTE).status_code == 413
    client.force_login(UserFactory())
    assert upload(client, IMPORTS, 2 * MEGABYTE).status_code == 413
    client.force_login(UserFactory(staff=True))
    assert upload(client, IMPORTS, 2 * MEGABYTE).status_code in (302, 422)
    assert upload(client, IMPORTS, 5 * MEGABYTE).status_code == 413


def test_a_document_is_taken_from_whoever_is_logged_in_up_to_its_own_limit(client, settings):
    settings.USER_UPLOADS = {"documents:add": 3 * MEGABYTE}
    assert "Se connecter" in upload(client, DOCUMENTS, 10).text
    assert upload(client, DOCUMENTS, 50 * MEGABYTE).url == f"/connexion/?next={DOCUMENTS}"
    for user in (UserFactory(), UserFactory(staff=True)):
        client.force_login(user)
        assert upload(client, DOCUMENTS, 3 * MEGABYTE).status_code == 422
        assert upload(client, DOCUMENTS, 4 * MEGABYTE).status_code == 413
        assert client.post(DOCUMENTS, HTTP_TRANSFER_ENCODING="chunked").status_code == 413


def test_a_document_on_its_way_never_touches_the_disk(client, monkeypatch):
    monkeypatch.setattr("django.core.files.temp.NamedTemporaryFile", lambda *args, **kwargs: pytest.fail("on the disk"))
    client.force_login(UserFactory())
    assert upload(client, DOCUMENTS, 9 * MEGABYTE).status_code == 422


@pytest.mark.parametrize(("length", "status"), [("", 200), (str(2 * MEGABYTE), 413), ("-1", 413), ("beaucoup", 413)])
def test_a_body_is_judged_by_the_length_it_announces(client, length, status):
    assert client.get("/conditions/", CONTENT_LENGTH=length).status_code == status
