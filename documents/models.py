import unicodedata
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q, Sum

from documents.contents import KINDS
from plumbing.text import bytes_in_words, search_key
from plumbing.validators import HIDDEN, validate_visible_line

NAME_LENGTH = 255
# Longer, file systems refuse it; some room is left for « (2) », in a ZIP of several files.
NAME_BYTES = 240
# All files of everybody stand in this folder of the store, and nothing else does.
FOLDER = "pieces-jointes"


def new_key(document=None, name=""):
    """Where a new file is stored: drawn at random, it tells nothing and takes nothing from what people typed."""
    drawn = uuid.uuid4().hex
    return f"{FOLDER}/{drawn[:2]}/{drawn}"


def shown_name(name):
    """The name a file came with, as text that can be shown and given back: one line, no folder, its ending kept."""
    name = unicodedata.normalize("NFC", name.replace("/", "_").replace("\\", "_"))
    name = "".join("_" if unicodedata.category(c) in HIDDEN or c in '<>:"|?*' else c for c in name).strip()
    stem, dot, ending = name.rpartition(".")
    return _cut(stem, NAME_BYTES - len(f"{dot}{ending}".encode())) + dot + ending if dot else _cut(name, NAME_BYTES)


def _cut(text, size):
    """As much of `text` as `size` bytes hold, no character in two."""
    return text.encode()[: max(size, 0)].decode(errors="ignore")


class SupportingDocumentQuerySet(models.QuerySet):
    def of(self, user):
        """The library of one person: what is there whole."""
        return self.filter(owner=user, state=SupportingDocument.State.READY)

    def matching(self, words):
        """Those whose designation, type or file name hold every word."""
        found = self
        for word in search_key(words).split():
            types = [value for value, label in SupportingDocument.Type.choices if word in search_key(label)]
            found = found.filter(Q(search_text__contains=word) | Q(type__in=types))
        return found

    def bytes_taken(self):
        return self.aggregate(taken=Sum("size", default=0))["taken"]


class StoredFile(models.Model):
    """A row and its file in the store. Abstract.

    The row is committed before its file is written and stays until its file is gone, so that whatever dies in
    between leaves a row which a sweep finishes, and never a file nobody knows of (actions/files.py).
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", "En cours de réception"
        READY = "ready", "Enregistrée"
        DELETING = "deleting", "En cours de suppression"

    file = models.FileField("fichier", upload_to=new_key, max_length=100, unique=True)
    original_name = models.CharField("nom du fichier", max_length=NAME_LENGTH)
    size = models.PositiveIntegerField("taille (octets)")
    content_type = models.CharField("nature du contenu", max_length=100)
    sha256 = models.CharField("empreinte", max_length=64)
    state = models.CharField("état", max_length=9, choices=State, default=State.RECEIVING)
    created_at = models.DateTimeField("ajoutée le", auto_now_add=True)

    class Meta:
        abstract = True

    @property
    def kind(self):
        """What kind of file it is, as people call it."""
        return KINDS[self.original_name.rpartition(".")[2].lower()].label

    @property
    def facts(self):
        """« PDF, 412 Ko »"""
        return f"{self.kind}, {bytes_in_words(self.size)}"


class SupportingDocument(StoredFile):
    """« Pièce jointe »: a file somebody keeps in their own library."""

    class Type(models.TextChoices):
        DELEGATION = "delegation", "Délégation de signature"
        APPOINTMENT = "appointment", "Arrêté ou décision de nomination"
        REGISTRATION = "registration", "Extrait Kbis ou avis de situation"
        BANK_DETAILS = "bank_details", "Relevé d'identité bancaire"
        CONTRACT = "contract", "Marché, contrat ou convention"
        ORDER = "order", "Bon de commande"
        DELIVERY = "delivery", "Bon de livraison ou service fait"
        INVOICE = "invoice", "Facture ou avoir"
        OTHER = "other", "Autre pièce"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="supporting_documents", verbose_name="propriétaire"
    )
    designation = models.CharField("désignation", max_length=50, validators=[validate_visible_line])
    type = models.CharField("type", max_length=12, choices=Type)
    # What the filter above the list looks into.
    search_text = models.CharField(max_length=400, editable=False, default="")

    objects = SupportingDocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "pièce jointe"
        verbose_name_plural = "pièces jointes"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["owner", "-created_at", "-id"], name="document_library"),
            models.Index(fields=["created_at"], condition=~Q(state="ready"), name="document_unfinished"),
        ]

    def __str__(self):
        return self.designation

    def save(self, *args, **kwargs):
        self.search_text = search_key(f"{self.designation} {self.original_name}")[:400]
        super().save(*args, **kwargs)
