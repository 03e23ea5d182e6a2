from django.contrib import admin
from django.urls import reverse

from directory.admin import EstablishmentAdmin
from plumbing.admin import ActionAdmin, badge
from plumbing.validators import newly_typed, validate_plain_line
from structures.actions import (
    change_referent,
    change_structure,
    create_by_support,
    create_referent,
    delete_referent,
)
from structures.models import Referent, Service, Structure


class ServiceInline(admin.TabularInline):
    """Read-only: support changes a service on the site, by the same actions as its manager."""

    model = Service
    extra = 0
    template = "admin/structures/services.html"
    fields = ["code", "label", "is_active", "valid_from", "valid_until", "requires_commitment"]

    def has_view_permission(self, request, obj=None):
        return request.user.is_active and request.user.is_staff

    def has_add_permission(self, request, obj=None):
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Structure)
class StructureAdmin(ActionAdmin, EstablishmentAdmin):
    purpose = "Chercher une structure, la corriger, en créer une publique."
    adding = "Créer une structure"
    list_display = [*EstablishmentAdmin.list_display, badge(Structure, "state"), "in_pigp"]
    list_filter = ["nature"]
    # The newest first.
    ordering = ["-id"]
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

    @admin.display(description="Portail de gestion publique (PIGP)", boolean=True, ordering="uses_pigp")
    def in_pigp(self, structure):
        return structure.uses_pigp

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change, **kwargs)
        if "uses_pigp" in form.base_fields:
            form.base_fields[
                "uses_pigp"
            ].help_text = "Portail de gestion publique : les comptes des agents en viennent."
        for name in form.base_fields.keys() & Structure.DESCRIPTIVE:
            current = getattr(obj, name) if obj else ""
            form.base_fields[name].validators.append(newly_typed(validate_plain_line, current))
        return form

    def view_on_site(self, obj):
        return reverse("structures:structure", args=[obj.pk])

    def get_readonly_fields(self, request, obj=None):
        chosen_once = {"identifier_type", "identifier", "nature"} if obj is None else set()
        return [name for name in super().get_readonly_fields(request, obj) if name not in chosen_once]

    def change_row(self, request, structure, values):
        change_structure(structure.pk, actor=request.user, values=values)

    def add_row(self, request, values):
        return create_by_support(actor=request.user, values=values)


@admin.register(Referent)
class ReferentAdmin(ActionAdmin):
    purpose = "À qui écrire dans chaque académie ou administration."
    adding = "Ajouter un référent"
    list_title = "Référents facturation électronique"
    list_display = ["administration", "name", "email"]
    search_fields = ["administration", "name", "email"]
    editable = ("administration", "name", "email")

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def has_delete_permission(self, request, obj=None):
        return self.has_module_permission(request)

    def change_row(self, request, referent, values):
        change_referent(referent.pk, actor=request.user, values=values)

    def add_row(self, request, values):
        return create_referent(actor=request.user, values=values)

    def delete_row(self, request, referent):
        delete_referent(referent.pk, actor=request.user)
