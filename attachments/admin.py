from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from attachments.actions import approve_request
from attachments.models import Attachment, AttachmentRequest, Role
from plumbing.admin import SupportAdmin
from plumbing.errors import ActionError


class PrincipalFilter(admin.SimpleListFilter):
    """The support queue: requests nobody but support can decide."""

    title = "gestionnaire principal"
    parameter_name = "principal"

    def lookups(self, request, model_admin):
        return [("none", "Aucun (à traiter par l'assistance)")]

    def queryset(self, request, queryset):
        return queryset.pending().without_principal() if self.value() == "none" else queryset


@admin.register(AttachmentRequest)
class AttachmentRequestAdmin(SupportAdmin):
    list_display = ["reference", "user", "structure", "status", "created_at", "decide"]
    list_filter = ["status", PrincipalFilter]
    list_select_related = ["user", "structure"]
    search_fields = ["reference", "user__email", "user__last_name", "structure__legal_name", "structure__identifier"]
    date_hierarchy = "created_at"
    actions = ["approve_as_simple", "approve_as_principal"]
    readonly_fields = ["decide"]

    @admin.display(description="décision")
    def decide(self, wanted):
        words = "Décider" if wanted.is_pending else "Consulter"
        return format_html('<a href="{}">{}</a>', reverse("attachments:decide_request", args=[wanted.reference]), words)

    @admin.action(description="Valider comme utilisateur simple, telles que demandées")
    def approve_as_simple(self, request, requests):
        self._approve(request, requests, Role.SIMPLE)

    @admin.action(description="Valider comme gestionnaire principal (structures sans gestionnaire)")
    def approve_as_principal(self, request, requests):
        self._approve(request, requests, Role.PRINCIPAL)

    def _approve(self, request, requests, role):
        def approve(wanted):
            if not request.user.has_perm("attachments.decide_request", wanted):
                raise ActionError("own_request", "nul ne décide de sa propre demande.")
            approve_request(
                wanted.pk,
                actor=request.user,
                role=role,
                whole_structure=wanted.whole_structure,
                services=wanted.services.all(),
            )

        self.perform_each(request, requests, approve, "Demandes validées")


@admin.register(Attachment)
class AttachmentAdmin(SupportAdmin):
    list_display = ["user", "structure", "role", "whole_structure", "starts_on", "ends_on", "ended_at"]
    list_filter = ["role", "whole_structure"]
    list_select_related = ["user", "structure"]
    search_fields = ["user__email", "user__last_name", "structure__legal_name", "structure__identifier"]
