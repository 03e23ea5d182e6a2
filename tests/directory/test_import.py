"""Reading files into the directory: each format, each fault, and nothing written twice."""

import csv
import errno
import gzip
import io
import os
import re
import subprocess
import sys
import tempfile
import unicodedata
import zipfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from unittest.mock import Mock, patch

import duckdb
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from hypothesis import given as given_strategies
from hypothesis import settings
from hypothesis import strategies as st

from directory import actions as imports
from directory.actions import cancel_import, prepare_import, run_import
from directory.identifiers import is_siret
from directory.importers import reading, sources, writing
from directory.importers.faults import FileRefused
from directory.importers.reading import Reading, connected
from directory.importers.sources import CsvFile
from directory.models import DirectoryEntry, DirectoryImport
from directory.tasks import sweep_imports
from plumbing.errors import ActionError
from plumbing.text import search_key
from tests.factories import DirectoryEntryFactory, UserFactory, siret_number
from tests.processes import portal_environment

pytestmark = pytest.mark.django_db

TOWN_HALL, COLLEGE, WORKSHOP = "21350051500035", "20003035100015", "99990011100017"
WHOLE = (
    "identifier_type;identifier;nature;legal_name;label;address;complement_1;complement_2;postcode;city;country;"
    "undisclosed;closed_on"
)
PORTAL = "identifier;nature;legal_name;label;postcode;city;closed_on"
EDUCATION = (
    "﻿Identifiant_de_l_etablissement;Nom_etablissement;Statut_public_prive;Adresse_1;Adresse_3;Code postal;"
    "Nom_commune;SIREN_SIRET;etat"
)
UNITS = (
    "siren,denominationUniteLegale,denominationUsuelle1UniteLegale,nomUniteLegale,prenom1UniteLegale,"
    "categorieJuridiqueUniteLegale,statutDiffusionUniteLegale"
)
STOCK = (
    "siret,etatAdministratifEtablissement,dateDebut,enseigne1Etablissement,numeroVoieEtablissement,"
    "typeVoieEtablissement,libelleVoieEtablissement,codePostalEtablissement,libelleCommuneEtablissement,"
    "statutDiffusionEtablissement"
)


def given(*lines, raw=None, name="essai.csv"):
    """A file of these lines, open for reading."""
    file = io.BytesIO(raw if raw is not None else "\n".join(lines).encode())
    file.name = name
    return file


def imported(*lines, raw=None):
    return run(given(*lines, raw=raw))


def run(*files, **how):
    return run_import(prepare_import(files).pk, files, **how)


def counts(done):
    return done.created, done.updated, done.unchanged, done.rejected


def small_chunks(monkeypatch, size):
    """Of so many bytes, instead of megabytes."""
    monkeypatch.setattr(sources, "CHUNK", size)


def reasons(done):
    return [line.reason for line in done.rejected_lines.all()]


def table():
    names = [field.attname for field in DirectoryEntry._meta.fields if field.name != "id"]
    return sorted(DirectoryEntry.objects.values_list(*names))


@pytest.mark.also_sqlite
def test_the_portal_s_own_file():
    done = imported(PORTAL, f"{TOWN_HALL};public;Commune de Cesson-Sévigné;Mairie;35510;Cesson-Sévigné;")
    assert counts(done) == (1, 0, 0, 0)
    assert (done.kind, done.state) == (DirectoryImport.Kind.PORTAL, DirectoryImport.State.DONE)
    entry = DirectoryEntry.objects.get()
    assert (entry.identifier_type, entry.nature, entry.country) == ("siret", "public", "France")
    assert (entry.legal_name_key, entry.label_key, entry.city_key) == (
        "COMMUNE DE CESSON SEVIGNE",
        "MAIRIE",
        "CESSON SEVIGNE",
    )


@pytest.mark.also_sqlite
def test_the_search_s_export_comes_back(client):
    DirectoryEntryFactory(identifier=COLLEGE, legal_name="=Collège \\ d'essai", label="-x", postcode="01000")
    client.force_login(UserFactory())
    exported = client.get("/structures/export.csv", {"identifier": COLLEGE}).getvalue()
    before = table()
    assert counts(imported(raw=exported)) == (0, 0, 1, 0)
    DirectoryEntry.objects.all().delete()
    imported(raw=exported)
    assert table() == before


def test_the_education_directory_whatever_its_headers():
    line = f"0350122T;École des Lucioles;Public;6 rue Philippe;35580 BAULON;35580;Baulon;{TOWN_HALL};OUVERT"
    assert counts(imported(EDUCATION, line)) == (1, 0, 0, 0)
    entry = DirectoryEntry.objects.get()
    assert (entry.legal_name, entry.city, entry.complement_2) == ("École des Lucioles", "Baulon", "")
    drifted = EDUCATION.replace("Code postal", "code_POSTAL").replace("Nom_etablissement", "nom etablissement")
    assert counts(imported(drifted, line)) == (0, 0, 1, 0)


SOME_UNITS = [
    "213500515,COMMUNE DE CESSON-SEVIGNE,,,,7210,O",
    "999900111,,MENUISERIE DU PORT,KERJEAN,GWENAELLE,1000,O",
    "200030351,SECRET,,VASSEUR,ERIC,1000,P",
]


def sirene(*establishments, units=None):
    return run(given(STOCK, *establishments), given(UNITS, *(units or SOME_UNITS)))


