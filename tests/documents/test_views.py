"""« Mes pièces jointes » on screen: the list, adding, giving back, deleting; and nobody else's."""

import io
import re
import zipfile
from urllib.parse import unquote

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from documents.models import SupportingDocument
from tests.documents.library import MEGABYTE, add, pdf, stored
from tests.documents.samples import PAGE, PDF, PROGRAM
from tests.factories import SupportingDocumentFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST, ADD = "/mes-pieces-jointes/", "/mes-pieces-jointes/ajouter/"


@pytest.fixture
def owner(client):
    owner = UserFactory()
    client.force_login(owner)
    return owner


def typed(file=None, **more):
    return {"designation": "Délégation de Zoé", "type": "delegation", "file": file or pdf()} | more


def test_an_empty_library_says_what_it_is_for(client, owner):
    page = client.get(LIST).text
    assert "Aucune pièce jointe" in page
    assert "10 Mo au plus" in page
    assert "Rechercher une pièce jointe" not in page


def test_a_file_is_added_and_listed(client, owner):
    answer = client.post(ADD, typed(pdf(name="Délégation signée.pdf")), follow=True)
    assert answer.redirect_chain == [(LIST, 302)]
    for said in ("La pièce jointe Délégation de Zoé est ajoutée.", "Délégation de signature", "Délégation signée.pdf"):
        assert said in answer.text
    assert "1 pièce jointe" in answer.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"file": ""}, "Choisissez un fichier."),
        ({"file": SimpleUploadedFile("a.pdf", b"")}, "Ce fichier est vide"),
        ({"file": SimpleUploadedFile("facture.pdf", PROGRAM)}, "Ce fichier est un programme"),
        ({"file": SimpleUploadedFile("facture.pdf", PAGE)}, "n'est pas celui d'un fichier « .pdf »"),
        ({"file": SimpleUploadedFile("page.html", PAGE)}, "Les fichiers « .html » ne sont pas acceptés"),
        ({"file": SimpleUploadedFile("a.pdf", PDF + b" " * (10 * MEGABYTE + 1 - len(PDF)))}, "dépasse 10 Mo"),
        ({"designation": ""}, "Donnez un nom à cette pièce."),
        ({"designation": "x" * 51}, "Cette désignation compte 51 caractères : 50 au plus."),
        ({"designation": "a\x00b"}, "nul"),
        ({"designation": "facture\u202efdp"}, "caractère invisible"),
        ({"type": "zzz"}, "Choisissez un type de la liste."),
        ({"type": ""}, "Choisissez le type de la pièce."),
    ],
)
def test_bad_input_is_said_beside_its_field_and_the_rest_is_kept(client, owner, store, changed, said):
    answer = client.post(ADD, typed() | changed)
    assert answer.status_code == 422
    assert said in answer.text
    assert answer.text.count(said) >= 2, "on top, and beside the field"
    assert ("Choisissez le fichier de nouveau" in answer.text) is (changed != {"file": ""})
    assert ('value="Délégation de Zoé"' in answer.text) is ("designation" not in changed)
    assert stored(store) == []


def test_all_that_is_wrong_is_told_at_once(client, owner, store):
    answer = client.post(ADD, {"designation": "", "type": "", "file": SimpleUploadedFile("facture.pdf", PROGRAM)})
    assert set(answer.context["form"].errors) == {"file", "designation", "type"}
    assert "Ce fichier est un programme" in answer.text


@pytest.mark.parametrize("name", ["Délégation.pdf", "arrete_2026.docx", "www.exemple.fr"])
def test_the_name_of_a_file_is_a_designation(client, owner, name):
    client.post(ADD, typed(designation=name))
    assert SupportingDocument.objects.get().designation == name


def test_what_is_larger_than_any_document_is_refused_before_it_is_read(client, owner):
    answer = client.post(ADD, typed(pdf(12 * MEGABYTE)))
    assert answer.status_code == 413
    assert "10 Mo au plus" in answer.text


def test_a_file_sent_after_the_session_ended_is_not_read(client):
    answer = client.post(ADD, typed(pdf(9 * MEGABYTE)))
    assert (answer.status_code, answer.url) == (302, f"/connexion/?next={ADD}")


@pytest.mark.parametrize("page", [LIST, "/mes-pieces-jointes/supprimer/"])
def test_no_other_page_of_the_library_takes_a_file(client, owner, page):
    assert client.post(page, {"file": pdf()}).status_code in (400, 405)


