"""Whatever way the tables are read, the list is the same, beside a plain sort; and what is said when it cannot be."""

import re
from itertools import pairwise, product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from directory.models import DirectoryEntry
from structures.models import Structure
from structures.search import Criteria, everything, find, reading, results
from tests.factories import AttachmentFactory, DirectoryEntryFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def user():
    return UserFactory()


WORDS = ("abri", "bois", "cafe", "dune")


@pytest.fixture
def crowd(user):
    """Structures and directory entries whose names collide, some of them the same establishment, some masked."""
    entries, structures = [], []
    for number in range(48):
        name = f"{WORDS[number % 4]} {WORDS[number // 4 % 4]}"
        known = {"legal_name": name, "city": f"Ville {number % 5}", "label": "", "postcode": "35000"}
        entries.append(DirectoryEntryFactory.build(**known))
        if number % 3 == 0:
            structures.append(StructureFactory.build(identifier=entries[-1].identifier, **known))
        if number % 8 == 0:
            entries.append(DirectoryEntryFactory.build(undisclosed=True, **known))
    DirectoryEntry.objects.bulk_create(entries)
    Structure.objects.bulk_create(structures)


def key_of(row, order):
    columns = reading.ORDERS[order][:-1]
    return (*(getattr(row, column) for column in columns), isinstance(row, DirectoryEntry), row.pk)


def expected(wanted, order, descending):
    """The list as it must be, made without any of the ways of reading it."""
    living = set(Structure.objects.values_list("identifier", flat=True))
    rows = [*Structure.objects.all(), *DirectoryEntry.objects.exclude(identifier__in=living)]
    rows = [row for row in rows if wanted(row) and not row.is_masked]
    return sorted(rows, key=lambda row: key_of(row, order), reverse=descending)


@pytest.mark.parametrize("walked", [50_000, 12, 1], ids="walked {}".format)
@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"legal_name": "bois"}, lambda row: "bois" in row.legal_name),
        ({"legal_name": "dune*"}, lambda row: row.legal_name.startswith("dune")),
        ({"city": "ville 3"}, lambda row: row.city == "Ville 3"),
        ({"legal_name": "cafe", "postcode": "35"}, lambda row: "cafe" in row.legal_name),
        ({"legal_name": "*oi*", "city": "vil*"}, lambda row: "bois" in row.legal_name),
    ],
    ids=["word", "beginning", "city", "two", "no three letters"],
)
def test_walked_or_collected_the_list_is_the_same(user, crowd, monkeypatch, walked, fields, wanted):
    monkeypatch.setattr(results, "PAGE", 6)
    monkeypatch.setattr(results, "WALKED", walked)
    monkeypatch.setattr(results, "WALKED_HERE", walked)
    monkeypatch.setattr(reading, "LOT", 5)
    for order, descending in product(reading.ORDERS, (False, True)):
        compare(user, Criteria(**fields), expected(wanted, order, descending), order=order, descending=descending)


def compare(user, criteria, right, **how):
    assert [result.establishment for result in everything(user, criteria, **how)] == right
    pages = [find(user, criteria, **how)]
    while pages[-1].after:
        pages.append(find(user, criteria, after=pages[-1].after, **how))
    assert [result.establishment for page in pages for result in page.results] == right
    for earlier, later in pairwise(pages):
        back = find(user, criteria, before=later.before, **how)
        assert [result.establishment for result in back.results] == [r.establishment for r in earlier.results]
    assert not pages[0].before
    assert not any(page.is_partial for page in pages)


@pytest.fixture
def late(user):
    """Thirty names that stand together at the end of the alphabet, of which but ten can be collected."""
    DirectoryEntryFactory.create_batch(10, legal_name="Abri")
    for number in range(30):
        DirectoryEntryFactory(legal_name=f"Zinguerie {29 - number:02}", city="Ville")