@pytest.mark.also_sqlite
def test_sirene_joins_units_and_establishments():
    done = sirene(
        f"{TOWN_HALL},A,2001-01-01,MAIRIE,1,PLACE,DE LA MAIRIE,35510,CESSON-SEVIGNE,O",
        f"{WORKSHOP},A,2001-01-01,,3,RUE,DU PORT,35400,SAINT-MALO,O",
    )
    assert counts(done) == (2, 0, 0, 0)
    town, workshop = DirectoryEntry.objects.order_by("identifier")
    assert (town.nature, str(town), town.address) == ("public", "MAIRIE", "1 PLACE DE LA MAIRIE")
    assert (workshop.nature, workshop.legal_name) == ("private", "KERJEAN GWENAELLE")
    assert str(workshop) == "MENUISERIE DU PORT"


def test_sirene_masks_what_may_not_be_published():
    stock = f"{STOCK},complementAdresseEtablissement"
    masked = f"{COLLEGE},A,2001-01-01,CHEZ ERIC,3,RUE,DU PORT,35400,SAINT-MALO,P,AU FOND"
    told = f"{WORKSHOP},A,2001-01-01,,3,RUE,[ND],35400,SAINT-MALO,O,[ND]"
    run(given(stock, masked, told), given(UNITS, *(unit.replace("MENUISERIE DU PORT", "[ND]") for unit in SOME_UNITS)))
    entry = DirectoryEntry.objects.get(identifier=COLLEGE)
    assert entry.undisclosed
    assert (entry.legal_name, entry.label, entry.address, entry.postcode) == ("Non diffusible", "", "", "")
    assert entry.complement_1 == ""
    entry = DirectoryEntry.objects.get(identifier=WORKSHOP)
    assert (entry.address, entry.complement_1, entry.label, entry.undisclosed) == ("3 RUE", "", "", False)


def test_a_company_filed_as_a_public_body_by_mistake_is_private():
    sirene("34867901000010,A,2001-01-01,,1,RUE,X,35000,RENNES,O", units=["348679010,SOCIETE,,,,4110,O"])
    assert DirectoryEntry.objects.get().nature == "private"


def test_an_establishment_without_its_unit_is_reported():
    line = f"{TOWN_HALL},A,2001-01-01,,1,PLACE,DE LA MAIRIE,35510,CESSON,O"
    done = sirene(line, units=["999900111,,MENUISERIE DU PORT,KERJEAN,GWENAELLE,1000,O"])
    assert counts(done) == (0, 0, 0, 1)
    assert "StockUniteLegale" in reasons(done)[0]


@pytest.mark.parametrize("files", [[STOCK], [UNITS], [UNITS, UNITS], [STOCK, PORTAL], [PORTAL, PORTAL]])
def test_sirene_s_two_files_are_given_together(files):
    with pytest.raises(ActionError, match="StockEtablissement et le StockUniteLegale"):
        run(*map(given, files))
    assert DirectoryImport.objects.get().state == DirectoryImport.State.REFUSED


def test_a_wrong_unit_is_reported_and_of_two_the_last_counts():
    units = [
        "12,COURT,,,,7210,O",
        "213500516,LONG,,,,72100,O",
        "213500515,AVANT,,,,7210,O",
        "213500515,APRES,,,,7210,O",
    ]
    done = sirene(f"{TOWN_HALL},A,2001-01-01,,1,PLACE,X,35510,CESSON,O", units=units)
    assert DirectoryEntry.objects.get().legal_name == "APRES"
    rejected = [(line.line, line.identifier) for line in done.rejected_lines.all()]
    assert rejected == [(2, "12"), (3, "213500516"), (4, "213500515")]
    assert all(reason.startswith("Unités légales : ") for reason in reasons(done))


def test_each_wrong_siret_is_reported_with_its_reason():
    wrong = [
        ("2,17003E+13", "transformé par un tableur"),
        ("2.17003E+13", "transformé par un tableur"),
        (f"{TOWN_HALL} / {COLLEGE}", "plusieurs SIRET"),
        (f"{TOWN_HALL}{COLLEGE}", "plusieurs SIRET"),
        ("", "manque"),
        ("213500515", "14 chiffres"),
        ("21350051500036", "mal recopié"),
        ("00000000000000", "zéros"),
        ("5480012300009", "zéro du début"),
        ("35600000000014", "mal recopié"),
        ("abc", "sans lettre"),
    ]
    lines = [f"{identifier};public;Nom;;35000;Rennes;" for identifier, _ in wrong]
    done = imported(PORTAL, *lines, f"{COLLEGE};public;Collège;;35580;Goven;")
    assert counts(done) == (1, 0, 0, len(wrong))
    for number, ((identifier, reason), line) in enumerate(zip(wrong, done.rejected_lines.all(), strict=True), 2):
        assert (line.line, line.identifier) == (number, identifier[:60])
        assert reason in line.reason


