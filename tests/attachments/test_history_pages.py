"""« Historique »: who reads what, the filters, page after page, a line's own page, the files."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from attachments.models import Role
from attachments.views.history import PER_PAGE
from chorus.demo.past import happened
from history.actions import record, record_all
from history.data import change_data
from history.models import Event, HistoryEntry
from plumbing.changes import write_changes
from tests.factories import AttachmentFactory, StructureFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.also_sqlite]


@pytest.fixture
def structure():
    return StructureFactory(legal_name="Lycée Simone Veil")


@pytest.fixture
def principal(client, structure):
    user = AttachmentFactory(structure=structure, role=Role.PRINCIPAL, user__first_name="Claire").user
    client.force_login(user)
    return user


def page_of(structure):
    return f"/structures/{structure.pk}/historique/"


def written(structure, event=Event.REQUEST_APPROVED, *, days=0, **facts):
    with happened(timedelta(days=days)):
        return record(event, structure=structure, **facts)


def shown(response):
    return [row.pk for row in response.context["rows"]]


def test_what_was_done_is_told_in_words(client, structure, principal):
    ngoc, support = UserFactory(first_name="Ngoc-Anh", last_name="Tran"), UserFactory(staff=True)
    written(structure, Event.REQUEST_REFUSED, actor=principal, subject=ngoc, reason="Écrivez au rectorat.")
    written(structure, Event.ATTACHMENT_ENDED, subject=ngoc, cause="dates_over")
    values = {"role": "simple", "whole_structure": False}
    written(structure, Event.REQUEST_APPROVED, actor=principal, subject=ngoc, values=values, services=["Intendance"])
    made = write_changes(structure, {"city": "Brest", "address": "1 rue du Port"})
    written(structure, Event.STRUCTURE_CHANGED, actor=support, **change_data(structure, made))
    written(structure, Event.SERVICE_DEACTIVATED, actor=principal, name="Foyer (FOYER)")
    text = client.get(page_of(structure)).text
    for words in (
        "Refusée", "Écrivez au rectorat.", "Supprimé", "Date de fin dépassée", "le portail", "Validée", "Ngoc-Anh Tran",
        "Utilisateur simple · Intendance", "1 rue du Port", "et 1 de plus", "Désactivé", "Foyer (FOYER)",
    ):  # fmt: skip
        assert words in text


def test_lines_of_one_instant_are_walked_back_too(client, structure, principal, time_machine):
    time_machine.move_to(timezone.now(), tick=False)
    record_all(Event.STRUCTURE_CHANGED, [{"structure": structure}] * (2 * PER_PAGE + 1))
    lines = [*HistoryEntry.objects.order_by("-pk").values_list("pk", flat=True)]
    middle, oldest = lines[PER_PAGE : 2 * PER_PAGE], lines[-1]
    assert shown(client.get("/historique/", {"older": lines[PER_PAGE - 1]})) == middle
    assert shown(client.get("/historique/", {"newer": oldest})) == middle
    assert shown(client.get("/historique/", {"newer": middle[0]})) == lines[:PER_PAGE]


def test_an_empty_history_says_so(client, structure, principal):
    for address in (page_of(structure), "/historique/"):
        assert "Rien encore" in client.get(address).text


def test_only_the_structures_one_may_read(client, structure, principal):
    mine, other = written(structure), written(StructureFactory())
    secondary = AttachmentFactory(role=Role.SECONDARY, user=principal).structure
    written(secondary)
    assert shown(client.get("/historique/")) == [mine.pk]
    assert client.get(page_of(other.structure)).status_code == 403
    assert client.get(page_of(secondary)).status_code == 403
    assert client.get(f"/historique/{other.pk}/").status_code == 404
    # Named in the address of one's own list, it moves nothing and says nothing.
    assert shown(client.get("/historique/", {"older": other.pk})) == [mine.pk]
    assert client.get("/historique/", {"structure": other.structure_id}).status_code == 200


def test_what_belongs_to_accounts_is_shown_to_nobody_here(client, structure, principal):
    login = record(Event.SECOND_FACTOR_REMOVED, subject=principal, actor=principal)
    odd = written(structure, Event.PASSWORD_RESET, subject=principal)
    for user in (principal, UserFactory(staff=True)):
        client.force_login(user)
        assert shown(client.get("/historique/")) == []
        assert {client.get(f"/historique/{line.pk}/").status_code for line in (login, odd)} == {404}


def test_an_ended_place_no_longer_reads(client, structure, principal):
    line = written(structure)
    principal.attachments.update(ended_at=timezone.now())
    answers = [
        client.get(address).status_code for address in (page_of(structure), "/historique/", f"/historique/{line.pk}/")
    ]
    assert answers == [403, 403, 404]
    assert "Historique" not in client.get(f"/structures/{structure.pk}/").text


def test_the_tab_is_there_for_whoever_may_read(client, structure, principal):
    assert page_of(structure) in client.get(f"/structures/{structure.pk}/").text
    client.force_login(AttachmentFactory(structure=structure, role=Role.SECONDARY).user)
    assert page_of(structure) not in client.get(f"/structures/{structure.pk}/").text


def test_an_anonymised_person_has_no_name_any_more(client, structure, principal):
    gone = UserFactory(first_name="Maëlle", last_name="Legoff", state="closed", anonymised_at=timezone.now())
    line = written(structure, actor=gone, subject=gone)
    for address in (page_of(structure), f"/historique/{line.pk}/", f"{page_of(structure)}export.csv"):
        answer = client.get(address)
        text = answer.getvalue().decode() if answer.streaming else answer.text
        assert "utilisateur clos" in text
        assert "Legoff" not in text
    assert shown(client.get(page_of(structure), {"person": "Legoff"})) == []


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"person": "ngoc"}, [2, 0]),
        ({"person": "TRAN ngoc"}, [2, 0]),
        ({"person": "tr*an"}, [2, 0]),
        ({"person": "claire"}, [3, 2]),
        ({"person": "nobody"}, []),
        ({"kind": "demandes"}, [2, 0]),
        ({"kind": "services"}, [3]),
        ({"since": "-2"}, [3, 2]),
        ({"until": "-3"}, [1, 0]),
        ({"since": "-5", "until": "-5"}, [1]),
        ({"since": "-9", "person": "ngoc", "kind": "demandes"}, [2, 0]),
        ({"kind": "", "since": "", "person": "  "}, [3, 2, 1, 0]),
    ],
)
def test_filters(client, structure, principal, asked, found):
    ngoc = UserFactory(first_name="Ngoc-Anh", last_name="Tràn")
    lines = [
        written(structure, Event.REQUEST_SENT, days=9, actor=ngoc),
        written(structure, Event.STRUCTURE_CHANGED, days=5),
        written(structure, Event.REQUEST_APPROVED, days=2, actor=principal, subject=ngoc),
        written(structure, Event.SERVICE_CREATED, actor=principal),
    ]
    today = timezone.localdate()
    for name in ("since", "until"):
        if asked.get(name):
            asked = asked | {name: (today + timedelta(days=int(asked[name]))).isoformat()}
    for address in (page_of(structure), "/historique/"):
        assert shown(client.get(address, asked)) == [lines[n].pk for n in found]


def test_one_of_several_structures(client, structure, principal):
    second = AttachmentFactory(user=principal, role=Role.PRINCIPAL).structure
    written(structure)
    wanted = written(second)
    answer = client.get("/historique/", {"structure": second.pk})
    assert shown(answer) == [wanted.pk]
    assert "Mes 2 structures" in answer.text
    assert 'name="structure"' not in client.get(page_of(structure)).text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "2026-13-01"}, "Écrivez une date qui existe"),
        ({"until": "9999-12-31"}, "entre 2000 et 2100"),
        ({"since": "0001-01-01"}, "entre 2000 et 2100"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "précède la date de début"),
        ({"kind": "x"}, "Choisissez dans la liste."),
    ],
)
def test_a_filter_that_makes_no_sense(client, structure, principal, asked, said):
    written(structure)
    answer = client.get(page_of(structure), asked)
    assert answer.status_code == 422
    assert said in answer.text
    assert shown(answer) == []
    # A file would say nothing of it: back to the list that does.
    assert said in client.get(f"{page_of(structure)}export.csv", asked, follow=True).text


@pytest.mark.parametrize("mark", ["x", "-1", "²", "9" * 40, ""])
def test_a_mark_that_is_none_shows_the_first_page(client, structure, principal, mark):
    line = written(structure)
    assert shown(client.get(page_of(structure), {"older": mark, "newer": mark})) == [line.pk]


def test_page_after_page_and_back(client, structure, principal):
    """Many of one instant, as an action on many records them: none is left out nor shown twice."""
    record_all(Event.REQUEST_SENT, [{"structure": structure} for _ in range(2 * PER_PAGE + 3)])
    everything = list(HistoryEntry.objects.values_list("pk", flat=True))
    pages, query = [], {"kind": "demandes"}
    while True:
        answer = client.get(page_of(structure), query)
        pages.append(shown(answer))
        if not answer.context["older"]:
            break
        assert f"kind=demandes&amp;older={answer.context['older']}" in answer.text
        query = {"kind": "demandes", "older": answer.context["older"]}
    assert [len(page) for page in pages] == [PER_PAGE, PER_PAGE, 3]
    assert [pk for page in pages for pk in page] == everything
    back = client.get(page_of(structure), {"newer": answer.context["newer"]})
    assert shown(back) == pages[1]
    assert (bool(back.context["newer"]), bool(back.context["older"])) == (True, True)
    first = client.get(page_of(structure), {"newer": back.context["newer"]})
    assert shown(first) == pages[0]
    assert not first.context["newer"]


@pytest.mark.parametrize("address", ["structure", "all", "csv", "xlsx"])
def test_as_many_queries_for_fifty_lines_as_for_two(client, structure, principal, address):
    path = {
        "structure": page_of(structure),
        "all": "/historique/",
        "csv": "/historique/export.csv",
        "xlsx": f"{page_of(structure)}export.xlsx",
    }[address]
    AttachmentFactory(user=principal, role=Role.PRINCIPAL)

    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path).getvalue() if path.endswith("csv") else client.get(path).content
        return len(captured)

    def add(number):
        for _ in range(number):
            written(structure, Event.STRUCTURE_CHANGED, actor=UserFactory(), subject=UserFactory())

    add(2)
    client.get("/")
    few = queries()
    add(48)
    assert queries() == few < 20


def test_a_line_s_page_says_before_and_after(client, structure, principal):
    made = write_changes(structure, {"city": "Brest", "label": "Cité"})
    line = written(structure, Event.STRUCTURE_CHANGED, actor=principal, **change_data(structure, made))
    answer = client.get(f"/historique/{line.pk}/")
    before = change_data(structure, made)["changes"]["city"][0]
    assert answer.context["changes"] == [("Libellé", made[1].old or "", "Cité"), ("Ville", before, "Brest")]
    assert "Avant et après" in answer.text
    assert page_of(structure) in answer.text


def test_a_line_s_page_of_a_decision(client, structure, principal):
    person = UserFactory(first_name="Élodie", last_name="Un")
    facts = {"reason": "Non", "cause": "dates_over", "count": 2, "services": ["Intendance"], "personal": ["phone"]}
    line = written(
        structure, Event.REQUEST_REFUSED, actor=principal, subject=person, reference="482719305", name="X", **facts
    )
    text = client.get(f"/historique/{line.pk}/").text
    for words in ("Élodie Un", "482 719 305", "Refusée", "Date de fin dépassée", "Intendance", "Champ modifié"):
        assert words in text
    # Nobody's address: it may be a new one, which is none of the structure's business.
    assert person.email not in text


@pytest.mark.parametrize("path", ["/historique/?kind=demandes", "structure"])
def test_a_line_leads_back_to_its_list(client, structure, principal, path):
    line = written(structure)
    path = f"{page_of(structure)}?kind=demandes" if path == "structure" else path
    text = client.get(path).text
    link = text.split(f'href="/historique/{line.pk}/')[1].split('"')[0]
    assert f'href="{path}"' in client.get(f"/historique/{line.pk}/{link}").text


def test_the_list_as_a_file(client, structure, principal):
    person = UserFactory(first_name="Élodie", last_name="=1+1")
    written(structure, Event.REQUEST_REFUSED, actor=principal, subject=person, reason="Motif", reference="482719305")
    written(structure, Event.SERVICE_CREATED, name="Foyer")
    answer = client.get(f"{page_of(structure)}export.csv", {"kind": "demandes"})
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 1
    row = rows[0]
    assert row["Date"] == f"{timezone.localdate():%d/%m/%Y}"
    assert (row["Action"], row["Commentaire"]) == ("Demande de rattachement refusée", "Refusée")
    assert (row["Auteur"], row["Identifiant"]) == (str(principal), structure.identifier)
    assert (row["Dossier n°"], row["Détail"]) == ("482719305", "Motif : Motif")
    assert structure.identifier in answer["Content-Disposition"]
    assert client.get("/historique/export.xlsx").status_code == 200


def test_support_reads_all_structures(client, structure):
    client.force_login(UserFactory(staff=True))
    lines = [written(structure), written(StructureFactory())]
    answer = client.get("/historique/")
    assert shown(answer) == [line.pk for line in reversed(lines)]
    assert structure.legal_name in answer.text
    assert client.get(page_of(structure)).status_code == 200
