"""What a file is: the kinds that are taken, and whether a content is what its name says.

Every kind is recognised by what it must hold, so a program is refused whatever its name. What only looks like text
is looked at once more: a script is text too.
"""

import gzip
import io
import lzma
import os
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple
from xml.parsers import expat

import olefile
import puremagic

from plumbing.errors import ActionError

HEAD = 4096
CHUNK = 2**16
# More files than that in an archive are not looked at one by one: it is refused.
MOST_INSIDE = 1_000
# What computers put in archives by themselves.
_LITTER = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
# Bytes no text holds: what is below the space, but for tabs, line ends, page ends and escapes.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
_PROGRAM = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_SHORTCUT = b"L\0\0\0\x01\x14\x02\0"
_SCRIPT = re.compile(rb"#!|@echo |<\?php|<\?=|<%|<job|<package|\[InternetShortcut\]", re.IGNORECASE)
# As browsers recognise a page (WHATWG, MIME sniffing), and a drawing that may hold scripts.
_PAGE = re.compile(
    rb"<(!doctype\s+(html|svg)|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|svg)[\s/>]",
    re.IGNORECASE,
)
_XML_START = re.compile(rb"(\s|<\?xml[^>]*>|<!--.*?-->)*", re.DOTALL)
_BRINGS_SCRIPTS = ("http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg", "http://www.w3.org/1999/XSL/Transform")
_OTHER_THAN_TEXT = (b"%PDF-", b"{\\rtf", b"%!PS")
_SIGNED_DATA = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_PEM_SIGNATURE = re.compile(rb"\s*-----BEGIN (PKCS7|CMS|PKCS #7 SIGNED DATA)-----")
_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
# What reading a broken archive raises.
_BROKEN = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    OverflowError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)


class Disagrees(Exception):
    """The content is not what the name says."""


class Kind(NamedTuple):
    """What is taken under one extension: how it is called and sent back, and what looks whether a file is one."""

    label: str
    content_type: str
    check: Callable


def examine(file, name):
    """(extension, Kind) of an open binary `file` called `name`; it is read from its start, to its end at most.

    Raises ActionError when such files are not taken, or when the content is something else.
    """
    extension = PurePosixPath(name).suffix.lower().lstrip(".")
    kind = KINDS.get(extension)
    if kind is None:
        ending = f"« .{extension[:10]} »" if extension else "sans extension"
        raise ActionError("kind_refused", f"Les fichiers {ending} ne sont pas acceptés : {ACCEPTED}.", field="file")
    head = _head(file)
    if _is_program(head):
        raise ActionError("file_is_program", "Ce fichier est un programme : il n'est pas accepté.", field="file")
    try:
        file.seek(0)
        kind.check(file, head)
    except Disagrees as error:
        said = str(error) or f"Le contenu de ce fichier n'est pas celui d'un fichier « .{extension} »"
        raise ActionError("content_disagrees", f"{said}. {_WAY_OUT}", field="file") from error
    finally:
        file.seek(0)
    return extension, kind


_WAY_OUT = "Ouvrez-le dans le logiciel qui l'a fait, enregistrez-le de nouveau, puis choisissez-le ici"


def _head(file):
    file.seek(0)
    return file.read(HEAD)


def _is_program(head):
    return head.startswith((*_PROGRAM, _SHORTCUT)) or _SCRIPT.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")) is not None


def _is_page(head):
    """Whether a browser would take this for a page or a drawing."""
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            head = head[2:].decode(encoding, "replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf")
    return _PAGE.match(head, _XML_START.match(head).end()) is not None


def _chunks(file):
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk


def _magic(*extensions):
    """Recognised by its first bytes, as puremagic knows them."""

    def check(file, head):
        try:
            found = {match.extension for match in puremagic.magic_string(head)}
        except (puremagic.PureError, ValueError) as error:
            raise Disagrees from error
        if found.isdisjoint(extensions):
            raise Disagrees

    return check


