from django.contrib import admin

from plumbing.admin import SupportAdmin, TriedFilter, moment
from plumbing.references import spaced
from registration.models import AddressCorrection, Submission


@admin.register(Submission)
class SubmissionAdmin(SupportAdmin):
    """Registrations a worker has not carried out yet: one that stays, with an error, is a fault to report."""

    purpose = "Inscriptions reçues que le portail n'a pas encore enregistrées."
    list_display = [
        "spaced_reference",
        moment(Submission, "created_at"),
        "attempts",
        moment(Submission, "next_try_at"),
        "error",
    ]
    list_filter = [TriedFilter]
    search_fields = ["reference"]
    exclude = ["payload"]

    def row_title(self, row):
        return f"Inscription, dossier n° {spaced(row.reference)}"

    @admin.display(description="dossier n°", ordering="reference")
    def spaced_reference(self, submission):
        return spaced(submission.reference)


@admin.register(AddressCorrection)
class AddressCorrectionAdmin(SubmissionAdmin):
    """Corrected addresses a worker has not carried out yet: one that stays, with an error, is a fault to report."""

    purpose = "Adresses corrigées par les inscrits, que le portail n'a pas encore reprises."

    def row_title(self, row):
        return f"Adresse corrigée, dossier n° {spaced(row.reference)}"
