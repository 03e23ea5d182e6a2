import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbing.csv_export import guarded, stream_csv, unguarded


def read(response):
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))


def test_a_download_that_spreadsheets_open():
    response = stream_csv("été.csv", ["Raison sociale", "Lignes"], [("Collège ; d'été", 3), ('« "A" »\n', -1)])
    assert response["Content-Disposition"] == "attachment; filename*=utf-8''%C3%A9t%C3%A9.csv"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert read(response) == [["Raison sociale", "Lignes"], ["Collège ; d'été", "3"], ['« "A" »\n', "-1"]]
    assert b"".join(stream_csv("x.csv", ["A"], []).streaming_content) == "\ufeffA\r\n".encode()


def test_rows_are_read_while_the_file_is_sent():
    taken = []
    response = stream_csv("x.csv", ["N"], ([taken.append(n) or n] for n in range(10_000)))
    chunks = iter(response.streaming_content)
    next(chunks), next(chunks)
    assert 0 < len(taken) < 1000
    assert sum(chunk.count(b"\n") for chunk in chunks) + len(taken) >= 10_000 - 1000


@pytest.mark.parametrize("cell", ["=1+1", "+33", "-1", "@SUM", "\tx", "\rx", "'=x"])
def test_no_cell_is_computed(cell):
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["L'Haÿ", "", "'a'", 3, -3, None])
def test_other_cells_are_left_alone(cell):
    assert guarded(cell) == cell


@given(st.text(alphabet="'=+-@\t\ra", max_size=5))
def test_the_guard_can_be_taken_off(text):
    assert unguarded(guarded(text)) == text
