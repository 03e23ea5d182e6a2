"""Searching: what matches, in which order, page after page, whatever way the table is read."""

import re

import pytest
from django.core import signing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attachments.models import Role
from directory.models import DirectoryEntry
from plumbing.text import search_key
from structures.forms import SearchForm
from structures.search import Criteria, find
from tests.factories import AttachmentFactory, DirectoryEntryFactory, StructureFactory, UserFactory, siret_number

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def user():
    return UserFactory()


def names(found):
    return [result.establishment.legal_name for result in found.results]


def searched(user, **fields):
    return names(find(user, Criteria.typed(**fields)))


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("menuiserie", True),
        ("MENUISERIE", True),
        ("menuiserie oceane", True),
        ("océane menuiserie", True),
        ("l'océane", True),
        ("L OCEANE", True),
        ("nuiseri", True),
        ("*menuiserie*", True),
        ("menuiserie*", True),
        ("menuiserie*frères", True),
        ("menuiserie *oceane* freres", True),
        ("*oceane", False),
        ("oceane*", False),
        ("menuiserie", True),
        ("menuiseries", False),
        ("menuiserie%", False),
        ("m_nuiserie", False),
        ("menuiserie\\", False),
        ('"menuiserie"', False),
        ("100% frères", False),
    ],
)
def test_names(user, typed, found):
    DirectoryEntryFactory(legal_name="Menuiserie de l’Océane – Frères")
    assert bool(searched(user, legal_name=typed)) is found


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"identifier": "200 030 351 00015"}, True),
        ({"identifier": "200030351"}, True),
        ({"identifier": "2000*"}, True),
        ({"identifier": "*00015"}, True),
        ({"identifier": "030351"}, False),
        ({"legal_name": "200 030 351 00015"}, True),
        ({"postcode": "35580"}, True),
        ({"postcode": "35 580"}, True),
        ({"postcode": "35 58*"}, True),
        ({"postcode": "355"}, True),
        ({"postcode": "580"}, False),
        ({"city": "goven"}, True),
        ({"city": "oven"}, False),
        ({"city": "*ven"}, True),
        ({"label": "collège"}, True),
        ({"label": "lycée"}, False),
        ({"label": "college", "city": "goven"}, True),
        ({"label": "college", "city": "rennes"}, False),
        ({"label": "*", "city": "goven"}, True),
    ],
)
def test_other_criteria(user, fields, found):
    DirectoryEntryFactory(
        identifier="20003035100015", legal_name="EPLE", label="Collège Noël", postcode="35580", city="Goven"
    )
    assert bool(searched(user, **fields)) is found


def test_a_foreign_postcode_is_found_as_written(user):
    DirectoryEntryFactory(legal_name="Shop", postcode="SW1A 1AA")
    assert searched(user, postcode="sw1a 1aa") == searched(user, postcode="sw1a  1*") == ["Shop"]


letters = st.text("ab%_\\'\"* é-", max_size=6)


def matches(typed, name):
    """What a search on a name means, said without SQL."""
    key = search_key(name)
    if "*" not in typed:
        return all(word in key for word in search_key(typed).split())
    pattern = ".*".join(re.escape(search_key(piece)) for piece in typed.split("*"))
    return not pattern.replace(".*", "") or bool(re.fullmatch(pattern, key))


@settings(max_examples=60)
@given(name=st.text("ab%_\\'\" é-", min_size=1, max_size=8).filter(str.strip), typed=letters)
def test_every_character_but_the_star_stands_for_itself(name, typed):
    DirectoryEntry.objects.all().delete()
    DirectoryEntryFactory(legal_name=name)
    criteria = Criteria(legal_name=typed)
    found = criteria.patterns and find(UserFactory.build(pk=1), criteria).results
    assert bool(found or not criteria.patterns) is matches(typed, name)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    typed=st.text(max_size=20), column=st.sampled_from(["q", "legal_name", "label", "postcode", "city", "identifier"])
)
def test_any_text_is_searched_or_asked_again(client, typed, column):
    client.force_login(UserFactory())
    answer = client.get("/structures/", {column: typed})
    assert answer.status_code in ([400] if "\x00" in typed else [200, 422])


