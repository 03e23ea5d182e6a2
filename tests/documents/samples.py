"""Small files of every kind that is taken, made as their own software makes them."""

import gzip
import io
import zipfile

from PIL import Image

from plumbing.exports import spreadsheet

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG_OF = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "tiff": "TIFF"}
OPEN_DOCUMENT = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}
NEWER_OFFICE = {"docx": "wordprocessingml.document", "pptx": "presentationml.presentation"}
OLDER_OFFICE = {"doc": "WordDocument", "xls": "Workbook", "ppt": "PowerPoint Document"}


def image(format):
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8), "white").save(drawn, format)
    return drawn.getvalue()


def zipped(parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def newer_office(kind, **more):
    said = f"application/vnd.openxmlformats-officedocument.{kind}.main+xml"
    types = f'<Types><Override PartName="/word/document2.xml" ContentType="{said}"/></Types>'
    return zipped({"[Content_Types].xml": types, "_rels/.rels": "<R/>", "word/document2.xml": "<x/>", **more})


def open_document(kind):
    return zipped({"mimetype": f"application/vnd.oasis.opendocument.{kind}", "content.xml": "<x/>"})


def ole(stream):
    """An OLE file (the older office formats, and installers) with one empty stream of this name."""
    free, end = b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff"

    def entry(name, kind, child=free):
        text = (name + "\0").encode("utf-16-le")
        head = text.ljust(64, b"\0") + len(text).to_bytes(2, "little") + bytes([kind, 1]) + free * 2 + child
        return head + b"\0" * 36 + (end if kind == 5 else b"\0" * 4) + b"\0" * 8

    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + b"\0" * 10
    header += (1).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0" * 4 + (4096).to_bytes(4, "little")
    header += end + b"\0" * 4 + end + b"\0" * 4 + b"\0" * 4 + free * 108
    table = b"\xfd\xff\xff\xff" + end + free * 126
    directory = entry("Root Entry", 5, child=(1).to_bytes(4, "little")) + entry(stream, 2) + b"\0" * 256
    return header + table + directory


GOOD = {
    "pdf": PDF,
    "txt": "Objet : délégation\r\n\tà signer".encode(),
    "csv": "nom;prénom\r\nLéon;Zoé".encode("cp1252"),
    "rtf": b"{\\rtf1\\ansi D\\'e9l\\'e9gation}\0",
    "xml": '<?xml version="1.0" encoding="ISO-8859-1"?><Facture>é</Facture>'.encode("latin-1"),
    "zip": zipped({"dossier/bail.pdf": PDF, "lisez.txt": "bonjour", "__MACOSX/._bail": b"\0", ".DS_Store": b"\0"}),
    "gz": gzip.compress(b"<Facture/>" * 9000),
    "p7s": b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x82" + b"\0" * 200,
    **{extension: image(format) for extension, format in PNG_OF.items()},
    **{extension: open_document(kind) for extension, kind in OPEN_DOCUMENT.items()},
    "xlsx": spreadsheet(["Nom"], [["Léon"]]),
    **{extension: newer_office(kind) for extension, kind in NEWER_OFFICE.items()},
    **{extension: ole(stream) for extension, stream in OLDER_OFFICE.items()},
}
PROGRAM = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0" + b"\0" * 100
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 100
SCRIPT = b"#!/bin/sh\nrm -rf ~\n"
PAGE = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
DRAWING = b'<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
