from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone


class DirectoryImport(models.Model):
    """One reading of one file into the directory: how far it is, and what came of it."""

    class Kind(models.TextChoices):
        PORTAL = "portal", "CSV du portail"
        EDUCATION = "education", "Annuaire de l'éducation"
        SIRENE = "sirene", "SIRENE, établissements et unités légales"

    class State(models.TextChoices):
        WAITING = "waiting", "En attente"
        RUNNING = "running", "En cours"
        DONE = "done", "Terminé"
        FAILED = "failed", "Interrompu"
        CANCELLED = "cancelled", "Annulé"
        # Nothing goes on from where it stopped: the file itself is no good.
        REFUSED = "refused", "Refusé"

    UNDER_WAY = (State.WAITING, State.RUNNING)
    OVER = (State.DONE, State.CANCELLED, State.REFUSED)

    kind = models.CharField("nature", max_length=14, choices=Kind, blank=True)
    # Empty when the file was read where the command found it.
    file = models.FileField("fichier", upload_to="annuaire/", blank=True)
    # SIRENE comes in two files.
    second_file = models.FileField("second fichier", upload_to="annuaire/", blank=True)
    file_name = models.CharField("nom du fichier", max_length=250)
    fingerprint = models.CharField("empreinte", max_length=64, blank=True)
    size = models.BigIntegerField("taille (octets)", default=0)
    state = models.CharField("état", max_length=9, choices=State, default=State.WAITING)
    bytes_read = models.BigIntegerField("octets lus", default=0)
    lines = models.BigIntegerField("lignes lues", default=0)
    # Up to which line the directory holds what the file says; nothing is written before all is read.
    written = models.BigIntegerField("dernière ligne écrite", default=0)
    created = models.BigIntegerField("ajoutés", default=0)
    updated = models.BigIntegerField("modifiés", default=0)
    unchanged = models.BigIntegerField("inchangés", default=0)
    rejected = models.BigIntegerField("lignes rejetées", default=0)
    created_at = models.DateTimeField("demandé le", default=timezone.now)
    started_at = models.DateTimeField("commencé le", null=True, blank=True)
    ended_at = models.DateTimeField("fini le", null=True, blank=True)
    # Which process holds it, and when that process last said so.
    holder = models.CharField("processus", max_length=100, blank=True)
    heartbeat = models.DateTimeField("dernier signe de vie", null=True, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="demandé par"
    )
    error = models.TextField("erreur", blank=True)

    class Meta:
        verbose_name = "import de l'annuaire"
        verbose_name_plural = "imports de l'annuaire"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["state"],
                condition=Q(state="running"),
                name="directoryimport_one_running",
                violation_error_message="Un autre import est en cours.",
            )
        ]

    def __str__(self):
        return f"{self.file_name} ({self.get_state_display().lower()})"

    @property
    def files(self):
        """Those that were uploaded."""
        return [file for file in (self.file, self.second_file) if file]

    @property
    def may_be_retried(self):
        """Whether the portal has all it takes to go on; the command has its files at hand itself."""
        return self.state == self.State.FAILED and bool(self.file)

    @property
    def share(self):
        """How much is behind, from 0 to 1: all is read, then all is written."""
        read = self.bytes_read / self.size if self.size else 0
        return (min(read, 1) + (min(self.written / self.lines, 1) if self.lines else 0)) / 2

    @property
    def percent(self):
        return 100 if self.state == self.State.DONE else min(99, int(self.share * 100))


class RejectedLine(models.Model):
    """A line of an imported file that was left out, and why."""

    directory_import = models.ForeignKey(
        DirectoryImport, models.CASCADE, related_name="rejected_lines", verbose_name="import"
    )
    line = models.BigIntegerField("ligne")
    identifier = models.CharField("identifiant lu", max_length=60, blank=True)
    reason = models.CharField("motif", max_length=250)

    class Meta:
        verbose_name = "ligne rejetée"
        verbose_name_plural = "lignes rejetées"
        ordering = ["directory_import", "line", "id"]
        indexes = [models.Index(fields=["directory_import", "line", "id"], name="rejectedline_in_order")]

    def __str__(self):
        return f"Ligne {self.line} : {self.reason}"