def _bmp(file, head):
    _magic(".bmp")(file, head)
    if int.from_bytes(head[14:18], "little") not in _BMP_HEADERS:
        raise Disagrees


def _text(file, head):
    """Text in whatever alphabet: no byte that text does not hold."""
    if head.startswith(_OTHER_THAN_TEXT) or _is_page(head):
        raise Disagrees
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _utf_16(file)
    for chunk in _chunks(file):
        if len(chunk.translate(None, _CONTROLS)) != len(chunk):
            raise Disagrees
    return None


def _utf_16(file):
    file.seek(0)
    try:
        text = file.read().decode("utf-16")
    except UnicodeDecodeError as error:
        raise Disagrees from error
    if any(chr(control) in text for control in _CONTROLS):
        raise Disagrees


def _rtf(file, head):
    if not head.startswith(b"{\\rtf"):
        raise Disagrees
    file.seek(0)
    # Some word processors end it with a NUL.
    text = file.read().rstrip(b"\0")
    if len(text.translate(None, _CONTROLS)) != len(text):
        raise Disagrees


def _xml(file, head):
    """Well-formed, without entities of its own, and nothing a browser runs."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(name, attributes):
        namespace, _, local = name.rpartition(" ")
        if namespace in _BRINGS_SCRIPTS or local.lower() in ("html", "svg", "script"):
            raise Disagrees

    def declares(*declared):
        raise Disagrees("Ce fichier XML déclare des entités")

    parser.StartElementHandler, parser.EntityDeclHandler = start, declares
    try:
        for chunk in _chunks(file):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise Disagrees from error


def _office(stream):
    """Of the older office formats: an OLE file that holds `stream`. An installer is one too, and holds none."""

    def check(file, head):
        _magic(".doc")(file, head)
        _refuse_endless(file, head)
        try:
            with olefile.OleFileIO(file) as opened:
                if not any(opened.exists(name) for name in stream):
                    raise Disagrees
        # A file made to break its reader breaks it in many ways.
        except Exception as error:
            raise Disagrees from error

    return check


def _refuse_endless(file, head):
    """Refuse an OLE file that claims a longer table of sectors than it has room for: reading it would take for ever."""
    shift, tables = int.from_bytes(head[30:32], "little"), int.from_bytes(head[44:48], "little")
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    # Sectors of 512 or 4,096 bytes, 4 bytes for each in a table; the header itself names 109 tables.
    if shift not in (9, 12) or tables > (size >> shift) // 2 ** (shift - 2) + 109:
        raise Disagrees


def _zipped(look):
    """A ZIP, of which `look` reads the list."""

    def check(file, head):
        if not head.startswith(b"PK\x03\x04"):
            raise Disagrees
        try:
            with zipfile.ZipFile(file) as archive:
                look(archive)
        except _BROKEN as error:
            raise Disagrees from error

    return check


def _newer_office(kind):
    """Of the newer office formats: the ZIP says its own kind in its list of parts, and holds no macro."""
    said = f"{_OOXML}{kind}.main+xml".encode()

    def look(archive):
        if said not in _part(archive, "[Content_Types].xml"):
            raise Disagrees
        if any(name.lower().endswith("vbaproject.bin") for name in archive.namelist()):
            raise Disagrees("Ce fichier contient des macros, c'est-à-dire un programme")

    return _zipped(look)


def _open_document(kind):
    """The ZIP says its own kind in its part « mimetype »."""
    said = f"{_ODF}{kind}".encode()

    def look(archive):
        if _part(archive, "mimetype").strip() != said:
            raise Disagrees

    return _zipped(look)


def _part(archive, name):
    """The beginning of a part of a ZIP."""
    try:
        with archive.open(name) as part:
            return part.read(2**20)
    except KeyError as error:
        raise Disagrees from error


def _archive(archive):
    """An archive of files that would be taken one by one; each is recognised by its name and its beginning."""
    inside = [info for info in archive.infolist() if not info.is_dir() and not _LITTER.search(info.filename)]
    if len(inside) > MOST_INSIDE:
        raise Disagrees(f"Cette archive contient plus de {MOST_INSIDE} fichiers")
    for info in inside:
        called = PurePosixPath(info.filename).name[:60]
        extension = PurePosixPath(info.filename).suffix.lower().lstrip(".")
        if info.flag_bits & 1:
            raise Disagrees("Cette archive est protégée par un mot de passe : le portail ne peut pas la vérifier")
        if extension not in KINDS or extension in ("zip", "gz"):
            raise Disagrees(f"Cette archive contient un fichier qui n'est pas accepté : {called}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Disagrees("Cette archive est compressée d'une façon que le portail ne sait pas lire")
        with archive.open(info) as part:
            start = part.read(HEAD)
        if _is_program(start) or (extension in _TEXTS and _is_page(start)):
            raise Disagrees(f"Cette archive contient un programme ou une page web : {called}")


def _gzip(file, head):
    _magic(".gz")(file, head)
    # Its header may be as long as the file, and is read a byte at a time.
    file.seek(0)
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(file.read(CHUNK))) as opened:
            start = opened.read(HEAD)
    except _BROKEN as error:
        raise Disagrees from error
    if _is_program(start) or _is_page(start):
        raise Disagrees("Cette archive contient un programme ou une page web")


def _signature(file, head):
    """PKCS #7 signed data, as bytes or in letters."""
    if not (head[:1] == b"\x30" and _SIGNED_DATA in head[:20]) and not _PEM_SIGNATURE.match(head):
        raise Disagrees


