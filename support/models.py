from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from directory.identifiers import spaced_identifier
from documents.models import StoredFile
from plumbing.references import spaced
from plumbing.validators import validate_visible_line

SUBJECT_LENGTH = 120


class Category(models.TextChoices):
    MANAGER_GONE = "manager_gone", "Gestionnaire principal inconnu ou parti"
    NO_PRINCIPAL = "no_principal", "Structure publique sans gestionnaire principal"
    PUBLIC_STRUCTURE = "public_structure", "Demande de création de structure publique"
    REACTIVATION = "reactivation", "Réactivation d'un compte après 60 jours"
    GENERAL = "general", "Autre question"


# What each answer of a category's own form is called, in the order in which it is read.
ANSWERS = {
    "siret": "SIRET",
    "legal_name": "Raison sociale",
    "legal_status": "Statut juridique",
    "address": "Adresse",
    "principal_name": "Gestionnaire actuel",
    "principal_login": "Adresse de connexion du gestionnaire actuel",
    "target_name": "Nouveau gestionnaire",
    "target_login": "Adresse de connexion du nouveau gestionnaire",
}


# The statuses of what was sent and is not closed.
OPEN = ("in_progress", "action_required")


class TicketQuerySet(models.QuerySet):
    def of(self, user):
        """What `user` asked support, drafts included."""
        return self.filter(author=user)

    def open(self):
        """Sent, and not closed."""
        return self.filter(status__in=OPEN)

    def to_answer(self, user):
        """« Actions requises »: support waits for `user`."""
        return self.of(user).filter(status=Ticket.Status.ACTION_REQUIRED)

    def against(self, user):
        """The open claims `user` was warned of, as the manager they would replace."""
        return self.open().filter(category=Category.MANAGER_GONE, sitting_manager=user).order_by("pk")

    def waiting(self):
        """What waits for support, longest first."""
        return self.filter(status=Ticket.Status.IN_PROGRESS).order_by("waiting_since", "pk")

    def sent(self):
        """All but drafts, which are their authors' own."""
        return self.exclude(status=Ticket.Status.DRAFT)

    def counts(self):
        """How many there are of each status."""
        return dict(self.order_by().values_list("status").annotate(models.Count("pk")))


class Ticket(models.Model):
    """« Sollicitation »: a question to support, and what both sides write until it is closed.

    `answers` are those of its category's form, by the names of ANSWERS; a draft keeps its message there too.
    Without an `author` somebody who cannot log in asks: `visitor_email` is nobody's until `confirmed_at`.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Brouillon"
        IN_PROGRESS = "in_progress", "En cours"
        ACTION_REQUIRED = "action_required", "Actions requises"
        SOLVED = "solved", "Clôturée"

    reference = models.CharField("dossier n°", max_length=9)
    category = models.CharField("catégorie", max_length=16, choices=Category)
    status = models.CharField("statut", max_length=15, choices=Status, default=Status.DRAFT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name="auteur"
    )
    visitor_name = models.CharField("nom donné", max_length=201, blank=True)
    visitor_email = models.EmailField("adresse donnée", max_length=254, blank=True)
    confirmed_at = models.DateTimeField("adresse confirmée le", null=True, blank=True)
    structure = models.ForeignKey(
        "structures.Structure", models.PROTECT, null=True, blank=True, related_name="tickets", verbose_name="structure"
    )
    subject = models.CharField("sujet", max_length=SUBJECT_LENGTH, blank=True, validators=[validate_visible_line])
    answers = models.JSONField("réponses", default=dict, blank=True)
    # Who of support answers.
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="suivie par"
    )
    created_at = models.DateTimeField("créée le", auto_now_add=True)
    sent_at = models.DateTimeField("envoyée le", null=True, blank=True)
    # Since when it is for support to answer.
    waiting_since = models.DateTimeField("en attente depuis", null=True, blank=True)
    closed_at = models.DateTimeField("clôturée le", null=True, blank=True)
    # Of a claim (« gestionnaire inconnu ou parti »): who was warned, until when they may object, and what they said.
    sitting_manager = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="claims_against",
        verbose_name="gestionnaire averti",
    )
    warned_at = models.DateTimeField("averti le", null=True, blank=True)
    objection_until = models.DateTimeField("opposition possible jusqu'au", null=True, blank=True)
    objected_at = models.DateTimeField("opposition reçue le", null=True, blank=True)
    objection = models.TextField("motif de l'opposition", blank=True)
    # Why support went on all the same: its answer to who objected.
    override_reason = models.TextField("pourquoi passer outre", blank=True)
    transferred_at = models.DateTimeField("transfert fait le", null=True, blank=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = "sollicitation"
        verbose_name_plural = "sollicitations"
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["author", "status", "-created_at"], name="ticket_author"),
            models.Index(fields=["waiting_since"], condition=Q(status="in_progress"), name="ticket_waiting"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="ticket_reference_unique"),
            models.CheckConstraint(
                condition=Q(author__isnull=False) | ~Q(status="draft"),
                name="ticket_draft_has_author",
                violation_error_message="Un brouillon est celui de quelqu'un.",
            ),
        ]

    def __str__(self):
        return self.subject or self.get_category_display()

    @property
    def spaced_reference(self):
        return spaced(self.reference)

    @property
    def is_draft(self):
        return self.status == self.Status.DRAFT

    @property
    def is_open(self):
        return self.status in OPEN

    @property
    def is_claim(self):
        return self.category == Category.MANAGER_GONE

    @property
    def structure_name(self):
        """The structure it is about, as whoever asks names it, or may know it; empty when there is none."""
        if self.structure is None or self.answers.get("legal_name"):
            return self.answers.get("legal_name", "")
        return self.structure.full_identifier if self.structure.keeps_private else str(self.structure)

    @property
    def facts(self):
        """(label, value) of the answers to its category's form."""
        return list(self.told.values())

    @property
    def told(self):
        """The facts, by the names of ANSWERS."""
        said = self.answers | {"siret": spaced_identifier("siret", self.answers.get("siret", ""))}
        return {name: (label, said[name]) for name, label in ANSWERS.items() if said.get(name)}

    @property
    def asker(self):
        """Who asks, in words."""
        return str(self.author) if self.author else self.visitor_name or "Un visiteur"

    @property
    def address(self):
        """Where whoever asks reads mail."""
        return self.author.mail_address if self.author else self.visitor_email

    @property
    def is_confirmed(self):
        """Whether somebody who reads mail at `address` has shown it: free text may go there."""
        return self.confirmed_at is not None if self.author is None else self.author.was_ever_active

    @property
    def certificate_to_sign(self):
        """The certificate whose signature is awaited, or asked for again, whoever wrote last; None when none is."""
        sent = self.files.ready().exclude(message=None)
        certificate = sent.filter(role=TicketFile.Role.CERTIFICATE).last() if self.is_open else None
        if certificate is None or self.status == self.Status.ACTION_REQUIRED:
            return certificate
        is_back = sent.filter(role=TicketFile.Role.SIGNED, pk__gt=certificate.pk).exists()
        return None if is_back else certificate

    @property
    def may_be_objected_to(self):
        return self.is_open and self.objected_at is None and self._delay_runs

    @property
    def _delay_runs(self):
        return self.objection_until is not None and timezone.now() < self.objection_until

    @property
    def held_back(self):
        """Why support does not carry the transfer out unless it says why; empty when nothing stands in the way."""
        if self.objected_at:
            return "Le gestionnaire averti s'y oppose"
        return "Le gestionnaire averti peut encore s'y opposer" if self._delay_runs else ""


