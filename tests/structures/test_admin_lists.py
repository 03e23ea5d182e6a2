"""The admin's lists of millions of rows read what an index gives, and no more."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from directory.models import DirectoryEntry, LegalUnit
from plumbing.admin import FirstRowsPaginator, SupportAdmin
from structures.models import Structure
from tests.factories import DirectoryEntryFactory, LegalUnitFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]

LISTS = {
    DirectoryEntry: reverse("admin:directory_directoryentry_changelist"),
    Structure: reverse("admin:structures_structure_changelist"),
    LegalUnit: reverse("admin:directory_legalunit_changelist"),
}
BOTH = pytest.mark.parametrize("factory", [DirectoryEntryFactory, StructureFactory])


@pytest.fixture(autouse=True)
def support(client):
    client.force_login(UserFactory(staff=True))


def found(client, factory, typed):
    answer = client.get(LISTS[factory._meta.model], {"q": typed})
    return [row.legal_name for row in answer.context["cl"].result_list]


@BOTH
@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        ("200 030 351 00015", True),
        ("2000", True),
        ("college de l'ile", True),
        ("COLLÈGE", True),
        ("ile", False),
        ("030351", False),
        ("%", False),
        ("coll_ge", False),
        ("'", True),
        ("²", False),
    ],
)
def test_what_is_found(client, factory, typed, is_found):
    factory(identifier="20003035100015", legal_name="Collège de l'Île")
    assert bool(found(client, factory, typed)) is is_found


@BOTH
def test_numbers_with_letters_are_found_whole(client, factory):
    factory(legal_name="Muster", identifier_type="eu_vat", identifier="DE123456789", nature="private")
    factory(legal_name="De 1234 vis", nature="private")
    assert found(client, factory, "de 123 456 789") == ["Muster"]
    assert found(client, factory, "de 1234") == ["De 1234 vis"]


@BOTH
def test_what_is_found_stands_in_order(client, factory):
    for name, nature in (("Élan B", "public"), ("elan a", "private"), ("Élan C", "private")):
        factory(legal_name=name, nature=nature)
    assert found(client, factory, "elan") == ["elan a", "Élan B", "Élan C"]


def statements(client, path, query):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path, query).status_code == 200
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("factory", [DirectoryEntryFactory, StructureFactory, LegalUnitFactory])
@pytest.mark.parametrize("query", [{}, {"q": "college"}, {"q": "9"}, {"p": "2"}, {"_facets": "1"}])
def test_every_statement_is_bounded(client, monkeypatch, factory, query):
    """No count of all rows, no comparison in upper case, which no index gives."""
    model = factory._meta.model
    if model is LegalUnit and query == {"q": "college"}:
        query = {"q": "9"}
    monkeypatch.setattr(SupportAdmin, "list_per_page", 1)
    factory.create_batch(3)
    about = [sql for sql in statements(client, LISTS[model], query) if f'FROM "{model._meta.db_table}"' in sql]
    assert len(about) == 2
    for sql in about:
        assert " LIMIT " in sql
        assert "UPPER(" not in sql


def plan(rows):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    return rows.explain()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite reads its table")
@pytest.mark.parametrize(
    ("model", "typed", "indexes"),
    [
        (DirectoryEntry, "", ["directory_directoryentry_pkey"]),
        (DirectoryEntry, "menuiserie", ["directoryentry_by_name"]),
        (DirectoryEntry, "2000", ["directoryentry_identifier_unique"]),
        (DirectoryEntry, "DE123", ["directoryentry_by_name"]),
        (Structure, "", ["structures_structure_pkey"]),
        (Structure, "menuiserie", ["structure_by_name"]),
        (Structure, "2000", ["structure_identifier_unique"]),
        (LegalUnit, "", ["directory_legalunit_pkey"]),
        (LegalUnit, "2000", ["directory_legalunit_pkey"]),
    ],
)
def test_every_list_is_read_from_indexes(rf, model, typed, indexes):
    lists = admin.site._registry[model]
    rows = lists.get_queryset(rf.get("/"))
    found, _ = lists.get_search_results(rf.get("/"), rows, typed)
    told = plan(found[:50])
    assert "Seq Scan" not in told
    assert [index for index in indexes if index in told] == indexes


@pytest.mark.parametrize(
    ("model", "factory"),
    [(DirectoryEntry, DirectoryEntryFactory), (Structure, StructureFactory), (LegalUnit, LegalUnitFactory)],
)
def test_no_more_than_the_first_rows_are_counted(client, monkeypatch, model, factory):
    monkeypatch.setattr(FirstRowsPaginator, "MOST", 51)
    factory.create_batch(60)
    pages = [client.get(LISTS[model], {"p": number}).context["cl"] for number in (1, 2)]
    assert [page.result_count for page in pages] == [51, 51]
    assert [len(page.result_list) for page in pages] == [50, 1]


def test_columns_no_index_orders_are_not_offered(client):
    DirectoryEntryFactory()
    assert "sortable" not in client.get(LISTS[DirectoryEntry]).text