@pytest.mark.parametrize(
    ("fields", "narrow"),
    [
        ({"legal_name": "ab"}, False),
        ({"legal_name": "a b c d"}, False),
        ({"legal_name": "*ab*cd*"}, False),
        ({"legal_name": "%%%"}, False),
        ({"legal_name": "abc"}, True),
        ({"legal_name": "ab", "city": "ren"}, True),
        ({"city": "*ren"}, False),
        ({"city": "Le Havre"}, True),
        ({"city": "L'Isle"}, True),
        ({"city": "la"}, False),
        ({"postcode": "35"}, False),
        ({"postcode": "35000"}, True),
        ({"postcode": "35", "legal_name": "sar"}, True),
        ({"identifier": "20"}, False),
        ({"identifier": "200"}, True),
    ],
)
def test_what_no_index_finds_is_answered_in_words(client, user, fields, narrow):
    assert Criteria(**fields).is_narrow is narrow
    client.force_login(user)
    answer = client.get("/structures/", fields)
    assert answer.status_code == (200 if narrow else 422)
    assert ("au moins trois lettres" in answer.text) is not narrow


def test_an_identifier_match_comes_first(user):
    DirectoryEntryFactory(legal_name="Zoo", identifier_type="ridet", identifier="123456789", nature="private")
    DirectoryEntryFactory(legal_name="Abri", identifier_type="ridet", identifier="1234567890", nature="private")
    assert searched(user, identifier="123456789") == ["Zoo", "Abri"]
    # Until another order is asked for.
    assert names(find(user, Criteria(identifier="123456789"), order="nom")) == ["Abri", "Zoo"]


def test_a_private_structure_is_found_by_its_own_people_only(user):
    private = StructureFactory(private=True, identifier_type="ridet", identifier="123456789", legal_name="Nickel SA")
    assert searched(user, legal_name="nickel") == []
    own = AttachmentFactory(structure=private, role=Role.SIMPLE).user
    assert searched(own, legal_name="nickel") == ["Nickel SA"]
    assert searched(UserFactory(staff=True), legal_name="nickel") == ["Nickel SA"]


def test_others_learn_that_it_exists_from_its_identifier(client, user):
    private = StructureFactory(private=True, identifier_type="ridet", identifier="123456789", legal_name="Nickel SA")
    client.force_login(AttachmentFactory(structure=private, role=Role.SIMPLE).user)
    answer = client.get("/structures/", {"identifier": "123456789"})
    assert "Une structure privée du portail porte cet identifiant" not in answer.text
    client.force_login(user)
    for typed, told in (("123 456 789", True), ("12345678", False)):
        answer = client.get("/structures/", {"identifier": typed})
        assert ("Une structure privée du portail porte cet identifiant" in answer.text) is told
        assert "Nickel" not in answer.text


def test_what_lives_here_speaks_for_itself(client, user):
    entry = DirectoryEntryFactory(legal_name="Collège d'hier")
    structure = StructureFactory(identifier=entry.identifier, legal_name="Collège d'aujourd'hui")
    assert searched(user, legal_name="hier") == []
    assert find(user, Criteria(legal_name="aujourd")).results[0].structure == structure


def test_each_line_of_the_list_says_whether_it_lives_here(client, user):
    StructureFactory(legal_name="Lycée <un>", label="Annexe", postcode="35000", city="Rennes")
    StructureFactory(legal_name="Lycée deux", state="inactive")
    DirectoryEntryFactory(legal_name="Lycée trois", closed_on="2020-01-01")
    entry = DirectoryEntryFactory(legal_name="Lycée quatre", postcode="", city="", nature="private")
    client.force_login(user)
    answer = client.get("/structures/", {"legal_name": "lycee"})
    rows = re.findall(r"<tr.*?</tr>", answer.text, re.DOTALL)[1:]
    presences = ["Active", "Inactive", "Pas encore présente", "Fermée"]
    assert [re.search(r"</svg>([^<]+)</span>", row)[1] for row in rows] == presences
    assert f'href="/annuaire/{entry.pk}/?retour=%2Fstructures%2F%3Flegal_name%3Dlycee">Lycée quatre</a>' in rows[2]
    assert entry.full_identifier in rows[2] and "<span>Privée</span>" in rows[2]
    assert '<td data-label="Lieu"></td>' in rows[2]
    assert "Lycée &lt;un&gt;" in answer.text
    assert "35000 Rennes" in answer.text
    addresses = [re.search(r'class="title" href="([^"]+)"', row)[1] for row in rows]
    assert all(client.get(address).status_code == 200 for address in addresses)


def test_a_private_structure_hides_behind_its_directory_entry(client, user):
    entry = DirectoryEntryFactory(legal_name="Menuiserie", nature="private")
    StructureFactory(private=True, identifier=entry.identifier, legal_name="Nom choisi")
    result = find(user, Criteria(legal_name="menuiserie")).results[0]
    assert result.establishment == entry
    assert result.lives_here
    client.force_login(user)
    assert "est déjà sur le portail" in client.get(f"/annuaire/{entry.pk}/").text


