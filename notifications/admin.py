from django.contrib import admin

from notifications.actions import retry_mail
from notifications.models import OutgoingMail
from plumbing.admin import SupportAdmin, badge, moment


@admin.register(OutgoingMail)
class OutgoingMailAdmin(SupportAdmin):
    """Support sees whether a mail left, never what it said: it may hold a link that opens an account."""

    purpose = "Ce qui est parti, attend ou a été refusé ; renvoyer un courriel refusé."
    list_display = [
        moment(OutgoingMail, "created_at"),
        "to",
        "subject",
        badge(OutgoingMail, "state"),
        "error",
    ]
    list_filter = ["state"]
    search_fields = ["to", "reference", "subject"]
    exclude = ["message", "slug"]
    actions = ["send_again"]

    @admin.action(description="Renvoyer les courriels refusés")
    def send_again(self, request, mails):
        self.perform_each(
            request, mails, lambda mail: retry_mail(mail.pk, actor=request.user), "Courriels remis en file"
        )