def test_a_file_comes_back_as_a_download_and_nothing_else(client, owner):
    document = add(owner, size=MEGABYTE)
    answer = client.get(f"{LIST}{document.pk}/telecharger/")
    assert answer.streaming
    assert b"".join(answer.streaming_content) == pdf(MEGABYTE).read()
    assert answer["Content-Disposition"] == "attachment; filename*=utf-8''D%C3%A9l%C3%A9gation.pdf"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert (answer["Content-Type"], answer["Content-Length"]) == ("application/pdf", str(MEGABYTE))
    assert "no-store" in answer["Cache-Control"]


def test_a_name_of_300_letters_with_slashes_is_stored_apart_and_given_back(client, owner, store):
    name = "../" + "é" * 150 + "/" + "à" * 300 + '"; x.pdf'
    client.post(ADD, typed(pdf(name=name)))
    [file] = stored(store)
    assert re.fullmatch(r"[0-9a-f]{32}", file.name)
    document = SupportingDocument.objects.get()
    answer = client.get(f"{LIST}{document.pk}/telecharger/")
    assert b"".join(answer.streaming_content) == PDF
    assert unquote(answer["Content-Disposition"]) == f"attachment; filename*=utf-8''{document.original_name}"
    assert re.fullmatch(r"à{100,}\.pdf", document.original_name)
    assert len(document.original_name.encode()) in (239, 240)


def test_a_store_that_does_not_answer_is_said(client, owner, monkeypatch):
    document = add(owner)
    monkeypatch.setattr(FileSystemStorage, "_open", lambda *args: 1 / 0)
    answer = client.get(f"{LIST}{document.pk}/telecharger/", follow=True)
    assert "Ce fichier ne peut pas être lu pour le moment." in answer.text


def test_those_ticked_come_in_one_zip_without_losing_one_to_another_s_name(client, owner):
    ticked = [add(owner, size=2 * MEGABYTE), add(owner), add(owner, name="délégation.PDF")]
    add(owner, name="autre.pdf")
    answer = client.get(f"{LIST}cochees.zip", {"piece": [document.pk for document in ticked]})
    assert answer["Content-Disposition"] == 'attachment; filename="pieces-jointes.zip"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    content = b"".join(answer.streaming_content)
    assert len(content) == int(answer["Content-Length"])
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert archive.namelist() == ["délégation.PDF", "Délégation (2).pdf", "Délégation (3).pdf"]
    assert [info.file_size for info in archive.infolist()] == [len(PDF), len(PDF), 2 * MEGABYTE]


def test_one_zip_at_a_time(client, owner):
    query = {"piece": add(owner).pk}
    first = client.get(f"{LIST}cochees.zip", query)
    assert client.get(f"{LIST}cochees.zip", query).status_code == 429
    b"".join(first.streaming_content)
    again = client.get(f"{LIST}cochees.zip", query)
    assert b"".join(again.streaming_content)


@pytest.mark.parametrize("page", ["cochees.zip", "supprimer/"])
@pytest.mark.parametrize("piece", [[], ["x"], ["9" * 30], ["-1"], ["²"], ["foreign"]])
def test_nothing_of_one_s_own_ticked_leads_back_to_the_list(client, owner, page, piece):
    foreign = SupportingDocumentFactory()
    piece = [str(foreign.pk) if text == "foreign" else text for text in piece]
    answer = client.get(f"{LIST}{page}", {"piece": piece, "retour": f"{LIST}?q=bail"})
    assert answer.url == f"{LIST}?q=bail"
    said = "ne sont plus dans la liste" if piece else "Rien n'est coché"
    assert said in client.get(answer.url).text
    assert client.post(f"{LIST}supprimer/", {"piece": piece}).url == LIST
    assert SupportingDocument.objects.of(foreign.owner).count() == 1


def test_foreign_pieces_among_one_s_own_are_left_out(client, owner):
    mine, foreign = add(owner), SupportingDocumentFactory()
    ticked = {"piece": [mine.pk, foreign.pk]}
    answer = client.get(f"{LIST}cochees.zip", ticked)
    assert len(zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).namelist()) == 1
    assert foreign.designation not in client.get(f"{LIST}supprimer/", ticked).text
    client.post(f"{LIST}supprimer/", ticked)
    assert SupportingDocument.objects.get() == foreign


