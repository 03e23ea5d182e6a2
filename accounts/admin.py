from django.contrib import admin

from accounts.actions import resend_activation
from accounts.models import User
from plumbing.admin import SupportAdmin


@admin.register(User)
class UserAdmin(SupportAdmin):
    list_display = ["email", "last_name", "first_name", "state", "reference", "created_at", "is_staff"]
    list_filter = ["state", "is_staff", "identity_from_pigp"]
    search_fields = ["email", "last_name", "first_name", "reference"]
    exclude = ["password", "secret_answer", "groups", "user_permissions", "link_version"]
    editable = ("first_name", "last_name", "phone", "contact_email", "identity_from_pigp")
    actions = ["send_activation_again"]

    def has_change_permission(self, request, obj=None):
        """Only a superuser touches a superuser: a contact address is enough to take an account over."""
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def get_readonly_fields(self, request, obj=None):
        hidden = {*self.exclude}
        rights = {"is_staff", "is_superuser"} if request.user.is_superuser else set()
        return [name for name in super().get_readonly_fields(request, obj) if name not in hidden | rights]

    @admin.action(description="Renvoyer le lien d'activation")
    def send_activation_again(self, request, users):
        self.perform_each(
            request, users, lambda user: resend_activation(user.pk, actor=request.user), "Liens d'activation renvoyés"
        )
