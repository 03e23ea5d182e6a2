"""Somebody's library of files, and what the store holds of it."""

from django.core.files.uploadedfile import SimpleUploadedFile

from documents import actions
from tests.documents.samples import PDF

MEGABYTE = 2**20


def pdf(size=0, name="Délégation.pdf"):
    """A PDF of that size, or as small as can be."""
    return SimpleUploadedFile(name, PDF + b" " * (size - len(PDF)))


def add(owner, **options):
    return actions.add_document(pdf(**options), owner=owner, designation="Délégation 2026", type="delegation")


def stored(store):
    return [path for path in store.rglob("*") if path.is_file()]