@pytest.mark.parametrize("page", ["telecharger/", "modifier/", "supprimer/"])
@pytest.mark.parametrize("state", ["ready", "receiving", "deleting"])
def test_another_s_and_what_is_not_whole_are_not_there(client, owner, page, state):
    foreign = SupportingDocumentFactory(state=state)
    unfinished = SupportingDocumentFactory(owner=owner, state="receiving" if state == "ready" else state)
    for pk in (foreign.pk, unfinished.pk, 10**25):
        assert client.get(f"{LIST}{pk}/{page}").status_code == 404
    client.force_login(UserFactory(staff=True, is_superuser=True))
    assert client.get(f"{LIST}{foreign.pk}/{page}").status_code == 404


def test_designation_and_type_are_changed(client, owner):
    document = add(owner)
    address = f"{LIST}{document.pk}/modifier/"
    assert 'value="Délégation 2026"' in client.get(address).text
    assert client.post(address, {"designation": "", "type": "other"}).status_code == 422
    answer = client.post(f"{address}?retour={LIST}?q=d", {"designation": "Bail", "type": "contract"}, follow=True)
    assert answer.redirect_chain == [(f"{LIST}?q=d", 302)]
    assert "Les modifications sont enregistrées." in answer.text
    document.refresh_from_db()
    assert (document.designation, document.type) == ("Bail", "contract")


def test_one_or_several_are_deleted_after_a_page_that_names_them(client, owner, store):
    one, two, three = add(owner), add(owner), add(owner)
    page = client.get(f"{LIST}{one.pk}/supprimer/").text
    assert "Supprimer Délégation 2026 ?" in page
    assert SupportingDocument.objects.count() == 3
    assert "La pièce jointe est supprimée." in client.post(f"{LIST}{one.pk}/supprimer/", follow=True).text
    ticked = {"piece": [two.pk, three.pk]}
    assert "Supprimer 2 pièces jointes ?" in client.get(f"{LIST}supprimer/", ticked).text
    assert "2 pièces jointes sont supprimées." in client.post(f"{LIST}supprimer/", ticked, follow=True).text
    assert stored(store) == []


def test_a_thousand_are_searched_and_paged_in_as_many_queries_as_two(client, owner):
    SupportingDocumentFactory.create_batch(2, owner=owner)
    SupportingDocumentFactory(designation="D'un autre")
    client.get(LIST)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert "2 pièces jointes" in client.get(LIST).text
    SupportingDocument.objects.bulk_create(
        SupportingDocumentFactory.build(owner=owner, type="bank_details") for _ in range(997)
    )
    SupportingDocumentFactory(owner=owner, designation="Bail de l'école")
    with CaptureQueriesContext(connection) as many:
        page = client.get(LIST)
    assert len(many) == len(few)
    assert "1 à 50 sur 1 000 pièces jointes" in " ".join(page.text.split())
    assert len(page.content) < 300_000
    found = client.get(LIST, {"q": "ecole BAIL"}).text
    assert "1 résultat" in found
    assert "997 résultats" in client.get(LIST, {"q": "identite"}).text
    assert "Aucune pièce jointe ne correspond" in client.get(LIST, {"q": "rien%de_tel"}).text
    assert "retour=" in found
    assert "D'un autre" not in client.get(LIST, {"q": "un autre"}).text


def test_the_list_comes_as_a_file_filtered_and_without_computing_anything(client, owner):
    document = SupportingDocumentFactory(owner=owner, designation="=Bail", original_name="+bail.pdf")
    SupportingDocumentFactory(owner=owner, designation="Kbis")
    SupportingDocumentFactory(designation="À une autre")
    lines = client.get(f"{LIST}export.csv", {"q": "bail"}).getvalue().decode("utf-8-sig").splitlines()
    assert lines[0] == "Désignation;Type;Nom du fichier;Format;Taille (octets);Ajoutée le"
    assert lines[1].startswith(f"'=Bail;{document.get_type_display()};'+bail.pdf;PDF;{document.size};")
    assert len(lines) == 2
    assert client.get(f"{LIST}export.xlsx").content.startswith(b"PK")
    assert f"{LIST}export.xlsx?q=bail" in client.get(LIST, {"q": "bail"}).text
