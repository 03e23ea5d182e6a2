from django.contrib import admin
from django.urls import reverse

from directory.admin.establishments import EstablishmentAdmin
from directory.models import DirectoryEntry, LegalUnit
from plumbing.admin import LargeTableAdmin


@admin.register(DirectoryEntry)
class DirectoryEntryAdmin(EstablishmentAdmin):
    purpose = "Les établissements connus de l'annuaire public."
    list_title = "Établissements de l'annuaire"
    list_display = [*EstablishmentAdmin.list_display, "closed_on"]
    # The newest first.
    ordering = ["-id"]

    def view_on_site(self, obj):
        return reverse("structures:directory_entry", args=[obj.pk])

    def named(self, queryset, name):
        return super().named(queryset.filter(undisclosed=False), name)


@admin.register(LegalUnit)
class LegalUnitAdmin(LargeTableAdmin):
    purpose = "Les entreprises et administrations dont dépendent les établissements (SIREN)."
    list_display = ["siren", "name", "usual_name", "category", "undisclosed"]
    search_fields = ["siren"]
    search_help_text = "Le SIREN ou ses premiers chiffres. La liste s'arrête à 10 000 réponses."

    def get_search_results(self, request, queryset, search_term):
        return queryset.filter(siren__startswith="".join(search_term.split())), False
