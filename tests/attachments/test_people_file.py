"""« Fichier d'utilisateurs »: tried line by line, then applied; twice changes nothing."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from attachments import actions
from attachments.models import Attachment, Role
from history.models import HistoryEntry
from notifications.models import OutgoingMail
from plumbing.errors import ActionError
from tests.factories import AttachmentFactory, AttachmentRequestFactory, ServiceFactory, StructureFactory, UserFactory

pytestmark = pytest.mark.django_db

HEADER = "Adresse de connexion;Prénom;Nom;Téléphone;Rôle;Services;Date de début;Date de fin"
TEN = [
    "lou@exemple.example;Lou;Petit;;;;;",
    "ancien@exemple.example;Anne;Ancien;;Gestionnaire secondaire;;;",
    "sam@exemple.example;Sam;Martin;06 12 34 56 78;utilisateur simple;INT, rest;01/09/2099;31/12/2099",
    "déjà là;Pas;Adresse;;;;;",
    "ici@exemple.example;Ici;Même;;;;;",
    "a@exemple.example;Alix;Un;;;;;",
    "b@exemple.example;Bao;Deux;;;;;",
    "c@exemple.example;Cleo;Trois;;;INCONNU;;",
    "d@exemple.example;Dany;Quatre;;;;;",
    "e@exemple.example;Élie;Cinq;;;;;",
]


@pytest.fixture
def structure(client):
    structure = StructureFactory()
    for code, label in (("INT", "Intendance"), ("REST", "Restauration")):
        ServiceFactory(structure=structure, code=code, label=label)
    client.manager = AttachmentFactory(structure=structure, role=Role.PRINCIPAL).user
    client.force_login(client.manager)
    return structure


@pytest.fixture
def address(structure):
    return f"/structures/{structure.pk}/fichier/"


def csv_file(*lines, header=HEADER, encoding="utf-8-sig"):
    return {"file": SimpleUploadedFile("personnes.csv", "\r\n".join([header, *lines]).encode(encoding))}


def apply(client, address, *lines):
    tried = client.post(address, csv_file(*lines))
    return client.post(address, {"texte": tried.context["text"]}, follow=True)


def test_ten_lines_two_of_them_wrong(client, structure, address):
    old = UserFactory(email="ancien@exemple.example")
    AttachmentFactory(structure=structure, user__email="ici@exemple.example")
    tried = client.post(address, csv_file(*TEN))
    assert (len(tried.context["to_do"]), [line.number for line in tried.context["faulty"]]) == (7, [5, 9])
    assert tried.context["roles"] == [("Gestionnaire secondaire", 1), ("Utilisateur simple", 6)]
    assert "Jusqu'au 31 décembre 2099" in tried.text
    wrong = client.post(address, {"texte": tried.context["text"], "corriger": "1"}).content.decode("utf-8-sig")
    assert [line.split(";")[0] for line in wrong.splitlines()] == [
        "Adresse de connexion",
        "déjà là",
        "c@exemple.example",
    ]
    assert client.post(address, csv_file(*wrong.splitlines()[1:], header=wrong.splitlines()[0])).context["faulty"]
    assert "Aucun service en service n'a ce code : INCONNU" in tried.text
    assert "Déjà rattaché" in tried.text
    assert not OutgoingMail.objects.exists()
    done = client.post(address, {"texte": tried.context["text"]}, follow=True)
    assert [done.context[name] for name in ("done_count", "newcomers", "held_count")] == [7, 6, 1]
    assert len(done.context["left"]) == 2
    assert client.get(f"{address}a-corriger.csv").content.decode("utf-8-sig") == wrong
    assert old.attachments.get().role == Role.SECONDARY
    sam = Attachment.objects.get(user__email="sam@exemple.example")
    assert (sam.part, sam.standing, sam.user.state) == ("Intendance, Restauration", "upcoming", "activating")
    mails = list(OutgoingMail.objects.values_list("slug", flat=True))
    assert (mails.count("activation"), mails.count("attached")) == (6, 1)
    written = HistoryEntry.objects.count()
    again = client.post(address, {"texte": tried.context["text"]}, follow=True)
    assert (again.context["done_count"], again.context["held_count"]) == (0, 8)
    assert HistoryEntry.objects.count() == written


def test_a_trial_does_not_tell_which_addresses_have_accounts(client, address):
    UserFactory(email="a@exemple.example")
    tried = client.post(address, csv_file(TEN[5], TEN[6])).text
    assert tried.count("Qui n'a pas de compte en reçoit un") == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "Choisissez un fichier"),
        (csv_file(), "ne contient personne"),
        (csv_file("x", header="Nom;Prénom"), "Il manque à ce fichier : Adresse de connexion"),
        ({"file": SimpleUploadedFile("personnes.xlsx", b"PK\x03\x04" + bytes(99))}, "enregistrez-le au format CSV"),
        (csv_file(*["a@exemple.example;A;B;;;;;"] * 501), "plus de 500 personnes"),
        ({"file": SimpleUploadedFile("x.csv", b'Nom;Pr\xff\x00\n"' + b"x" * 140_000)}, ""),
    ],
)
def test_files_that_are_refused(client, address, content, said):
    answer = client.post(address, content)
    assert answer.status_code in (400, 422)
    assert said in answer.text


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a@exemple.example;A1;B;;;;;", "Un nom s'écrit"),
        ("a@exemple.example;;B;;;;;", "Prénom"),
        ("a@exemple.example;A;B;;Gestionnaire principal;;;", "n'est pas un rôle que vous donnez"),
        ("a@exemple.example;A;B;;;;;01/01/2020", "est passée"),
        ("a@exemple.example;A;B;;;;demain;", "Date de début"),
        ("a@exemple.example;A;B;;;;01/01/0001;31/12/9999", "entre 2000 et 2100"),
        ("a\x00b@exemple.example;A;B;;;;;", "Adresse de connexion"),
        (f"{'x' * 9_000}@exemple.example;A;B;;;;;", "Adresse de connexion"),
        ("a@exemple.example;A;B;12;;;;", "Téléphone"),
    ],
)
def test_what_is_wrong_with_a_line(client, address, line, said):
    (line,) = client.post(address, csv_file(line)).context["lines"]
    assert said in " ".join(line.faults)


def test_the_model_is_read_back_whichever_way_a_spreadsheet_saves_it(client, structure, address):
    model = client.get(f"{address}modele.csv").content.decode("utf-8-sig")
    example = model.splitlines()[1].replace("CODE1", "INT").replace("CODE2", "REST")
    for encoding in ("utf-8-sig", "cp1252"):
        assert client.post(address, csv_file(example, encoding=encoding)).context["to_do"]
    comma = csv_file("a@exemple.example,Zoé,B", header="Adresse de connexion,Prénom,Nom")
    assert client.post(address, comma).context["lines"][0].name == "Zoé B"


def test_the_same_person_twice_is_said(client, address):
    first, second = client.post(address, csv_file(TEN[0], TEN[0].upper())).context["lines"]
    assert (first.faults, second.faults) == ([], ["Même adresse qu'à la ligne 2."])


def test_what_a_file_does_not_change_and_the_request_it_approves_are_said(client, structure, address):
    held = AttachmentFactory(structure=structure)
    asked = AttachmentRequestFactory(structure=structure)
    same, other = f"{held.user.email};A;B;;;;;", f"{held.user.email};A;B;;Gestionnaire secondaire;INT;;31/12/2099"
    assert client.post(address, csv_file(same)).context["held"][0].unmet == []
    tried = client.post(address, csv_file(other, f"{asked.user.email};A;B;;;;;"))
    assert tried.context["held"][0].unmet == ["Gestionnaire secondaire", "Intendance", "jusqu'au 31 décembre 2099"]
    assert f"/personnes/{held.pk}/" in tried.text
    assert tried.context["to_do"][0].request == asked
    assert asked.spaced_reference in tried.text
    applied = apply(client, address, f"{asked.user.email};A;B;;;;;").text
    assert "1 demande en attente est validée" in " ".join(applied.split())


def test_where_the_pigp_keeps_the_accounts_only_those_who_have_one_are_attached(client, structure, address):
    structure.uses_pigp = True
    structure.save()
    UserFactory(email="lou@exemple.example")
    answer = apply(client, address, TEN[0], TEN[5])
    ((number, cells, why),) = answer.context["left"]
    assert (number, cells[0], why[:34]) == (3, "a@exemple.example", "Cette adresse n'a pas de compte, et"[:34])
    assert "PIGP" in answer.text
    assert structure.attachments.filter(user__email="lou@exemple.example").exists()


def test_what_a_dying_process_left_undone_the_same_file_does(client, structure, address, monkeypatch):
    monkeypatch.setattr("attachments.actions.people.LOT", 1)
    invite, calls = actions.people.invite_account, []

    def dies(**who):
        calls.append(who)
        if len(calls) == 2:
            raise RuntimeError
        return invite(**who)

    monkeypatch.setattr("attachments.actions.people.invite_account", dies)
    with pytest.raises(RuntimeError):
        apply(client, address, TEN[0], TEN[5], TEN[6])
    assert structure.attachments.filter(user__email="lou@exemple.example").exists()
    assert apply(client, address, TEN[0], TEN[5], TEN[6]).context["done_count"] == 2
    assert OutgoingMail.objects.filter(slug="activation").count() == 3


def test_one_line_that_cannot_be_does_not_stop_the_others(structure, client):
    closed, fine = UserFactory(closed=True), UserFactory()
    terms = {"role": Role.SIMPLE, "whole_structure": True, "services": (), "starts_on": None, "ends_on": None}
    wanted = [
        ({"email": user.email, "first_name": "A", "last_name": "B", "phone": ""}, terms) for user in (closed, fine)
    ]
    given = actions.attach_from_file(structure, wanted, actor=client.manager)
    assert [place.user for place in given.done] == [fine]
    ((address, refusal),) = given.skipped
    assert (address, type(refusal), refusal.code) == (closed.email, ActionError, "not_attachable")


def test_no_account_is_created_for_a_role_one_gives_no_more(structure, client):
    actor = AttachmentFactory(structure=structure, role=Role.SECONDARY).user
    terms = {"role": Role.SECONDARY, "whole_structure": True, "services": (), "starts_on": None, "ends_on": None}
    person = {"email": "a@exemple.example", "first_name": "A", "last_name": "B", "phone": ""}
    given = actions.attach_from_file(structure, [(person, terms)], actor=actor)
    assert [refusal.code for _, refusal in given.skipped] == ["above_actor"]
    assert not User.objects.filter(email=person["email"]).exists()
    assert not OutgoingMail.objects.exists()


def test_each_line_applied_counts(client, structure, address, settings):
    settings.FILE_LINES_RATE = "3/d"
    assert apply(client, address, TEN[5], TEN[6]).context["done_count"] == 2
    assert "beaucoup de personnes par fichier" in apply(client, address, TEN[0], TEN[8]).text
    assert apply(client, address, TEN[0], TEN[5]).context["done_count"] == 1
    assert structure.attachments.count() == 4
