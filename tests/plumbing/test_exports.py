import csv
import io
import socket
from contextlib import ExitStack
from itertools import repeat

import pytest
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from plumbing import exports
from plumbing.exports import guarded, stream_csv, unguarded
from structures.search.results import Result
from structures.views import search
from tests.factories import StructureFactory, UserFactory
from tests.processes import wait_until


def asking(person=7):
    """A request of somebody."""
    request = RequestFactory().get("/")
    request.user = User(pk=person)
    return request


def read(response):
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))


def test_a_download_that_spreadsheets_open():
    response = stream_csv(
        asking(), "été.csv", ["Raison sociale", "Lignes"], [("Collège ; d'été", 3), ('« "A" »\n', -1)]
    )
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''%C3%A9t%C3%A9.csv"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert read(response) == [["Raison sociale", "Lignes"], ["Collège ; d'été", "3"], ['« "A" »\n', "-1"]]
    assert b"".join(stream_csv(asking(8), "x.csv", ["A"], []).streaming_content) == "\ufeffA\r\n".encode()


def test_rows_are_read_while_the_file_is_sent():
    taken = []
    response = stream_csv(asking(), "x.csv", ["N"], ([taken.append(n) or n] for n in range(10_000)))
    chunks = iter(response.streaming_content)
    next(chunks), next(chunks)
    assert 0 < len(taken) < 1000
    assert sum(chunk.count(b"\n") for chunk in chunks) + len(taken) >= 10_000 - 1000


@pytest.mark.parametrize("cell", ["=1+1", "+33", "-1", "@SUM", "\tx", "\rx", "'=x", " =1", "\n=1", "＝1+1"])
def test_no_cell_is_computed(cell):
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["L'Haÿ", "", "'a'", 3, -3, None])
def test_other_cells_are_left_alone(cell):
    assert guarded(cell) == cell


@given(st.text(alphabet="'=+-@\t\ra", max_size=5))
def test_the_guard_can_be_taken_off(text):
    assert unguarded(guarded(text)) == text


# --- One at a time per person: it says so on a page, which asks whom it is for


@pytest.fixture
def connected():
    """A response that is closed closes the request's database connection: here it is the test's."""
    request_finished.disconnect(close_old_connections)
    yield
    request_finished.connect(close_old_connections)


def start(person=7, rows=()):
    return stream_csv(asking(person), "x.csv", ["N"], rows)


@pytest.mark.django_db
def test_a_second_download_of_one_person_waits_for_the_end_of_the_first(connected):
    first = start(rows=[[1]])
    refused = start()
    assert (refused.status_code, refused["Retry-After"]) == (429, "180")
    assert "téléchargements est en cours" in refused.text
    assert start(person=8).status_code == 200
    read(first)
    first.close()
    assert start().status_code == 200


@pytest.mark.django_db
def test_a_download_that_was_never_begun_is_let_go_of(connected):
    start(rows=[[1]]).close()
    assert start().status_code == 200


@pytest.mark.django_db
def test_an_unread_download_keeps_its_person_out_for_minutes_only(connected, monkeypatch):
    assert 60 <= exports.LEASE <= 300
    monkeypatch.setattr(exports, "LEASE", 1)
    unread, later = start(rows=[[1]]), []
    wait_until(lambda: later.append(start()) or later[-1].status_code == 200, seconds=5)
    unread.close()
    assert start().status_code == 429


@pytest.mark.django_db
def test_a_slow_download_keeps_its_lease(monkeypatch):
    clock = 0
    monkeypatch.setattr(exports.time, "monotonic", lambda: clock)
    slow = iter(start(rows=repeat([1])).streaming_content)
    for _ in range(3):
        cache.expire("export:7", 1)
        clock += 60
        next(slow)
        assert cache.ttl("export:7") > 100
    cache.delete("export:7")
    clock += 60
    next(slow)
    assert start().status_code == 429


def test_a_download_whose_lease_another_one_took_leaves_it_alone():
    late = exports.Lease("export:7")
    assert late.acquire()
    cache.set("export:7", "another")
    late.renewed -= exports.LEASE
    late.renew()
    late.release()
    assert cache.get("export:7") == "another"


def test_without_redis_nobody_is_kept_out(monkeypatch, settings):
    unreachable = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    settings.CACHES = {"default": unreachable}
    for _ in range(2):
        assert read(start(rows=[[1]])) == [["N"], ["1"]]


@pytest.mark.django_db(transaction=True)
def test_unread_downloads_over_real_connections(client, live_server, monkeypatch):
    """Of twelve that nobody reads, one is begun; it is let go of when its connection closes."""
    monkeypatch.setattr(search, "everything", lambda *args, **options: repeat(Result(StructureFactory.build(), True)))
    client.force_login(UserFactory())
    server = (live_server.thread.host, live_server.thread.port)
    asked = (
        "GET /structures/export.csv?legal_name=bois HTTP/1.1\r\n"
        f"Host: {server[0]}\r\nCookie: session={client.cookies['session'].value}\r\n\r\n"
    )
    with ExitStack() as unread:

        def ask():
            connection = unread.enter_context(socket.create_connection(server, timeout=10))
            connection.sendall(asked.encode())
            return connection, connection.recv(12)

        first, status = ask()
        assert status == b"HTTP/1.1 200"
        assert {ask()[1] for _ in range(11)} == {b"HTTP/1.1 429"}
        first.close()
        wait_until(lambda: ask()[1] == b"HTTP/1.1 200", seconds=10)


def sheet_of(count, person=7):
    columns = [exports.Column("N", lambda number: number)]
    return exports.download(asking(person), "xlsx", "essai", columns, range(count))


@pytest.mark.django_db
def test_a_spreadsheet_holds_ten_thousand_rows_and_sends_to_the_csv_beyond(monkeypatch):
    monkeypatch.setattr(exports, "MOST_ROWS", 3)
    assert sheet_of(3).content[:2] == b"PK"
    beyond = sheet_of(4)
    assert (beyond.status_code, ".csv" in beyond.text or "CSV" in beyond.text) == (422, True)


@pytest.mark.django_db
def test_a_spreadsheet_waits_for_the_end_of_another_download_of_its_person():
    columns = [exports.Column("N", lambda number: number)]
    under_way = exports.download(asking(), "csv", "essai", columns, range(10_000))
    next(iter(under_way.streaming_content))
    assert sheet_of(1).status_code == 429
    assert sheet_of(1, person=8).status_code == 200
    under_way.close()
