from django.contrib import admin, messages
from django.urls import reverse
from django.utils.html import format_html

from attachments.actions import approve_requests, detach, move_dates
from attachments.models import Attachment, AttachmentRequest, Deputy, Right, Role
from plumbing.admin import ActionAdmin, SupportAdmin, badge, moment, spaced
from plumbing.templatetags.components import status_badge


class PrincipalFilter(admin.SimpleListFilter):
    """The support queue: requests nobody but support can decide."""

    title = "gestionnaire principal"
    parameter_name = "principal"

    def lookups(self, request, model_admin):
        return [("none", "Aucun (à traiter par l'assistance)")]

    def queryset(self, request, queryset):
        return queryset.pending().without_decider() if self.value() == "none" else queryset


@admin.register(AttachmentRequest)
class AttachmentRequestAdmin(SupportAdmin):
    purpose = "Toutes les demandes, décidées ou non. Elles se décident sur le site."
    list_display = [
        spaced("reference", "dossier n°"),
        "user",
        "structure",
        badge(AttachmentRequest, "status"),
        moment(AttachmentRequest, "created_at"),
        "decide",
    ]
    list_filter = ["status", PrincipalFilter]
    list_select_related = ["user", "structure"]
    search_fields = ["reference", "user__email", "user__last_name", "structure__legal_name", "structure__identifier"]
    date_hierarchy = "created_at"
    ordering = ["-created_at", "-id"]
    actions = ["approve_as_simple", "approve_as_principal"]
    fields = [
        "standing",
        "user",
        "structure",
        "whole_structure",
        "services",
        "starts_on",
        "ends_on",
        "comment",
        "created_at",
        "decided_at",
        "decided_by",
        "reason",
    ]
    readonly_fields = ["standing"]

    def view_on_site(self, obj):
        return reverse("attachments:decide_request", args=[obj.reference])

    @admin.display(description="statut")
    def standing(self, attachment_request):
        return status_badge(attachment_request.status, attachment_request.get_status_display())

    @admin.display(description="décision")
    def decide(self, attachment_request):
        words = "Décider" if attachment_request.is_pending else "Consulter"
        page = reverse("attachments:decide_request", args=[attachment_request.reference])
        return format_html('<a href="{}">{}</a>', page, words)

    @admin.action(description="Valider comme utilisateur simple, telles que demandées")
    def approve_as_simple(self, request, requests):
        self._approve(request, requests, Role.SIMPLE)

    @admin.action(description="Valider comme gestionnaire principal (structures sans gestionnaire)")
    def approve_as_principal(self, request, requests):
        self._approve(request, requests, Role.PRINCIPAL)

    def _approve(self, request, requests, role):
        result = approve_requests(requests.order_by("pk").values_list("pk", flat=True), actor=request.user, role=role)
        for row, refusal in result.skipped:
            self.message_user(request, f"{row} : {refusal}", messages.WARNING)
        count = len(result.done)
        level = messages.SUCCESS if count else messages.INFO
        self.message_user(request, f"Demandes validées : {count}.", level)


class UnseenPrincipalFilter(admin.SimpleListFilter):
    """Principal managers who never activated their account: they lose the role after some days."""

    title = "compte du gestionnaire principal"
    parameter_name = "account"

    def lookups(self, request, model_admin):
        return [("unseen", "Jamais activé (rôle bientôt retiré)")]

    def queryset(self, request, queryset):
        return queryset.current().principal().filter(user__activated_at=None) if self.value() == "unseen" else queryset


@admin.register(Attachment)
class AttachmentAdmin(ActionAdmin):
    purpose = "Qui est rattaché à quelle structure, avec quel rôle ; y mettre fin ou en changer les dates."
    list_display = [
        "user",
        "structure",
        "role",
        "whole_structure",
        "starts_on",
        "ends_on",
        moment(Attachment, "ended_at"),
    ]
    list_filter = ["role", "whole_structure", UnseenPrincipalFilter]
    fields = [
        "user",
        "structure",
        "role",
        "whole_structure",
        "services",
        "role_since",
        "created_at",
        "ended_at",
        *Right.values,
        "starts_on",
        "ends_on",
        # The form's own: which state of the row the page shows.
        "seen_version",
    ]
    editable = ("starts_on", "ends_on")
    actions = ["detach"]
    list_select_related = ["user", "structure"]
    search_fields = ["user__email", "user__last_name", "structure__legal_name", "structure__identifier"]

    def has_change_permission(self, request, obj=None):
        # A principal manager's dates are those of a hand-over.
        return super().has_change_permission(request, obj) and (
            obj is None or (obj.ended_at is None and obj.role != Role.PRINCIPAL)
        )

    def view_on_site(self, obj):
        return reverse("structures:structure", args=[obj.structure_id])

    def change_row(self, request, attachment, values):
        move_dates(attachment.pk, actor=request.user, **values)

    @admin.action(description="Mettre fin aux rattachements")
    def detach(self, request, attachments):
        self.perform_each(
            request, attachments, lambda row: detach(row.pk, actor=request.user), "Rattachements terminés"
        )


@admin.register(Deputy)
class DeputyAdmin(SupportAdmin):
    purpose = "Qui supplée un gestionnaire principal, et jusqu'à quand. Une suppléance se règle sur le site."
    list_display = ["deputy", "structure", "starts_on", "ends_on", "named_by", moment(Deputy, "ended_at")]
    list_select_related = ["deputy", "structure", "named_by"]
    search_fields = ["deputy__email", "deputy__last_name", "structure__legal_name", "structure__identifier"]

    def view_on_site(self, obj):
        return reverse("attachments:deputy", args=[obj.structure_id])
