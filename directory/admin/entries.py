from django.contrib import admin
from django.urls import reverse

from directory.admin.establishments import EstablishmentAdmin
from directory.models import DirectoryEntry


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
