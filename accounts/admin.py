from django.contrib import admin, messages

from accounts.actions import (
    change_account,
    change_rights,
    deactivate_account,
    reactivate_account,
    resend_activation,
)
from accounts.models import LinkRequest, User
from plumbing.admin import ActionAdmin, SupportAdmin
from plumbing.errors import ActionError
from plumbing.facts import sentence

RIGHTS = ("is_staff", "is_superuser")


@admin.register(User)
class UserAdmin(ActionAdmin):
    list_display = ["email", "last_name", "first_name", "state", "reference", "created_at", "is_staff"]
    list_filter = ["state", "is_staff", "identity_from_pigp"]
    search_fields = ["email", "last_name", "first_name", "reference"]
    exclude = ["password", "secret_answer", "groups", "user_permissions", "link_version"]
    editable = ("first_name", "last_name", "phone", "contact_email", "identity_from_pigp")
    actions = ["send_activation_again", "deactivate", "reactivate"]

    def has_change_permission(self, request, obj=None):
        """Only a superuser touches a superuser: a contact address is enough to take an account over."""
        above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return super().has_change_permission(request, obj) and not above

    def get_readonly_fields(self, request, obj=None):
        rights = RIGHTS if request.user.is_superuser else ()
        return [name for name in super().get_readonly_fields(request, obj) if name not in rights]

    def change_row(self, request, user, values):
        rights = {name: values.pop(name) for name in RIGHTS if name in values}
        if rights:
            change_rights(user.pk, actor=request.user, rights=rights)
        change_account(user.pk, actor=request.user, values=values)

    @admin.action(description="Renvoyer le lien d'activation")
    def send_activation_again(self, request, users):
        self._each(request, users, resend_activation, "Liens d'activation renvoyés")

    @admin.action(description="Désactiver les comptes")
    def deactivate(self, request, users):
        if users.filter(pk=request.user.pk).exists():
            self.message_user(request, "Votre propre compte est coché : décochez-le.", messages.ERROR)
            return
        self._each(request, users, deactivate_account, "Comptes désactivés")

    @admin.action(description="Réactiver les comptes (envoie un lien d'activation)")
    def reactivate(self, request, users):
        self._each(request, users, reactivate_account, "Comptes réactivés")

    def _each(self, request, users, action, done):
        def act(user):
            if not self.has_change_permission(request, user):
                raise ActionError("above", "seul un super-utilisateur agit sur un super-utilisateur.")
            for fact in action(user.pk, actor=request.user) or ():
                self.message_user(request, f"{user} : {sentence(fact)}")

        self.perform_each(request, users, act, done)


@admin.register(LinkRequest)
class LinkRequestAdmin(SupportAdmin):
    """Links visitors asked for and a worker has not mailed yet: one that stays, with an error, is a fault to report."""

    list_display = ["purpose", "created_at", "attempts", "next_try_at", "error"]
    list_filter = ["purpose"]
    exclude = ["email"]


class AccessAttemptAdmin(SupportAdmin):
    """Failed logins, of django-axes. Registered in chorus/urls.py, after the pages of that package."""

    list_display = ["attempt_time", "username", "ip_address", "failures_since_start"]
    search_fields = ["username", "ip_address"]
    exclude = ["get_data", "post_data"]

    def has_module_permission(self, request):
        return super().has_module_permission(request) and request.user.is_superuser
