"""What a file is: each kind by its content; nothing else, whatever its name."""

import gzip
import io
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from documents.contents import KINDS, examine
from plumbing.errors import ActionError
from tests.documents import samples
from tests.documents.samples import DRAWING, ELF, GOOD, PAGE, PDF, PROGRAM, SCRIPT, newer_office, ole, zipped

HOSTILE = {"exe": PROGRAM, "elf": ELF, "script": SCRIPT, "page": PAGE, "drawing": DRAWING, "msi": ole("Property")}
# These pairs hold the same content under two names.
SAME = [{"jpg", "jpeg"}, {"tif", "tiff"}, {"txt", "csv"}]


def refusal(content, name):
    with pytest.raises(ActionError) as raised:
        examine(io.BytesIO(content), name)
    assert raised.value.field == "file"
    return raised.value


def test_every_kind_has_a_sample():
    assert GOOD.keys() == KINDS.keys()


@pytest.mark.parametrize("extension", GOOD)
def test_each_kind_is_recognised_and_left_at_its_start(extension):
    file = io.BytesIO(GOOD[extension])
    assert examine(file, f"Pièce.{extension.upper()}") == (extension, KINDS[extension])
    assert file.tell() == 0


@pytest.mark.parametrize("name", GOOD)
def test_no_kind_passes_for_another(name):
    for content in GOOD:
        # XML is text as well.
        agrees = content == name or {content, name} in SAME or (content, name) in [("xml", "txt"), ("xml", "csv")]
        if not agrees:
            assert refusal(GOOD[content], f"a.{name}").code == "content_disagrees", content


@pytest.mark.parametrize("hostile", HOSTILE)
def test_programs_pages_and_drawings_are_refused_whatever_their_name(hostile):
    for extension in KINDS:
        said = refusal(HOSTILE[hostile], f"facture.{extension}").code
        assert said in ("content_disagrees", "file_is_program"), extension


@pytest.mark.parametrize("hostile", [name for name in HOSTILE if name != "msi"])
def test_neither_are_they_taken_inside_an_archive(hostile):
    assert "archive" in str(refusal(gzip.compress(HOSTILE[hostile]), "a.gz"))
    held = {"txt", "csv", "rtf", "xml"} if hostile in ("page", "drawing") else KINDS.keys() - {"zip", "gz"}
    for extension in held:
        archive = zipped({"bon.pdf": PDF, f"x/a.{extension}": HOSTILE[hostile]})
        assert "archive" in str(refusal(archive, "a.zip")), extension


@pytest.mark.parametrize("name", ["a.exe", "a.html", "a.svg", "a.pdf.js", "a.docm", "pdf", ".pdf", "a.", "a.pdf ", ""])
def test_other_kinds_are_refused_with_what_to_choose(name):
    refused = refusal(PDF, name)
    assert refused.code == "kind_refused"
    assert "choisissez un PDF" in str(refused)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (newer_office("wordprocessingml.document", **{"word/vbaProject.bin": "x"}), "a.docx", "macros"),
        (zipped({"setup.exe": "x"}), "a.zip", "setup.exe"),
        (zipped({"page.html": "x"}), "a.zip", "page.html"),
        (zipped({"dedans.zip": GOOD["zip"]}), "a.zip", "dedans.zip"),
        (zipped({f"{n}.txt": "x" for n in range(1001)}), "a.zip", "plus de 1000 fichiers"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "a.xml", "entités"),
        (b"<a><b></a>", "a.xml", "Le contenu"),
        (b'<a><h:script xmlns:h="http://www.w3.org/1999/xhtml"/></a>', "a.xml", "Le contenu"),
        ("\ufeff<html>".encode("utf-16-le"), "a.txt", "Le contenu"),
        (b"PK\x03\x04 not a zip", "a.zip", "Le contenu"),
        (b"\x1f\x8b\x08\x08" + b"n" * 200_000, "a.gz", "Le contenu"),
        (GOOD["doc"][:700], "a.doc", "Le contenu"),
        (b"bonjour\0", "a.txt", "Le contenu"),
    ],
)
def test_what_is_wrong_is_said(content, name, said):
    refused = str(refusal(content, name))
    assert said in refused
    assert refused.endswith("choisissez-le ici")


def test_an_archive_with_a_password_cannot_be_looked_into():
    content = bytearray(zipped({"a.pdf": PDF}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "mot de passe" in str(refusal(bytes(content), "a.zip"))


def test_text_may_be_utf_16_and_xml_in_the_alphabet_it_says():
    examine(io.BytesIO("Éléments\r\n".encode("utf-16")), "a.csv")
    examine(io.BytesIO('<?xml version="1.0" encoding="windows-1252"?><a>€</a>'.encode("cp1252")), "a.xml")


def test_what_swells_is_not_unfolded():
    """Each a megabyte, packed a thousandfold, and many of them."""
    bomb = zipped({f"{n}.txt": b" " * 2**20 for n in range(100)})
    begun = time.monotonic()
    examine(io.BytesIO(bomb), "a.zip")
    examine(io.BytesIO(gzip.compress(b" " * 50 * 2**20)), "a.gz")
    assert time.monotonic() - begun < 5


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=300), st.integers(0, 2000), st.booleans())
def test_broken_files_are_refused_or_taken_and_nothing_else(extension, noise, place, cut):
    good = samples.GOOD[extension]
    broken = good[:place] if cut else good[:place] + noise + good[place + len(noise) :]
    try:
        examine(io.BytesIO(broken), f"a.{extension}")
    except ActionError as refused:
        assert refused.field == "file"


def test_an_office_file_that_never_ends_is_refused_at_once():
    """Its table of sectors is longer than the file, and its second part points at itself."""
    content = bytearray(GOOD["doc"])
    content[44:48], content[68:72], content[72:76] = (n.to_bytes(4, "little") for n in (2**24, 0, 2**17))
    content[512:1024] = bytes(508) + (0).to_bytes(4, "little")
    start = time.perf_counter()
    assert refusal(bytes(content), "note.doc")
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_part_packed_in_a_rare_way_is_no_crash(method):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("[Content_Types].xml", "x" * 5000)
    content = bytearray(file.getvalue())
    content[60:80] = b"\xff" * 20
    assert refusal(bytes(content), "note.docx")
