from django.contrib import admin
from django.template.defaultfilters import linebreaksbr

from history.models import HistoryEntry
from plumbing.admin import SupportAdmin, moment


@admin.register(HistoryEntry)
class HistoryEntryAdmin(SupportAdmin):
    purpose = "Qui a fait quoi, quand, sur quelle structure."
    list_display = [moment(HistoryEntry, "created_at"), "event", "actor", "subject", "structure", "details"]
    fields = ["when", "event", "actor", "subject", "structure", "reference", "details"]
    readonly_fields = ["when", "details"]
    list_filter = ["event"]
    list_select_related = ["actor", "subject", "structure"]
    search_fields = ["reference", "actor__email", "subject__email", "structure__legal_name", "structure__identifier"]
    date_hierarchy = "created_at"

    when = staticmethod(moment(HistoryEntry, "created_at"))

    @admin.display(description="commentaire")
    def details(self, entry):
        return linebreaksbr(entry.comment)