class MessageQuerySet(models.QuerySet):
    def thread(self):
        """As they are read, with who wrote them and their files."""
        return self.select_related("author").prefetch_related("files").order_by("pk")


class Message(models.Model):
    """What one side wrote to the other; `author` is empty for a visitor and for the portal itself."""

    ticket = models.ForeignKey(Ticket, models.PROTECT, related_name="messages", verbose_name="sollicitation")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="auteur"
    )
    from_support = models.BooleanField("de l'assistance", default=False)
    text = models.TextField("message")
    sent_at = models.DateTimeField("envoyé le", default=timezone.now)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "message"
        verbose_name_plural = "messages"
        ordering = ["id"]

    def __str__(self):
        return f"Message du {timezone.localtime(self.sent_at):%d/%m/%Y}"


class TicketFileQuerySet(models.QuerySet):
    def ready(self):
        return self.filter(state=TicketFile.State.READY)

    def unsent(self, user):
        """What `user` added and no message of theirs has taken along yet."""
        return self.ready().filter(message=None, added_by=user).order_by("pk")


class TicketFile(StoredFile):
    """A file of a ticket. It is added first, then leaves with the next message of whoever added it."""

    class Role(models.TextChoices):
        OTHER = "other", "Pièce"
        CERTIFICATE = "certificate", "Attestation à signer"
        SIGNED = "signed", "Attestation signée"
        # By which a change was made that is undone.
        SPENT = "spent", "Attestation signée, déjà utilisée"

    # None once a draft is deleted, until its files are.
    ticket = models.ForeignKey(Ticket, models.PROTECT, null=True, related_name="files", verbose_name="sollicitation")
    message = models.ForeignKey(
        Message, models.PROTECT, null=True, blank=True, related_name="files", verbose_name="message"
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="ajouté par")
    role = models.CharField("rôle", max_length=11, choices=Role, default=Role.OTHER)

    objects = TicketFileQuerySet.as_manager()

    class Meta:
        verbose_name = "fichier d'une sollicitation"
        verbose_name_plural = "fichiers des sollicitations"
        ordering = ["id"]
        indexes = [models.Index(fields=["created_at"], condition=~Q(state="ready"), name="ticket_file_unfinished")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ticket__isnull=False) | Q(state="deleting"),
                name="ticket_file_has_ticket",
                violation_error_message="Un fichier est celui d'une sollicitation.",
            ),
        ]

    def __str__(self):
        return self.original_name


class ReadyAnswerQuerySet(models.QuerySet):
    def fitting(self, category):
        """What an answer to such a ticket may start from."""
        return self.filter(category__in=["", category])


class ReadyAnswer(models.Model):
    """What support often writes: picked, completed, then sent."""

    title = models.CharField("titre", max_length=80, validators=[validate_visible_line])
    text = models.TextField("texte", max_length=5_000)
    category = models.CharField(
        "catégorie", max_length=16, choices=Category, blank=True, help_text="Vide : proposée partout."
    )

    objects = ReadyAnswerQuerySet.as_manager()

    class Meta:
        verbose_name = "réponse type"
        verbose_name_plural = "réponses types"
        ordering = ["title", "id"]

    def __str__(self):
        return self.title


def objection_ends(since):
    """Until when the sitting manager may object to what they were told at `since`."""
    return since + timedelta(hours=settings.OBJECTION_HOURS)
