"""Whatever way the tables are read, the list is the same: PostgreSQL's steps beside a plain sort."""

from itertools import pairwise, product

import pytest
from django.db import connection

from directory.models import DirectoryEntry
from structures.models import Structure
from structures.search import Criteria, TooMany, everything, find, reading, results, statements
from tests.factories import AttachmentFactory, DirectoryEntryFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db


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
    columns = reading.ORDERS[order]
    return (*(getattr(row, column) for column in columns), isinstance(row, DirectoryEntry), row.pk)


def expected(wanted, order, descending):
    """The list as it must be, made without any of the ways of reading it."""
    living = set(Structure.objects.values_list("identifier", flat=True))
    rows = [*Structure.objects.all(), *DirectoryEntry.objects.exclude(identifier__in=living)]
    rows = [row for row in rows if wanted(row) and not row.is_masked]
    return sorted(rows, key=lambda row: key_of(row, order), reverse=descending)


# Limits small enough for fifty rows to meet each of them.
WAYS = [
    # SQLite has but one.
    pytest.param({"PLAIN": 7}, marks=pytest.mark.also_sqlite),
    {"WALK": 5, "WALK_HERE": 3, "PLAIN": 7},
    {"WALK": 5, "WALK_HERE": 3, "DENSE": 2},
    {"WALK": 5, "WALK_HERE": 3, "SORTABLE": 10, "WINDOW": 7},
    {"WALK": 1, "WALK_HERE": 1, "DENSE": 0, "WINDOW": 1},
    {"WALK": 1, "WALK_HERE": 1, "CLUSTERS": 0},
]


@pytest.mark.parametrize("limits", WAYS, ids=str)
@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"legal_name": "bois"}, lambda row: "bois" in row.legal_name),
        ({"legal_name": "dune*"}, lambda row: row.legal_name.startswith("dune")),
        ({"city": "ville 3"}, lambda row: row.city == "Ville 3"),
        ({"legal_name": "cafe", "postcode": "35"}, lambda row: "cafe" in row.legal_name),
    ],
    ids=["word", "beginning", "city", "two"],
)
def test_every_way_of_reading_gives_the_same_list(user, crowd, monkeypatch, limits, fields, wanted):
    monkeypatch.setattr(results, "PAGE", 6)
    monkeypatch.setattr(results, "BEGINNINGS", [word.upper() for word in WORDS])
    for name, value in limits.items():
        monkeypatch.setattr(reading, name, value)
    for order, descending in product(reading.ORDERS, (False, True)):
        compare(user, Criteria(**fields), expected(wanted, order, descending), order=order, descending=descending)


def compare(user, criteria, right, **how):
    assert [result.establishment for result in everything(user, criteria, **how)] == right
    try:
        pages = [find(user, criteria, **how)]
        while pages[-1].after:
            pages.append(find(user, criteria, after=pages[-1].after, **how))
    except TooMany:
        assert len(right) > reading.SORTABLE
        return
    assert [result.establishment for page in pages for result in page.results] == right
    for earlier, later in pairwise(pages):
        back = find(user, criteria, before=later.before, **how)
        assert [result.establishment for result in back.results] == [r.establishment for r in earlier.results]
    assert not pages[0].before


@pytest.mark.parametrize(
    "fields", [{"order": "ville", "descending": "1"}, {"identifier": "*0*"}], ids=["city", "number"]
)
def test_too_many_to_sort_are_shown_by_name(client, user, crowd, monkeypatch, fields):
    monkeypatch.setattr(reading, "WINDOW", 5)
    monkeypatch.setattr(reading, "SORTABLE", 10)
    client.force_login(user)
    answer = client.get("/structures/", {"legal_name": "bois"} | fields)
    assert "Trop de réponses pour les trier ainsi" in answer.text
    found = [result.establishment.legal_name for result in answer.context["page"].results]
    assert len(found) > 5
    assert found == sorted(found)
    # From there on, it is the list by name: its other pages, its file, its other orders.
    assert "Trop de réponses" not in client.get(f"/structures/?{answer.context['asked']}").text
    assert "Raison sociale" in answer.text
    rows = client.get(f"/structures/export.csv?{answer.context['asked']}").getvalue().decode().splitlines()[1:]
    assert [row.split(";")[3] for row in rows][: len(found)] == found


@pytest.mark.parametrize("many", [results.MANY, 0], ids=["few own", "many own"])
@pytest.mark.also_sqlite
def test_however_many_are_one_s_own_others_stay_unseen(user, monkeypatch, many):
    monkeypatch.setattr(results, "MANY", many)
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


def test_slices_are_left_out_by_name_only(user, monkeypatch):
    """In the order of towns, a bound on the town says nothing of the names' slices."""
    monkeypatch.setattr(reading, "WINDOW", 1)
    wanted = DirectoryEntryFactory(legal_name="Boulangerie du Port", city="Wimereux")
    DirectoryEntryFactory(legal_name="Zinguerie", city="Wimereux")
    for order in reading.ORDERS:
        found = find(user, Criteria(legal_name="boulangerie", city="wim"), order=order).results
        assert [result.establishment for result in found] == [wanted]


def test_a_reader_who_takes_his_time_holds_no_transaction(user, crowd, monkeypatch):
    monkeypatch.setattr(reading, "SORTABLE", 3)
    monkeypatch.setattr(reading, "WINDOW", 7)
    depth = len(connection.savepoint_ids)
    read = everything(user, Criteria(legal_name="bois"))
    for _ in range(4):
        next(read)
        assert len(connection.savepoint_ids) == depth


def test_no_more_plans_are_kept_than_is_sensible(user, crowd, monkeypatch):
    monkeypatch.setattr(reading, "WALK", 1)
    monkeypatch.setattr(statements, "MOST_PLANNED", 2)
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    for words in ("bois", "bois cafe", "bois", "cafe bois abri", "bois cafe"):
        wanted = [row for row in DirectoryEntry.objects.all() if all(word in row.legal_name for word in words.split())]
        found = find(user, Criteria(legal_name=words)).results
        assert bool(found) is bool(wanted)
        assert all(word in result.establishment.legal_name for result in found for word in words.split())
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements")
            assert 0 < cursor.fetchone()[0] <= 2