def test_each_wrong_line_is_reported_and_the_next_one_read():
    wrong = [
        (f"{TOWN_HALL};public;;;35000;Rennes;", "raison sociale manque"),
        (f"{TOWN_HALL};autre;Nom;;35000;Rennes;", "Type de structure inconnu"),
        (f"{TOWN_HALL};public;Nom;;35000;Rennes;hier", "n'existe pas"),
        (f"{TOWN_HALL};public;Nom", "au lieu de 7"),
        (f"{TOWN_HALL};public;Nom;;35000;Rennes;;;x", "au lieu de 7"),
        (f"{TOWN_HALL};public;{'x' * 3000};;35000;Rennes;;;x", "au lieu de 7"),
        (f"{TOWN_HALL};public;N\x00om;;35000;Rennes;", "contrôle"),
        (f"{TOWN_HALL};public;Nom;;350003500035;Rennes;", "code postal"),
        (f'{TOWN_HALL};public;"{"x" * 20_000}";;35000;Rennes;', "10000"),
    ]
    done = imported(PORTAL, *(line for line, _ in wrong), f"{COLLEGE};public;Collège;;35580;Goven;")
    assert DirectoryEntry.objects.get().identifier == COLLEGE
    for (typed, reason), line in zip(wrong, done.rejected_lines.all(), strict=True):
        assert reason in line.reason
        assert line.identifier == ("" if '"' in typed else TOWN_HALL)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((WHOLE, f"siret;{TOWN_HALL};public;Nom;;;;;35000;Rennes;;peut-être;"), "Non diffusible"),
        ((WHOLE, "eu_vat;DE123456789;public;Nom;;;;;10115;Berlin;Allemagne;;"), "identifiée par un SIRET"),
        ((EDUCATION, f"0350122T;;Public;6 rue;;35580;Baulon;{TOWN_HALL};OUVERT"), "nom de l'établissement"),
    ],
)
def test_what_else_is_wrong_with_a_line(lines, reason):
    assert reason in reasons(imported(*lines))[0]


def test_la_poste_counts_otherwise():
    assert counts(imported(PORTAL, "35600000000001;private;La Poste;;75015;Paris;")) == (1, 0, 0, 0)


@pytest.mark.also_sqlite
def test_of_two_lines_with_one_identifier_the_last_counts():
    done = imported(PORTAL, f"{COLLEGE};public;Avant;;35580;Goven;", f"{COLLEGE};public;Après;;35580;Goven;")
    assert DirectoryEntry.objects.get().legal_name == "Après"
    assert done.rejected_lines.get().line == 2
    assert "ligne 3" in reasons(done)[0]


@pytest.mark.also_sqlite
def test_a_first_load_in_which_an_identifier_comes_back_much_later(monkeypatch):
    small_chunks(monkeypatch, 1)
    monkeypatch.setattr(imports, "SLICE", 2)
    lines = [
        f"siret;{number};public;{name};;;;;35510;Cesson;;;"
        for number, name in ((TOWN_HALL, "Avant"), (COLLEGE, "Collège"), (TOWN_HALL, "Après"), (WORKSHOP, "Atelier"))
    ]
    assert counts(imported(WHOLE, *lines)) == (3, 0, 0, 1)
    assert set(DirectoryEntry.objects.values_list("legal_name", flat=True)) == {"Après", "Collège", "Atelier"}
    assert counts(imported(WHOLE, *lines[1:])) == (0, 0, 3, 0)


@given_strategies(
    text=st.lists(st.sampled_from(["a", "b", ";", '"', " ", "\n", "\r\n", "\r"]), max_size=30).map("".join)
)
def test_lines_are_parted_as_csv_would(text):
    found = []
    with tempfile.TemporaryDirectory() as folder, patch.object(sources, "CHUNK", 7):
        for relation, _, _ in CsvFile(given(raw=f"x;y\n{text}".encode()), Path(folder, "x")).chunks([0, 1]):
            found += duckdb.sql(f"FROM {relation} ORDER BY line").fetchall()
    ended = []

    def lines():
        yield from io.StringIO(f"x;y\n{text}", newline="\n")
        ended.append(True)

    reader = csv.reader(lines(), delimiter=";")
    next(reader)
    right, row = [], []
    while row is not None:
        line = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error:
            row = ["fault"]
        if row == ["fault"] or (row is not None and ended):
            right.append((line, True, "", ""))
        elif row and any(map(str.strip, row)):
            cells = [re.sub("[\r\n]", " ", cell) for cell in [*row, ""][:2]]
            right.append((line, len(row) < 2 or any(map(str.strip, row[2:])), *cells))
    assert [(line, bool(broken), *cells) for line, broken, *cells in found] == right


def test_a_quotation_mark_never_closed_is_told_though_the_file_ends_soon():
    open_quote = f'{TOWN_HALL};public;Nom;;35000;"Rennes;'
    done = imported(PORTAL, f"{COLLEGE};public;Collège;;35580;Goven;", open_quote, f"{WORKSHOP};private;Atelier;;;;")
    assert DirectoryEntry.objects.get().identifier == COLLEGE
    assert (done.rejected_lines.get().line, "jamais fermé" in reasons(done)[0]) == (3, True)


@pytest.mark.parametrize("end", ["\n" * 5_000, "x" * 5_000])
def test_what_is_passed_over_is_reported_as_read(monkeypatch, end):
    """Or a small archive of it would look dead, and could not be cancelled."""
    small_chunks(monkeypatch, 500)
    monkeypatch.setattr(sources, "LONGEST_RECORD", 250)
    reports = []
    run(given(HEADER, *portal_lines(1), end), report=lambda progress: reports.append(progress.bytes_read))
    assert len(reports) > 9