_TEXTS = ("txt", "csv", "rtf", "xml")
_JPEG, _TIFF = _magic(".jpg"), _magic(".tiff")
KINDS = {
    "pdf": Kind("PDF", "application/pdf", _magic(".pdf")),
    "txt": Kind("Texte", "text/plain", _text),
    "csv": Kind("CSV", "text/csv", _text),
    "rtf": Kind("RTF", "application/rtf", _rtf),
    "doc": Kind("Word", "application/msword", _office(["WordDocument"])),
    "docx": Kind("Word", f"{_OOXML}wordprocessingml.document", _newer_office("wordprocessingml.document")),
    "xls": Kind("Excel", "application/vnd.ms-excel", _office(["Workbook", "Book"])),
    "xlsx": Kind("Excel", f"{_OOXML}spreadsheetml.sheet", _newer_office("spreadsheetml.sheet")),
    "ppt": Kind("PowerPoint", "application/vnd.ms-powerpoint", _office(["PowerPoint Document"])),
    "pptx": Kind("PowerPoint", f"{_OOXML}presentationml.presentation", _newer_office("presentationml.presentation")),
    "odt": Kind("Texte ODT", f"{_ODF}text", _open_document("text")),
    "ods": Kind("Tableur ODS", f"{_ODF}spreadsheet", _open_document("spreadsheet")),
    "odp": Kind("Présentation ODP", f"{_ODF}presentation", _open_document("presentation")),
    "png": Kind("PNG", "image/png", _magic(".png")),
    "jpg": Kind("JPEG", "image/jpeg", _JPEG),
    "jpeg": Kind("JPEG", "image/jpeg", _JPEG),
    "gif": Kind("GIF", "image/gif", _magic(".gif")),
    "bmp": Kind("BMP", "image/bmp", _bmp),
    "tif": Kind("TIFF", "image/tiff", _TIFF),
    "tiff": Kind("TIFF", "image/tiff", _TIFF),
    "xml": Kind("XML", "application/xml", _xml),
    "zip": Kind("ZIP", "application/zip", _zipped(_archive)),
    "gz": Kind("GZ", "application/gzip", _gzip),
    "p7s": Kind("Signature P7S", "application/pkcs7-signature", _signature),
}
ACCEPTED = (
    "choisissez un PDF, une image (png, jpg, gif, bmp, tiff), un document (doc, docx, odt, rtf, txt), un tableau "
    "(xls, xlsx, ods, csv), une présentation (ppt, pptx, odp), un fichier xml, p7s, zip ou gz"
)
