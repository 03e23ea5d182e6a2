"""Lists as files: who gets which rows, in which columns."""

import io
import zipfile
from datetime import date
from xml.etree import ElementTree

import pytest

from attachments.models import Role
from plumbing import exports
from tests.factories import (
    AttachmentFactory,
    BankAccountFactory,
    DirectoryEntryFactory,
    ServiceFactory,
    StructureFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def principal(client):
    """Logged in; `principal.structure` is theirs."""
    attachment = AttachmentFactory(role=Role.PRINCIPAL, structure__identifier="20003035100015")
    client.force_login(attachment.user)
    attachment.user.structure = attachment.structure
    return attachment.user


def lines_of(answer):
    text = answer.getvalue().decode("utf-8-sig")
    assert answer.status_code == 200
    assert text.endswith("\r\n")
    return [line.split(";") for line in text.splitlines()]


def cells_of(answer):
    """The cells of the spreadsheet by reference: (how it is kept, what it shows)."""
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    cells = sheet.findall(".//{*}c")
    return {cell.get("r"): (cell.get("t"), "".join(cell.itertext())) for cell in cells}


def test_services_are_exported_as_they_are_listed(client, principal):
    days = {"valid_from": date(2026, 9, 1), "valid_until": date(2027, 8, 31)}
    ServiceFactory(structure=principal.structure, label="Intendance", code="=INT", **days)
    ServiceFactory(structure=principal.structure, label="Éteint", is_active=False)
    base = f"/structures/{principal.structure.pk}/services/export.csv"
    lines = lines_of(client.get(base))
    assert lines[0][:3] == ["Libellé", "Code", "Description"]
    assert [line[0] for line in lines[1:]] == ["Éteint", "Intendance"]
    assert lines[2][1:6] == ["'=INT", "", "01/09/2026", "31/08/2027", "Non"]
    assert [line[0] for line in lines_of(client.get(base, {"q": "intend"}))[1:]] == ["Intendance"]
    client.force_login(UserFactory())
    assert "Éteint" not in client.get(base).getvalue().decode()


def test_a_private_structure_s_services_are_exported_for_its_people_only(client, principal):
    private = StructureFactory(private=True)
    assert client.get(f"/structures/{private.pk}/services/export.csv").status_code == 404


@pytest.mark.parametrize("role", [Role.PRINCIPAL, Role.SIMPLE])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_file_holds_a_whole_iban(client, role, kind):
    account = BankAccountFactory()
    client.force_login(AttachmentFactory(structure=account.structure, role=role).user)
    answer = client.get(f"/structures/{account.structure_id}/coordonnees-bancaires/export.{kind}")
    if kind == "csv":
        shown = [cell for line in lines_of(answer) for cell in line]
    else:
        shown = [text for _, text in cells_of(answer).values()]
    assert account.masked_iban in shown
    assert not any(account.iban in "".join(cell.split()) for cell in shown)


def test_a_spreadsheet_keeps_identifiers_as_text_and_days_as_days(client):
    DirectoryEntryFactory(legal_name="=Élan", identifier="20003035100015", postcode="01000", closed_on="2023-12-31")
    client.force_login(UserFactory())
    answer = client.get("/structures/export.xlsx", {"q": "elan"})
    assert answer["Content-Disposition"] == 'attachment; filename="structures.xlsx"'
    cells = cells_of(answer)
    assert cells["B1"][1] == "Identifiant"
    assert cells["B2"] == ("inlineStr", "20003035100015")
    assert cells["D2"] == ("inlineStr", "=Élan")
    assert ("inlineStr", "01000") in cells.values()
    assert cells["N2"] == (None, str((date(2023, 12, 31) - date(1899, 12, 30)).days))


def test_a_list_too_long_for_a_spreadsheet_is_offered_as_csv(client, principal, monkeypatch):
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    ServiceFactory.create_batch(3, structure=principal.structure)
    base = f"/structures/{principal.structure.pk}/services/export"
    answer = client.get(f"{base}.xlsx?q=service")
    assert answer.status_code == 422
    assert f'href="{base}.csv?q=service"' in answer.text
    assert len(lines_of(client.get(f"{base}.csv?q=service"))) == 4
    assert client.get(f"{base}.xlsx?q=rien").status_code == 200


def test_the_structures_one_manages_are_exported(client, principal):
    AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__legal_name="École Ferry")
    AttachmentFactory(user=principal, role=Role.SECONDARY)
    ServiceFactory.create_batch(2, structure=principal.structure)
    lines = lines_of(client.get("/structures/gerees/export.csv"))
    assert lines[0][1] == "Identifiant"
    assert lines[0][-2:] == ["État", "Services"]
    assert [line[-2:] for line in lines[1:] if line[1] == "20003035100015"] == [["Active", "2"]]
    assert len(lines) == 3
    assert len(lines_of(client.get("/structures/gerees/export.csv", {"q": "ferry"}))) == 2


def test_support_manages_all_and_searches(client):
    client.force_login(UserFactory(staff=True))
    assert client.get("/structures/gerees/export.csv").url == "/structures/"


def test_there_is_no_other_kind_of_file(client, principal):
    assert client.get("/structures/export.pdf").status_code == 404


@pytest.mark.parametrize(
    ("path", "factory"), [("services", ServiceFactory), ("coordonnees-bancaires", BankAccountFactory)]
)
def test_what_is_managed_on_several_structures_comes_in_one_file(client, principal, path, factory):
    other = AttachmentFactory(user=principal, role=Role.PRINCIPAL, structure__legal_name="Lycée Voisin").structure
    secondary = AttachmentFactory(user=principal, role=Role.SECONDARY).structure
    factory(structure=other, label="=Loin")
    factory(structure=principal.structure, label="Éteint", is_active=False)
    factory(structure=secondary, label="À un autre")
    lines = lines_of(client.get(f"/{path}/export.csv"))
    assert lines[0][:4] == ["Structure", "Type d'identifiant", "Identifiant", "Libellé"]
    assert {tuple(line[2:4]) for line in lines[1:]} == {("20003035100015", "Éteint"), (other.identifier, "'=Loin")}
    assert [line[3] for line in lines_of(client.get(f"/{path}/export.csv", {"q": "voisin"}))[1:]] == ["'=Loin"]
    assert ("s", "") not in cells_of(client.get(f"/{path}/export.xlsx")).values()
    page = client.get(f"/{path}/", {"q": "lycee"}).text
    assert f"/{path}/export.csv?q=lycee" in page
    assert "export.csv" not in client.get(f"/{path}/nouve{'au' if path == 'services' else 'lle'}/").text


def test_no_whole_iban_leaves_with_the_accounts_of_several_structures(client, principal):
    account = BankAccountFactory(structure=principal.structure)
    for kind in ("csv", "xlsx"):
        answer = client.get(f"/coordonnees-bancaires/export.{kind}")
        shown = answer.getvalue().decode() if kind == "csv" else str(cells_of(answer))
        assert account.masked_iban in shown
        assert account.iban not in shown.replace(" ", "")


def test_support_gets_what_it_searched_only(client):
    ServiceFactory(structure__legal_name="Lycée Voisin", label="Internat")
    client.force_login(UserFactory(staff=True))
    assert len(lines_of(client.get("/services/export.csv"))) == 1
    assert lines_of(client.get("/services/export.csv", {"q": "voisin"}))[1][3] == "Internat"