@pytest.mark.also_sqlite
def test_a_closed_establishment_is_closed_when_known_and_reported_when_not():
    known = DirectoryEntryFactory(identifier=COLLEGE)
    lines = [f"{n};public;Nom;;35000;Rennes;31/12/2023" for n in (COLLEGE, TOWN_HALL)]
    done = imported(PORTAL, *lines)
    known.refresh_from_db()
    assert known.closed_on == date(2023, 12, 31)
    assert counts(done) == (0, 1, 0, 1)
    assert "fermé" in reasons(done)[0]
    assert counts(imported(PORTAL, *lines)) == (0, 0, 1, 1)
    assert counts(imported(PORTAL, f"{COLLEGE};public;Nom;;35000;Rennes;")) == (0, 1, 0, 0)
    known.refresh_from_db()
    assert known.closed_on is None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("cp1252"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace(";", ",").encode(),
        lambda text: gzip.compress(text.encode()),
        lambda text: zipped(text),
    ],
)
def test_a_file_as_people_have_it(wrap):
    text = f"{PORTAL}\n{COLLEGE};public;Collège Noël;;35580;Goven;\n"
    imported(raw=wrap(text))
    assert DirectoryEntry.objects.get().legal_name == "Collège Noël"


def zipped(text, method=zipfile.ZIP_STORED, spoiled=slice(0)):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("StockEssai.csv", text)
        # A Mac adds its own.
        archive.writestr("__MACOSX/._StockEssai.csv", "x")
    raw = bytearray(buffer.getvalue())
    raw[spoiled] = bytes(byte ^ 0x7F for byte in raw[spoiled])
    return bytes(raw)