def test_what_is_undisclosed_is_found_by_its_number_without_its_name(client, user):
    entry = DirectoryEntryFactory(
        legal_name="Vasseur Éric", city="Rennes", postcode="35000", nature="private", undisclosed=True
    )
    number = entry.identifier
    assert searched(user, legal_name="vasseur") == searched(user, city="rennes") == []
    # A name, a town or a first digit guessed right would show by its presence.
    for more in ({"legal_name": "vasseur"}, {"city": "rennes"}, {"postcode": entry.postcode}, {"label": "x"}):
        assert searched(user, identifier=number, **more) == []
    assert searched(user, identifier=number[:13]) == searched(user, identifier=f"{number}*") == []
    assert [r.establishment for r in find(user, Criteria(identifier=number), order="identifiant").results] == [entry]
    # Where it stands among others, and the marks of its page, would tell its name or its town.
    for order in ("nom", "ville"):
        assert find(user, Criteria(identifier=number), order=order).results == []
    client.force_login(user)
    for path in (f"/structures/?identifier={entry.identifier}", f"/annuaire/{entry.pk}/"):
        answer = client.get(path)
        assert "non diffusible" in answer.text
        assert "Vasseur" not in answer.text
        assert "Rennes" not in answer.text
    assert b"Vasseur" not in client.get(f"/structures/export.csv?identifier={entry.identifier}").getvalue()


@pytest.mark.parametrize(
    "mark",
    [
        lambda: "x",
        lambda: signing.dumps([1, 2]),
        lambda: signing.dumps(["nom", "a"], salt="structures.search"),
        lambda: signing.dumps(["identifiant", "2", 0, 1], salt="structures.search"),
    ],
    ids=["nothing", "another salt", "too short", "another order"],
)
def test_a_mark_that_is_not_ours_leads_to_the_first_page(client, user, mark):
    client.force_login(user)
    mark = mark()
    answer = client.get("/structures/", {"legal_name": "college", "after": mark})
    assert answer.status_code == 302
    assert answer.url == "/structures/?legal_name=college"


def test_a_long_foreign_name_s_page_has_a_next_one(client, user):
    letters = "".join(map(chr, range(0x4E00, 0x4E00 + 240)))
    for number in range(21):
        DirectoryEntryFactory(legal_name=f"{letters}{number:03}", city=letters[::-1][:90], postcode="98714")
    client.force_login(user)
    asked = {"postcode": "98714", "order": "ville"}
    after = client.get("/structures/", asked).context["page"].after
    assert len(client.get("/structures/", asked | {"after": after}).context["lines"]) == 1
    assert len(after) < 2_000  # servers take some 4,000 characters of an address


def test_the_export_opens_in_a_spreadsheet(client, user):
    DirectoryEntryFactory(legal_name="=Élan+1", identifier="20003035100015", postcode="01000")
    client.force_login(user)
    answer = client.get("/structures/export.csv", {"legal_name": "elan"})
    sent = answer.getvalue()
    assert sent.startswith(b"\xef\xbb\xbf")
    text = sent.decode("utf-8-sig")
    assert text.splitlines()[0].startswith("Type d'identifiant;Identifiant;Type de structure;Raison sociale;Libellé")
    assert text.splitlines()[0].endswith("Non diffusible;Sur le portail;Fermé le")
    assert text.splitlines()[1].startswith("SIRET;20003035100015;Publique;'=Élan+1;")
    assert text.splitlines()[1].endswith("Non;Pas encore présente;")


def test_the_export_tells_what_lives_here_and_what_is_closed(client, user):
    DirectoryEntryFactory(legal_name="Bois A", closed_on="2023-12-31")
    StructureFactory(legal_name="Bois B")
    StructureFactory(legal_name="Bois C", state="inactive")
    hidden = DirectoryEntryFactory(legal_name="Bois D", nature="private")
    StructureFactory(private=True, identifier=hidden.identifier, legal_name="Autre nom")
    client.force_login(user)
    lines = client.get("/structures/export.csv", {"legal_name": "bois"}).getvalue().decode().splitlines()[1:]
    assert [line.split(";")[-2:] for line in lines] == [
        ["Fermée", "31/12/2023"],
        ["Active", ""],
        ["Inactive", ""],
        ["Présente", ""],
    ]


