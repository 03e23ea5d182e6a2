from django.contrib import admin

from chorus.plumbing.admin import FullyCheckedForm, SupportAdmin
from history.actions import record
from history.models import Event
from structures.models import BankAccount, DirectoryEntry, Referent, Service, Structure


class ServiceInline(admin.TabularInline):
    model = Service
    form = FullyCheckedForm
    extra = 0
    fields = ["code", "label", "is_active", "valid_from", "valid_until", "requires_commitment"]

    def has_view_permission(self, request, obj=None):
        return request.user.is_active and request.user.is_staff

    has_add_permission = has_change_permission = has_view_permission

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Structure)
class StructureAdmin(SupportAdmin):
    list_display = ["legal_name", "label", "identifier", "nature", "city", "state", "uses_pigp"]
    list_filter = ["state", "nature", "uses_pigp", "undisclosed"]
    search_fields = ["legal_name", "label", "identifier", "city"]
    autocomplete_fields = ["referent"]
    inlines = [ServiceInline]
    editable = (
        *Structure.DESCRIPTIVE,
        "undisclosed",
        "issues_invoices",
        "receives_invoices",
        "requirement",
        "uses_pigp",
        "referent",
    )

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def get_readonly_fields(self, request, obj=None):
        chosen_once = {"identifier_type", "identifier", "nature"} if obj is None else set()
        return [name for name in super().get_readonly_fields(request, obj) if name not in chosen_once]

    def save_model(self, request, obj, form, change):
        super().save_model(request, obj, form, change)
        if not change:
            record(Event.STRUCTURE_CREATED, actor=request.user, structure=obj)


@admin.register(DirectoryEntry)
class DirectoryEntryAdmin(SupportAdmin):
    list_display = ["legal_name", "label", "identifier", "nature", "city", "closed_on"]
    list_filter = ["nature", "undisclosed"]
    search_fields = ["legal_name", "label", "identifier", "city"]


@admin.register(Referent)
class ReferentAdmin(SupportAdmin):
    list_display = ["administration", "name", "email"]
    search_fields = ["administration", "name", "email"]
    editable = ("administration", "name", "email")

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def has_delete_permission(self, request, obj=None):
        return self.has_module_permission(request)


@admin.register(BankAccount)
class BankAccountAdmin(SupportAdmin):
    """Read-only, and never the whole IBAN: support changes an account on the site, by the same actions."""

    list_display = ["label", "iban_end", "bank", "structure", "is_active"]
    list_filter = ["is_active"]
    list_select_related = ["structure"]
    search_fields = ["label", "holder", "bank", "structure__legal_name", "structure__identifier"]
    fields = ["structure", "label", "holder", "iban_end", "bic", "bank", "is_active", "valid_from", "valid_until"]
    readonly_fields = ["iban_end"]

    @admin.display(description="IBAN")
    def iban_end(self, account):
        return account.masked_iban
