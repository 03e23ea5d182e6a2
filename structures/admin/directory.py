from django.contrib import admin

from chorus.plumbing.admin import LargeTableAdmin
from structures.admin.establishments import EstablishmentAdmin
from structures.models import DirectoryEntry, LegalUnit


@admin.register(DirectoryEntry)
class DirectoryEntryAdmin(EstablishmentAdmin):
    list_display = [*EstablishmentAdmin.list_display, "closed_on"]
    ordering = ["legal_name_key", "id"]


@admin.register(LegalUnit)
class LegalUnitAdmin(LargeTableAdmin):
    list_display = ["siren", "name", "usual_name", "category", "undisclosed"]
    search_fields = ["siren"]
    search_help_text = "Le SIREN ou ses premiers chiffres. La liste s'arrête à 10 000 réponses."

    def get_search_results(self, request, queryset, search_term):
        return queryset.filter(siren__startswith="".join(search_term.split())), False