@pytest.mark.parametrize(
    ("order", "descending"), [("nom", ""), ("ville", ""), ("nom", "1")], ids=["name", "city", "last"]
)
def test_of_too_many_the_first_found_are_shown(client, user, late, monkeypatch, order, descending):
    monkeypatch.setattr(reading, "MOST", 10)
    monkeypatch.setattr(results, "PAGE", 6)
    monkeypatch.setattr(results, "WALKED", 3)
    client.force_login(user)
    asked = {"q": "zinguerie", "order": order, "descending": descending}
    page = client.get("/structures/", asked)
    assert "Plus de 10 réponses correspondent" in page.text
    words = " ".join(page.text.split())
    assert "ajoutez un mot, ou dites la ville ou le code postal plus haut, champ par champ" in words
    shown = [line["name"] for line in page.context["lines"]]
    monkeypatch.setattr(results, "WALKED", 20)
    while after := page.context["page"].after:
        # From there on, the next ones in order fill each page.
        page = client.get("/structures/", asked | {"after": after})
        assert "Plus de" not in page.text
        shown += [line["name"] for line in page.context["lines"]]
    names = sorted((f"Zinguerie {number:02}" for number in range(30)), reverse=bool(descending))
    assert shown[6:] == names[names.index(shown[6]) :]
    assert shown == sorted(set(shown), reverse=bool(descending))
    # A file has them all, in order.
    monkeypatch.setattr(reading, "LOT", 4)
    rows = client.get("/structures/export.csv", asked).getvalue().decode().splitlines()[1:]
    assert [row.split(";")[3] for row in rows] == names


def test_fewer_than_can_be_collected_are_all_told(client, user, late, monkeypatch):
    monkeypatch.setattr(reading, "MOST", 30)
    monkeypatch.setattr(results, "WALKED", 3)
    client.force_login(user)
    page = client.get("/structures/", {"q": "zinguerie"})
    assert "Plus de" not in page.text
    assert page.context["lines"][0]["name"] == "Zinguerie 00"


def test_reading_on_for_a_full_page_forgets_nothing(user, monkeypatch):
    monkeypatch.setattr(reading, "MOST", 10)
    monkeypatch.setattr(results, "PAGE", 6)
    monkeypatch.setattr(results, "WALKED", 1)
    for number in range(12):
        entry = DirectoryEntryFactory(legal_name=f"Zinguerie {number:02}")
        if number % 2:
            StructureFactory(identifier=entry.identifier, legal_name="Autre nom")
    # Of what was found at first, half lives here under another name; what is read then is few enough to be sorted.
    assert find(user, Criteria(legal_name="zinguerie")).is_partial


def test_others_stay_unseen(user):
    own, other = (StructureFactory(private=True, legal_name=f"Menuiserie {n}") for n in "AB")
    AttachmentFactory(user=user, structure=own)
    criteria = Criteria(legal_name="menuiserie")
    assert [result.establishment for result in find(user, criteria).results] == [own]
    assert [result.establishment for result in everything(user, criteria)] == [own]
    both = find(UserFactory(staff=True), criteria).results
    assert [result.establishment for result in both] == [own, other]
    # Their directory entries stand for those one does not see.
    entries = [DirectoryEntryFactory(identifier=one.identifier, legal_name="Menuiserie") for one in (own, other)]
    assert [result.establishment for result in find(user, criteria).results] == [entries[1], own]
    assert [result.establishment for result in find(UserFactory(staff=True), criteria).results] == [own, other]


def test_a_reader_who_takes_his_time_holds_no_transaction(user, crowd, monkeypatch):
    monkeypatch.setattr(reading, "MOST", 3)
    monkeypatch.setattr(reading, "LOT", 7)
    depth = len(connection.savepoint_ids)
    read = everything(user, Criteria(legal_name="bois"))
    for _ in range(4):
        next(read)
        assert len(connection.savepoint_ids) == depth


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite reads as it likes")
@pytest.mark.parametrize(
    ("order", "begins"),
    # Not by identifier: on a table without rows the planner may as well take the unique index.
    [("nom", {"legal_name": "boi*"}), ("ville", {"city": "vil"})],
)
def test_a_walk_reads_nothing_but_its_index_from_where_the_pattern_begins(user, order, begins):
    asked = {"legal_name": "bois", "label": "*ca*", "city": "*vil*", "postcode": "*5", "identifier": "*9"} | begins
    with CaptureQueriesContext(connection) as captured:
        find(user, Criteria(**asked), order=order)
    walks = [query["sql"] for query in captured if "next_rows" in query["sql"]]
    assert len(walks) == 2
    with connection.cursor() as cursor:
        for walk in walks:
            cursor.execute(f"SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; EXPLAIN {walk}")
            plan = str(cursor.fetchall())
            assert "Index Only Scan using" in plan
            assert re.search(r"Index Cond: .* >= '(BOI|VIL)'", plan)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such switch")
def test_whoever_searches_within_a_transaction_plans_freely_after(user):
    with connection.cursor() as cursor:
        find(user, Criteria(legal_name="nobody"))
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)