def locked(raw):
    """As if a password were needed."""
    central = raw.index(b"PK\x01\x02")
    return raw[: central + 8] + b"\x01" + raw[central + 9 :]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "pas reconnu"),
        (b"a;b;c\n1;2;3\n", "pas reconnu"),
        (b"identifiant;raison sociale\n1;2\n", "il lui manque"),
        (b"\x89PNG\r\n\x1a\n", "pas reconnu"),
        (f'{PORTAL};"x\n{TOWN_HALL};public;Nom;;35000;Rennes;;\n'.encode(), "ouvre un guillemet"),
        (f'{PORTAL};"x\n'.encode() + b"y\n" * 9_000, "ouvre un guillemet"),
        (gzip.compress(PORTAL.encode() * 1000, mtime=0)[:60], "incomplet"),
        (zipped(PORTAL * 3000, zipfile.ZIP_BZIP2, spoiled=slice(60, 70)), "incomplet"),
        (zipped(PORTAL * 3000, zipfile.ZIP_LZMA, spoiled=slice(60, 70)), "incomplet"),
        (locked(zipped(PORTAL)), "mot de passe"),
        # Where the list of what is inside begins.
        (zipped(PORTAL, spoiled=slice(-6, -2)), "incomplet"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(raw, sentence):
    with pytest.raises(ActionError, match=sentence):
        imported(raw=raw)
    assert DirectoryImport.objects.get().state == DirectoryImport.State.REFUSED
    assert not DirectoryEntry.objects.exists()


def test_a_refused_file_leaves_nothing_open():
    refusals = []
    for _ in range(2):
        with pytest.raises(ActionError, match="pas reconnu") as refused:
            imported("a;b")
        refusals.append(refused)


@pytest.mark.also_sqlite
def test_importing_again_writes_nothing():
    lines = [PORTAL, *(f"{n};public;Nom {n};;35000;Rennes;" for n in (COLLEGE, TOWN_HALL))]
    imported(*lines)
    versions = physical_versions()
    assert counts(imported(*lines)) == (0, 0, 2, 0)
    assert physical_versions() == versions
    lines[1] += "x"
    assert counts(imported(*lines)) == (0, 0, 1, 1)


SAME, OTHER = (f"{COLLEGE};public;{name};;35580;Goven;" for name in ("Collège", "Autre nom"))


@pytest.mark.also_sqlite
@pytest.mark.parametrize(
    ("lines", "name", "done"),
    [
        ([SAME, OTHER], "Autre nom", (0, 1, 0, 1)),
        ([OTHER, SAME], "Collège", (0, 0, 1, 1)),
        ([SAME, SAME], "Collège", (0, 0, 1, 1)),
        # Typed otherwise, so that it has to be read.
        ([OTHER.replace(COLLEGE, "200-030-351-00015"), SAME], "Collège", (0, 0, 1, 1)),
        ([SAME, OTHER.replace(COLLEGE, "200-030-351-00015")], "Autre nom", (0, 1, 0, 1)),
    ],
)
def test_a_known_line_beside_another_with_its_identifier(lines, name, done):
    imported(PORTAL, SAME)
    assert counts(imported(PORTAL, *lines)) == done
    assert DirectoryEntry.objects.get().legal_name == name


@pytest.mark.also_sqlite
def test_a_known_line_counts_again_once_something_else_was_written():
    school = f"x;Collège;Public;1 rue;;35580;Goven;{COLLEGE};OUVERT"
    imported(PORTAL, SAME)
    imported(PORTAL, f"{SAME}31/12/2023")
    assert counts(imported(PORTAL, SAME)) == (0, 1, 0, 0)
    assert DirectoryEntry.objects.get().closed_on is None
    imported(EDUCATION, school)
    imported(PORTAL, OTHER)
    assert counts(imported(EDUCATION, school)) == (0, 1, 0, 0)
    assert DirectoryEntry.objects.get().legal_name == "Collège"


@pytest.mark.also_sqlite
def test_an_establishment_follows_its_unit_s_name():
    line = f"{TOWN_HALL},A,2001-01-01,,1,PLACE,DU PORT,35510,CESSON,O"
    sirene(line)
    done = sirene(line, units=["213500515,COMMUNE NOUVELLE,,,,7210,O"])
    assert counts(done) == (0, 1, 0, 0)
    assert DirectoryEntry.objects.get().legal_name == "COMMUNE NOUVELLE"


def physical_versions():
    """PostgreSQL's own mark of when each row was last written; SQLite has none."""
    if connection.vendor != "postgresql":
        return table()
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, ctid::text FROM directory_directoryentry ORDER BY 2")
        return cursor.fetchall()


@pytest.mark.parametrize(
    "lines",
    [
        (PORTAL, "2000303510001\x00;public;Nom;;35000;Rennes;"),
        (EDUCATION, "x;Collège;Public;1 rue;;35580;Goven;2000303510001\x00;OUVERT"),
    ],
    ids=["portal", "education"],
)
def test_a_sign_no_database_holds_spoils_its_line_only(lines):
    assert counts(imported(*lines)) == (0, 0, 0, 1)


def test_a_sign_no_database_holds_spoils_its_line_of_sirene_only():
    line = "2135\x00051500035,A,2001-01-01,,1,PLACE,DU PORT,35510,CESSON,O"
    assert counts(sirene(line, units=["21350051\x00,COMMUNE,,,,7210,O"])) == (0, 0, 0, 2)


def test_a_spaced_siret_finds_its_unit():
    assert counts(sirene("213 500 515 00035,A,2001-01-01,,1,PLACE,DU PORT,35 510,CESSON,O")) == (1, 0, 0, 0)
    assert DirectoryEntry.objects.get().postcode == "35510"


def test_an_establishment_closes_though_its_unit_lost_its_name():
    line = f"{TOWN_HALL},A,2001-01-01,,1,PLACE,DU PORT,35510,CESSON,O"
    sirene(line)
    assert counts(sirene(line.replace(",A,", ",F,"), units=["213500515,,,,,7210,O"])) == (0, 1, 0, 0)
    assert DirectoryEntry.objects.get().closed_on == date(2001, 1, 1)
    # On a day the file no longer tells: the one already known.
    assert counts(sirene(line.replace(",A,2001-01-01", ",F,"))) == (0, 0, 1, 0)


def test_two_wrong_lines_of_one_identifier_are_two():
    line = f"{TOWN_HALL},A,2001-01-01,,1,PLACE,DU PORT,35510,CESSON,O"
    done = sirene(line, line, units=["999900111,,MENUISERIE DU PORT,KERJEAN,GWENAELLE,1000,O"])
    assert counts(done) == (0, 0, 0, 2)
    assert [rejected.line for rejected in done.rejected_lines.order_by("line")] == [2, 3]


@pytest.mark.also_sqlite
def test_what_a_file_does_not_say_stays():
    DirectoryEntryFactory(identifier=COLLEGE, address="1 rue", label="Mon collège", closed_on="2020-01-01")
    imported("identifier;nature;legal_name", f"{COLLEGE};public;Nouveau nom")
    entry = DirectoryEntry.objects.get()
    assert (entry.legal_name, entry.address, entry.label) == ("Nouveau nom", "1 rue", "Mon collège")
    header, line = "SIREN_SIRET;Nom_etablissement;Statut_public_prive", f"{COLLEGE};Collège;Public"
    assert counts(imported(header, line)) == (0, 1, 0, 0)
    entry.refresh_from_db()
    assert (entry.legal_name, entry.address, entry.label) == ("Collège", "1 rue", "Mon collège")
    assert entry.closed_on == date(2020, 1, 1)


@pytest.mark.also_sqlite
def test_the_indexes_are_back_after_a_first_load():
    imported(PORTAL, f"{COLLEGE};public;Collège;;35580;Goven;")
    if connection.vendor == "postgresql":
        assert writing.missing_indexes() == []


@pytest.mark.also_sqlite
def test_a_second_import_waits_for_the_first():
    DirectoryImport.objects.create(
        file_name="autre.csv", state="running", holder="ailleurs 1", heartbeat=timezone.now()
    )
    with pytest.raises(ActionError, match=r"autre\.csv"):
        imported(PORTAL)


def test_an_import_begun_by_the_command_is_left_to_the_command():
    file = given(PORTAL, f"{COLLEGE};public;Collège;;35580;Goven;")
    begun = prepare_import([file])
    sweep_imports()
    assert prepare_import([file]) == begun
    assert counts(run(file)) == (1, 0, 0, 0)


@pytest.mark.also_sqlite
def test_a_dead_import_gives_way():
    dead = DirectoryImport.objects.create(file_name="autre.csv", state="running", holder="ailleurs 1")
    assert imported(PORTAL).state == "done"
    dead.refresh_from_db()
    assert dead.state == "failed"


def test_the_command_reports(tmp_path, capsys):
    units, stock, report = tmp_path / "u.csv", tmp_path / "e.csv", tmp_path / "r.csv"
    units.write_text(f"{UNITS}\n213500515,COMMUNE,,,,7210,O\n")
    stock.write_text(f"{STOCK}\n{TOWN_HALL},A,2001-01-01,,1,PLACE,X,35510,CESSON,O\n12,A,,,,,,,,O\n")
    call_command("import_directory", str(stock), str(units), report=str(report))
    assert DirectoryEntry.objects.get().legal_name == "COMMUNE"
    rows = list(csv.reader(io.StringIO(report.read_text("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Fichier", "Ligne", "Identifiant lu", "Motif"]
    assert rows[1][:3] == ["e.csv + u.csv", "3", "12"]
    assert "3 lignes lues ; ajoutées : 1" in capsys.readouterr().out
    with pytest.raises(CommandError, match="introuvable"):
        call_command("import_directory", "nulle-part.csv")


def test_the_command_reports_whatever_becomes_of_the_import(tmp_path):
    path, report = tmp_path / "a.csv", tmp_path / "r.csv"
    path.write_text("\n".join([HEADER, *["123;public;Nom"] * 10_001]))
    with pytest.raises(CommandError, match="écrire"):
        call_command("import_directory", str(path), report=str(tmp_path / "no" / "r.csv"))
    assert not DirectoryImport.objects.exists()
    with pytest.raises(CommandError, match="motifs"):
        call_command("import_directory", str(path), report=str(report))
    assert len(report.read_text().splitlines()) == 10_002


def test_sirene_s_files_go_on_with_the_same_import_in_any_order():
    files = given(STOCK, "x"), given(UNITS, "x")
    assert prepare_import(files) == prepare_import(files[::-1])


@pytest.mark.also_sqlite
@settings(max_examples=15)
@given_strategies(st.lists(st.lists(st.text(max_size=12), max_size=9), max_size=6))
def test_any_lines_are_read_or_reported(lines):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=";").writerows([PORTAL.split(";"), *lines])
    done = imported(raw=buffer.getvalue().encode("utf-8", "surrogatepass"))
    assert done.state == "done"
    DirectoryEntry.objects.all().delete()


def portal_lines(count, start=0):
    """Lines that can be read, each of another establishment."""
    return [f"{siret_number(number)};publique;Collège {number}" for number in range(start, start + count)]


HEADER = "identifier;nature;legal_name"


def indexes_are_back():
    """SQLite has no index of three letters, and drops none."""
    return connection.vendor != "postgresql" or writing.missing_indexes() == []


def test_a_file_of_hardly_any_good_line_stops(monkeypatch):
    """A gzip of one kilobyte holds half a million of them."""
    small_chunks(monkeypatch, 20_000)
    packed = gzip.compress("\n".join([HEADER, *portal_lines(500), *["x"] * 499_500]).encode())
    with pytest.raises(ActionError, match="Presque toutes les lignes lues sont rejetées") as refused:
        imported(raw=packed)
    assert refused.value.code == "file_refused"
    stopped = DirectoryImport.objects.get()
    assert (stopped.state, stopped.error) == ("refused", str(refused.value))
    assert 10_000 <= stopped.lines < 30_000
    assert (stopped.created, stopped.rejected) == (0, stopped.lines - 500)
    assert stopped.rejected_lines.count() == stopped.rejected
    assert indexes_are_back()


def test_a_file_with_many_bad_lines_goes_on(monkeypatch):
    small_chunks(monkeypatch, 10_000)
    done = imported(HEADER, *portal_lines(1_200), *["x"] * 10_800)
    assert (done.state, counts(done)) == ("done", (1_200, 0, 0, 10_800))


@pytest.mark.also_sqlite
def test_one_is_cancelled_among_its_rejected_lines_and_no_transaction_is_long(monkeypatch):
    file, actor, reject = given(HEADER, *portal_lines(4_000), *["x"] * 6_000), UserFactory(), imports._reject
    begun = prepare_import([file])

    def cancelling(claimed, lines):
        reject(claimed, lines)
        cancel_import(claimed.pk, actor=actor)

    monkeypatch.setattr(imports, "_reject", cancelling)
    with pytest.raises(ActionError, match="annulé"):
        run_import(begun.pk, [file])
    assert begun.rejected_lines.count() == 5_000


def test_establishments_long_closed_are_no_fault_of_the_file(monkeypatch):
    small_chunks(monkeypatch, 50_000)
    monkeypatch.setattr(imports, "JUDGED_FROM", 2_000)
    done = imported(f"{HEADER};closed_on", *(f"{line};2001-01-01" for line in portal_lines(3_000)))
    assert (done.state, done.rejected) == ("done", 3_000)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("end", [b"", b"\n99990011100017;Un"])
def test_a_first_line_of_a_megabyte_is_refused_for_its_length(pack, end):
    raw = PORTAL.encode() + b";" + b"x;" * 500_000 + end
    with pytest.raises(ActionError, match="La première ligne dépasse 20 ko"):
        imported(raw=pack(raw))
    assert DirectoryImport.objects.get().state == "refused"


@pytest.mark.also_sqlite
@pytest.mark.parametrize(("lines", "written"), [(20, 0), (50, 20)], ids=["while reading", "while writing"])
def test_a_cancelled_run_stops(monkeypatch, lines, written):
    small_chunks(monkeypatch, 300)
    monkeypatch.setattr(imports, "SLICE", 10)
    file, actor = given(HEADER, *portal_lines(50)), UserFactory()
    waiting = prepare_import([file])

    def cancel(progress):
        if progress.lines >= lines and progress.created == written:
            cancel_import(progress.pk, actor=actor)

    with pytest.raises(ActionError) as stopped:
        run_import(waiting.pk, [file], report=cancel)
    assert stopped.value.code == "import_cancelled"
    waiting.refresh_from_db()
    assert (waiting.state, DirectoryEntry.objects.count()) == ("cancelled", written)
    assert (waiting.lines == 50) is (written > 0)
    assert waiting.error.startswith(f"Annulé par {actor}.")
    assert waiting.ended_at
    assert indexes_are_back()
    with pytest.raises(ActionError, match="annulé"):
        run_import(waiting.pk, [file])
    assert prepare_import([file]) != waiting


@pytest.mark.also_sqlite
@pytest.mark.parametrize(("written", "created"), [(0, 0), (21, 19)], ids=["while reading", "while writing"])
def test_a_run_that_died_is_taken_up_and_ends_as_one_undisturbed(monkeypatch, written, created):
    small_chunks(monkeypatch, 300)
    monkeypatch.setattr(imports, "SLICE", 10)
    lines = [*portal_lines(50), "x", portal_lines(1)[0]]
    file = given(HEADER, *lines)

    def die(progress):
        if progress.lines > 20 and progress.written == written:
            raise SystemExit

    with pytest.raises(SystemExit):
        run(file, report=die)
    assert DirectoryEntry.objects.count() == created
    done = run(file)
    assert (DirectoryImport.objects.get(), counts(done), done.state) == (done, (50, 0, 0, 2), "done")
    assert [line.line for line in done.rejected_lines.all()] == [2, 52]
    assert indexes_are_back()


def test_one_cancelled_at_its_very_end_is_cancelled(monkeypatch):
    file, actor = given(HEADER, *portal_lines(2)), UserFactory()
    begun = prepare_import([file])
    monkeypatch.setattr(imports, "restore_indexes", lambda alive, *, changed: cancelling(begun.pk))

    def cancelling(pk):
        if DirectoryImport.objects.filter(pk=pk, state="running").exists():
            cancel_import(pk, actor=actor)

    with pytest.raises(ActionError, match="annulé"):
        run_import(begun.pk, [file])


def test_what_another_process_took_over_is_left_to_it(monkeypatch):
    file = given(HEADER, *portal_lines(2))
    begun = prepare_import([file])

    def take_over(progress):
        DirectoryImport.objects.update(holder="ailleurs 1")

    with pytest.raises(ActionError, match="Un autre processus"):
        run_import(begun.pk, [file], report=take_over)
    begun.refresh_from_db()
    assert (begun.state, begun.holder) == ("running", "ailleurs 1")


def test_what_is_done_is_not_done_again():
    file = given(HEADER, *portal_lines(2))
    with pytest.raises(ActionError, match="terminé"):
        run_import(run(file).pk, [file])


def test_an_upload_beyond_the_limit_is_refused(settings):
    settings.IMPORT_MAX_BYTES = 2**20
    with pytest.raises(ActionError, match="dépasse 1 Mo"):
        imports.receive_import(SimpleUploadedFile("x.csv", b"x" * 2**20), SimpleUploadedFile("y.csv", b"x"), actor=None)


def test_a_record_without_end_is_given_up_and_the_next_line_read(monkeypatch):
    monkeypatch.setattr(sources, "LONGEST_RECORD", 300)
    endless = [f'{TOWN_HALL};public;"', *[f'";"{"x" * 90}'] * 3]
    done = imported(PORTAL, *endless, f"{COLLEGE};public;Collège;;35580;Goven;")
    assert DirectoryEntry.objects.get().identifier == COLLEGE
    first = done.rejected_lines.first()
    assert (first.line, "trop longue" in first.reason) == (2, True)
    assert csv.field_size_limit() > sources.LONGEST_CELL


def test_an_uploaded_file_is_read_from_the_store():
    raw = f"{PORTAL}\n{COLLEGE};public;Collège;;35580;Goven;".encode()
    for content in (raw, gzip.compress(raw), zipped(raw.decode()), parquet(PORTAL, SAME).getvalue()):
        DirectoryEntry.objects.all().delete()
        received = imports.receive_import(SimpleUploadedFile("annuaire", content), actor=UserFactory())
        assert counts(run_import(received.pk)) == (1, 0, 0, 0)


def parquet(*lines):
    """The same file as INSEE publishes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.csv")
        path.write_text("\n".join(lines))
        duckdb.sql(f"COPY (FROM read_csv('{path}', header = true, all_varchar = true)) TO '{path}.parquet'")
        return given(raw=Path(f"{path}.parquet").read_bytes(), name="x.parquet")


def test_parquet_is_read_as_the_same_lines():
    lines = [f"{TOWN_HALL},A,2001-01-01,  MAIRIE\u200b É,1,PLACE,DU PORT,35510,CESSON,O", "12,A,,,,,,,,O"]
    units = ["213500515,COMMUNE DE CESSON-SEVIGNE,,,,7210,O", "999900111,,,KERJEAN,GWENAELLE,1000,O"]
    done = run(parquet(STOCK, *lines), parquet(UNITS, *units))
    before, faults = table(), [(line.line, line.identifier, line.reason) for line in done.rejected_lines.all()]
    assert (counts(done), faults[0][:2]) == ((1, 0, 0, 1), (3, "12"))
    done = sirene(*lines, units=units)
    assert (table(), counts(done)) == (before, (0, 0, 1, 1))
    assert [(line.line, line.identifier, line.reason) for line in done.rejected_lines.all()] == faults


@pytest.mark.parametrize("units", [UNITS.replace(",statutDiffusionUniteLegale", ""), UNITS])
def test_a_stock_that_does_not_say_who_is_masked_is_refused(units):
    stock = STOCK if units != UNITS else STOCK.replace(",statutDiffusionEtablissement", "")
    with pytest.raises(ActionError, match="il lui manque : statutDiffusion"):
        run(given(stock), given(units))


def test_of_a_parquet_its_own_cells_count_and_numbers_are_whole(tmp_path):
    folder = tmp_path / "city=Paris"
    folder.mkdir()
    columns = (
        f"{TOWN_HALL}::DOUBLE AS identifier, 'public' AS nature, 'Mairie' AS legal_name, 35510.0::DOUBLE AS postcode"
    )
    with written_by_duckdb(folder / "x.parquet", columns, 1) as file:
        run(file)
    assert DirectoryEntry.objects.values_list("identifier", "postcode", "city").get() == (TOWN_HALL, "35510", "")


@pytest.mark.parametrize("size", [5, 400])
def test_a_broken_parquet_is_refused(size):
    whole = parquet(PORTAL, *(f"{line};;;;" for line in portal_lines(200))).getvalue()
    with pytest.raises(ActionError, match="incomplet"):
        imported(raw=whole[:size])


def written_by_duckdb(path, columns, rows):
    duckdb.sql(f"SELECT {columns} FROM range({rows}) r(i)").write_parquet(str(path))
    return path.open("rb")


def test_of_a_parquet_only_what_an_import_needs_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "MEMORY", "60MB")
    others = ", ".join(f"md5((i * {n})::VARCHAR) AS other{n}" for n in range(46))
    columns = f"'{TOWN_HALL}' AS identifier, 'public' AS nature, encode('Collège') AS legal_name, {others}"
    with written_by_duckdb(tmp_path / "it's wide.parquet", columns, 30_000) as file:
        done = run(file)
    assert (done.lines, counts(done)) == (30_000, (1, 0, 0, 29_999))
    assert DirectoryEntry.objects.get().legal_name == "Collège"


def test_short_memory_is_told_and_the_import_may_go_on(monkeypatch, tmp_path):
    columns = "(10000000000000 + i)::VARCHAR AS identifier, 'public' AS nature, md5(i::VARCHAR) AS legal_name"
    monkeypatch.setattr(reading, "MEMORY", "5MB")
    file = written_by_duckdb(tmp_path / "x.parquet", columns, 200_000)
    with file, pytest.raises(ActionError, match="manque de mémoire"):
        run(file)
    assert DirectoryImport.objects.get().state == "failed"


def test_a_full_disk_is_told(monkeypatch):
    monkeypatch.setattr(CsvFile, "chunks", Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    with pytest.raises(ActionError, match="place sur le disque"):
        imported(PORTAL)
    assert DirectoryImport.objects.get().state == "failed"


@pytest.mark.parametrize(
    ("method", "places"), [(zipfile.ZIP_DEFLATED, 120), (zipfile.ZIP_BZIP2, 60), (zipfile.ZIP_LZMA, 60)]
)
def test_an_archive_damaged_anywhere_is_read_or_refused(tmp_path, method, places):
    text = "\n".join([PORTAL, *(f"{line};;;;" for line in portal_lines(50))])
    whole = zipped(text, method)
    for place in range(places):
        at = place * len(whole) // places
        raw = zipped(text, method, spoiled=slice(at, at + 1))
        with suppress(FileRefused):
            for _ in CsvFile(given(raw=raw), tmp_path / "x").chunks([0, 0]):
                pass


def test_duckdb_reads_and_writes_nothing_outside_its_folder(tmp_path):
    db = connected(tmp_path, [])
    for statement in ("FROM read_text('/etc/passwd')", "COPY (SELECT 1) TO '/tmp/x'", "SET memory_limit = '9GB'"):
        with pytest.raises(duckdb.Error, match=r"disabled|locked"):
            db.execute(statement)
    assert db.execute("SELECT current_setting('autoload_known_extensions')").fetchone() == (False,)
    db.close()


PEAK = """
import gzip, io, tempfile
from pathlib import Path
import django; django.setup()
from directory.importers.reading import Reading, connected
packed = io.BytesIO()
packed.name = "x.gz"
with gzip.open(packed, "wb", 1) as file:
    file.write(b"{header}\\n")
    for _ in range(6_000): file.write(b"x;" * 4_500 + b"\\n")
    file.write(b'x;"\\n')
    for _ in range(25_000): file.write(b'";"' + b"x" * 900 + b"\\n")
peak = lambda: int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
with tempfile.TemporaryDirectory() as folder:
    reading = Reading(connected(Path(folder), []), Path(folder), [packed])
    before = peak()
    for lines, faulty, _ in reading.read(): pass
    print(lines - faulty, peak() - before)
"""


def test_memory_is_as_small_for_the_worst_of_small_archives():
    """Lines of thousands of cells, then a record without end."""
    command = [sys.executable, "-c", PEAK.format(header=PORTAL)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=80, env=portal_environment())
    assert done.returncode == 0, done.stderr[-500:]
    good, grown = map(int, done.stdout.split())
    assert (good, grown < 250) == (0, True), grown


@pytest.fixture(scope="module")
def duck(tmp_path_factory):
    """What the statements of an import are made of."""
    with tempfile.TemporaryDirectory() as folder, connected(Path(folder), []) as db:
        Reading(db, Path(folder), [given(PORTAL)])
        yield lambda words, value: db.execute(f"SELECT {words}", {"value": value}).fetchone()[0]


def test_sql_makes_the_same_search_keys(duck):
    signs = [chr(code) for code in range(32, 0x10000) if not 0xD800 <= code < 0xE000]
    texts = [f"a{sign}b" for sign in signs if tidied(f"a{sign}b") == f"a{sign}b"]
    assert duck("list_transform($value, lambda t: search_key(t))", texts) == [search_key(text) for text in texts]


def tidied(text):
    return " ".join("".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc")).split())


@pytest.mark.parametrize("make", [siret_number, lambda n: f"356000000{n * 7:05d}", lambda n: f"{n * 104729:014d}"])
def test_sql_knows_the_same_siret(duck, make):
    numbers = ["35600000000048", *map(make, range(1, 300))]
    assert duck("list_transform($value, lambda t: is_siret(t, t::BIGINT))", numbers) == list(map(is_siret, numbers))