def test_an_export_of_nothing_goes_back_to_the_search(client, user):
    client.force_login(user)
    assert client.get("/structures/export.csv").url == "/structures/?"


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("35580", Criteria(postcode="35580")),
        ("35 580", Criteria(postcode="35 580")),
        ("200 030 351 00015", Criteria(identifier="200 030 351 00015")),
        ("2000303", Criteria(identifier="2000303")),
        ("2000*", Criteria(identifier="2000*")),
        ("35*", Criteria(identifier="35*")),
        ("boulang*", Criteria(legal_name="boulang*")),
        ("lycée 35", Criteria(legal_name="lycée 35")),
        ("3 rue*", Criteria(legal_name="3 rue*")),
    ],
)
def test_one_box_reads_digits_as_a_number_or_a_postcode_and_words_as_a_name(typed, asked):
    form = SearchForm({"q": typed})
    form.is_valid()
    assert form.criteria == asked


def test_the_box_and_the_fields_go_together():
    form = SearchForm({"q": "menuiserie", "legal_name": "kerjean", "city": "Rennes"})
    assert form.asks_something
    assert form.is_precise
    assert form.criteria == Criteria(legal_name="menuiserie kerjean", city="Rennes")
    assert not SearchForm({"q": "menuiserie"}).is_precise
    torn = SearchForm({"q": "35000", "postcode": "35580"})
    assert "« Code postal », plus bas, dit autre chose" in torn.errors["q"][0]


@pytest.mark.parametrize("sent", [{"q": ""}, {"q": " * "}, {"legal_name": "", "city": ""}])
def test_an_empty_search_is_answered_in_words(client, user, sent):
    client.force_login(user)
    answer = client.get("/structures/", sent)
    assert answer.status_code == 422
    assert "Écrivez au moins trois lettres" in answer.text
    assert client.get("/structures/").status_code == 200


def test_the_number_asked_for_is_marked_among_those_that_begin_so(client, user):
    for number in ("123456789", "1234567890"):
        DirectoryEntryFactory(identifier_type="ridet", identifier=number, nature="private")
    client.force_login(user)
    lines = client.get("/structures/", {"q": "123 456 789"}).context["lines"]
    assert [line["is_named"] for line in lines] == [True, False]


def test_each_result_offers_what_one_may_do_with_it(client, user):
    for number, nature in enumerate(("public", "private")):
        DirectoryEntryFactory(legal_name=f"Bois {nature}", identifier=siret_number(9_010 + number), nature=nature)
    AttachmentFactory(user=user, structure__legal_name="Bois à moi")
    StructureFactory(legal_name="Bois d'autrui")
    client.force_login(user)
    answer = client.get("/structures/", {"q": "bois"}).text
    mine, others, private, public = re.findall(r"<tr.*?</tr>", answer, re.DOTALL)[1:]
    assert "Vous y êtes rattaché" in mine and '<td class="next-step">\n' in mine
    assert "Demander" not in mine
    assert "Demander un rattachement" in others
    assert f"?identifier_type=siret&amp;identifier={siret_number(9_011)}" in private
    address = re.search(r'href="([^"]+)">Demander sa création', public)[1]
    page = client.get(address).text
    assert "Vous ne pouvez pas la créer vous-même" in page
    assert "/structures/?q=bois" in page


def test_a_public_structure_that_the_directory_knows_is_not_created_and_says_who_can(client, user):
    entry = DirectoryEntryFactory(legal_name="Collège de Pen-ar-Vir")
    client.force_login(user)
    page = client.get("/structures/nouvelle/", {"identifier": entry.identifier})
    assert "L'assistance la crée" in page.text
    assert "Créer la structure</button>" not in page.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("20003035100015", "Un SIRET compte 14 chiffres"),
        ("20003035100016", "La clé de contrôle ne tombe pas juste"),
        ("inconnue", "Écrivez un mot de moins"),
    ],
)
def test_no_answer_tells_the_ways_on(client, user, typed, said):
    client.force_login(user)
    assert said in client.get("/structures/", {"q": typed}).text


def test_pages_keep_what_was_typed(client, user):
    DirectoryEntryFactory.create_batch(25, legal_name="Menuiserie", city="Rennes")
    client.force_login(user)
    page = client.get("/structures/", {"q": "menuiserie", "city": "rennes"})
    assert "?q=menuiserie&amp;city=rennes&amp;after=" in page.text
    after = client.get("/structures/", {"q": "menuiserie", "city": "rennes", "after": page.context["page"].after})
    assert len(after.context["lines"]) == 5
    assert "Page précédente" in after.text
