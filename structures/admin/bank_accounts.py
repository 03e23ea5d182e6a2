from django.contrib import admin
from django.urls import reverse

from plumbing.admin import SupportAdmin
from structures.models import BankAccount


@admin.register(BankAccount)
class BankAccountAdmin(SupportAdmin):
    """Read-only, and never the whole IBAN: support changes an account on the site, by the same actions."""

    purpose = "Lire les coordonnées bancaires ; elles se modifient sur le site."
    list_display = ["label", "iban_end", "bank", "structure", "is_active"]
    list_filter = ["is_active"]
    list_select_related = ["structure"]
    search_fields = ["label", "holder", "bank", "structure__legal_name", "structure__identifier"]
    fields = ["structure", "label", "holder", "iban_end", "bic", "bank", "is_active", "valid_from", "valid_until"]
    readonly_fields = ["iban_end"]

    def view_on_site(self, obj):
        return reverse("structures:bank_account", args=[obj.pk])

    @admin.display(description="IBAN")
    def iban_end(self, account):
        return account.masked_iban
