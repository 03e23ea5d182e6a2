"""« Télécharger mes données »: one's own, all of it, and nobody else's."""

import io
import json
import zipfile

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actions import change_account, change_secret_question
from accounts.models import ExternalIdentity, TotpDevice, User
from attachments.actions import change_role, refuse_request, send_request
from attachments.models import Role
from chorus import own_data
from documents.models import SupportingDocument
from history.actions import record
from history.models import Event
from tests.documents.library import add
from tests.factories import (
    AttachmentFactory,
    AttachmentRequestFactory,
    OpenSessionFactory,
    OutgoingMailFactory,
    PasskeyFactory,
    ServiceFactory,
    StructureFactory,
    SupportingDocumentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

PATH, FILE = "/mon-compte/mes-donnees/", "/mon-compte/mes-donnees/telecharger/"


@pytest.fixture
def me(client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    me = UserFactory(first_name="Claire", last_name="Fontaine")
    client.force_login(me)
    return me


def download(client):
    answer = client.get(FILE)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert 'attachment; filename="mes-donnees.zip"' in answer["Content-Disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    return archive


def facts(client):
    return json.loads(download(client).read("donnees.json"))


def test_the_page_leads_there_from_my_account(client, me):
    assert PATH in client.get(reverse("account")).text
    page = client.get(PATH).text
    assert FILE in page
    assert page.count("btn-primary") == 1


def test_all_of_one_s_own(client, me):
    change_account(me.pk, actor=me, values={"phone": "+33299000001", "city": "Rennes"})
    me.refresh_from_db()
    me.set_password("bonjour-portail")
    me.save()
    client.force_login(me)
    change_secret_question(me, secret_question="pet", secret_answer="Rex")
    service = ServiceFactory(label="Intendance")
    held = AttachmentFactory(user=me, structure=service.structure, whole_structure=False, role=Role.SECONDARY)
    held.services.add(service)
    asked = send_request(me, StructureFactory(), actor=me, comment="Bonjour")
    refuse_request(asked.pk, actor=UserFactory(staff=True), reason="Service complet")
    OpenSessionFactory(user=me)
    add(me, name="été.pdf")
    archive = download(client)
    told = json.loads(archive.read("donnees.json"))
    assert told["compte"] | {"prénom": "Claire", "téléphone": "02 99 00 00 01", "ville": "Rennes"} == told["compte"]
    assert told["compte"]["question secrète"].startswith("Quel était")
    (place,) = told["rattachements"]
    assert (place["role"], place["services"]) == ("Gestionnaire secondaire", ["Intendance"])
    (request,) = told["demandes_de_rattachement"]
    assert (request["commentaire"], request["motif_du_refus"]) == ("Bonjour", "Service complet")
    assert sum("Votre demande" in mail["objet"] for mail in told["courriels_envoyes"]) == 2
    assert [line["action"] for line in told["historique"]][-1] == "Compte modifié"
    assert told["sessions_ouvertes"]
    assert [document["fichier"] for document in told["pieces_jointes"]] == ["pieces-jointes/été.pdf"]
    assert archive.namelist() == ["donnees.json", "pieces-jointes/été.pdf"]
    assert archive.read("pieces-jointes/été.pdf").startswith(b"%PDF")
    assert "md5$" not in json.dumps(told)


def test_nobody_else_s(client, me):
    """Neither others' rows, nor their names, nor what was done to them; only that one did something."""
    other = UserFactory(first_name="Capucine", last_name="Quetzalcoatl", email="capucine@exemple.example")
    add(other, name="capucine.pdf")
    OutgoingMailFactory(user=other, to=other.email, subject="À Capucine")
    held = AttachmentFactory(user=other)
    AttachmentFactory(user=me, structure=held.structure, role=Role.PRINCIPAL)
    change_role(held.pk, actor=me, role=Role.SECONDARY)
    record(Event.REFERENT_CREATED, actor=me, name="Capucine Quetzalcoatl")
    change_role(AttachmentFactory(user=me).pk, actor=other, role=Role.SECONDARY)
    request = AttachmentRequestFactory(user=other, comment="Je suis Capucine", structure=held.structure)
    refuse_request(request.pk, actor=me, reason="Capucine est partie")
    archive = download(client)
    text = archive.read("donnees.json").decode()
    assert "apucine" not in text
    assert "Quetzal" not in text
    assert archive.namelist() == ["donnees.json"]
    lines = json.loads(text)["historique"]
    by_me = next(line for line in lines if line["action"] == "Demande de rattachement refusée")
    assert (by_me["auteur"], by_me["personne_concernee"], "precisions" in by_me) == (
        "vous",
        "une autre personne",
        False,
    )
    to_me = next(line for line in lines if line["personne_concernee"] == "vous")
    assert (to_me["auteur"], to_me["precisions"]) == (
        "une autre personne",
        ["Rôle : Utilisateur simple → Gestionnaire secondaire"],
    )


@pytest.mark.parametrize("way", ["?user={pk}", "?pk={pk}", "{pk}/", "../{pk}/telecharger/"])
def test_guessing_gives_nothing(client, me, way):
    other = UserFactory(last_name="Quetzalcoatl")
    answer = client.get(FILE + way.format(pk=other.pk))
    if answer.status_code == 200:
        archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
        assert "Quetzalcoatl" not in archive.read("donnees.json").decode()
    else:
        assert answer.status_code == 404


def test_visitors_are_sent_to_the_door(client):
    for path in (PATH, FILE):
        assert client.get(path).status_code == 302


def test_a_file_that_is_missing_keeps_nothing_back(client, me, tmp_path):
    add(me, name="perdue.pdf")
    lost = SupportingDocument.objects.get()
    lost.file.storage.delete(lost.file.name)
    add(me, name="là.pdf")
    archive = download(client)
    assert archive.namelist() == ["donnees.json", "pieces-jointes/là.pdf", "pieces-jointes/LISEZ-MOI.txt"]
    assert "perdue.pdf" in archive.read("pieces-jointes/LISEZ-MOI.txt").decode()


def test_files_of_one_name_and_those_not_whole(client, me):
    for _ in range(2):
        add(me, name="devis.pdf")
    SupportingDocumentFactory(owner=me, state="receiving")
    assert download(client).namelist()[1:] == ["pieces-jointes/devis.pdf", "pieces-jointes/devis (2).pdf"]


def test_one_at_a_time(client, me):
    cache.add(f"export:{me.pk}", "another", 60)
    answer = client.get(FILE)
    assert answer.status_code == 429
    assert "Un de vos téléchargements est en cours" in answer.text
    cache.clear()
    download(client)
    download(client)


def test_the_same_queries_for_2_rows_and_50(client, me):
    def cost(rows):
        for _ in range(rows):
            held = AttachmentFactory(user=me, whole_structure=False)
            held.services.add(ServiceFactory(structure=held.structure))
            AttachmentRequestFactory(user=me, whole_structure=False).services.add(ServiceFactory())
            OutgoingMailFactory(user=me)
            OpenSessionFactory(user=me)
            SupportingDocumentFactory(owner=me)
            record(Event.ROLE_CHANGED, actor=UserFactory(), subject=me, structure=held.structure)
        client.get("/")
        with CaptureQueriesContext(connection) as captured:
            download(client)
        return len(captured)

    assert cost(2) == cost(48)


def test_every_column_of_an_account_is_told_or_left_out_on_purpose(client, me):
    names = {field.name: field.verbose_name for field in type(me)._meta.concrete_fields}
    assert names.keys() >= own_data.LEFT_OUT
    told = facts(client)["compte"]
    assert set(told) == {label for name, label in names.items() if name not in own_data.LEFT_OUT}


def test_what_one_logs_in_with_is_told_and_its_secrets_are_not(client, me):
    TotpDevice.objects.create(user=me, sealed_key="cle-scellee")
    PasskeyFactory(user=me, name="Téléphone")
    ExternalIdentity.objects.create(user=me, issuer="https://fournisseur.example", sub="sub-42")
    told = facts(client)
    assert [row["moyen"] for row in told["double_authentification"]] == ["Application d'authentification"]
    assert [row["nom"] for row in told["cles_d_acces"]] == ["Téléphone"]
    assert [(row["fournisseur"], row["identifiant"]) for row in told["identites_externes"]] == [
        ("https://fournisseur.example", "sub-42")
    ]
    assert "cle-scellee" not in json.dumps(told)


def test_every_table_that_names_accounts_is_told_or_known():
    """One that comes is to be decided on: what of it is the person's own."""
    relations = [field for field in User._meta.get_fields(include_hidden=True) if field.one_to_many or field.one_to_one]
    told = {
        "accounts.EmailDevice", "accounts.ExternalIdentity", "accounts.OpenSession", "accounts.Passkey",
        "accounts.RecoveryDevice", "accounts.TotpDevice", "attachments.Attachment", "attachments.AttachmentRequest",
        "spaces.Subscription",
        "attachments.Deputy", "attachments.Handover",
        "support.Message", "support.Ticket", "support.TicketFile",
        "documents.SupportingDocument", "history.HistoryEntry", "notifications.OutgoingMail",
    }  # fmt: skip
    # Support's work, in the history too; groups and permissions are not used.
    others = {
        "admin.LogEntry",
        "directory.DirectoryImport",
        "spaces.StructureSpace",
        "accounts.User_groups",
        "accounts.User_user_permissions",
    }
    assert {relation.related_model._meta.label for relation in relations} == told | others
