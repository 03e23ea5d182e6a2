from django.contrib import admin

from plumbing.admin import SupportAdmin
from registration.models import AddressCorrection, Submission


@admin.register(Submission)
class SubmissionAdmin(SupportAdmin):
    """Registrations a worker has not carried out yet: one that stays, with an error, is a fault to report."""

    list_display = ["reference", "created_at", "attempts", "next_try_at", "error"]
    search_fields = ["reference"]
    exclude = ["payload"]


@admin.register(AddressCorrection)
class AddressCorrectionAdmin(SupportAdmin):
    """Corrected addresses a worker has not carried out yet: one that stays, with an error, is a fault to report."""

    list_display = ["reference", "created_at", "attempts", "next_try_at", "error"]
    search_fields = ["reference"]
    exclude = ["payload"]
