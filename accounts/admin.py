from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import date_format

from accounts.actions import (
    change_account,
    change_rights,
    deactivate_account,
    reactivate_account,
    remove_second_factor,
    resend_activation,
)
from accounts.forms.second_factor import ReasonForm
from accounts.models import LinkRequest, User
from plumbing.admin import ActionAdmin, SupportAdmin, TriedFilter, badge, moment, spaced
from plumbing.errors import ActionError
from plumbing.facts import sentence
from plumbing.templatetags.components import status_badge

RIGHTS = ("is_staff", "is_superuser")


class FromPigpFilter(admin.BooleanFieldListFilter):
    """In a list nothing else says what these four letters are."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.title = "identité tenue par le Portail de gestion publique (PIGP)"


class OverdueFilter(admin.SimpleListFilter):
    """Accounts that should have been closed, and were not."""

    title = "clôture"
    parameter_name = "closing"

    def lookups(self, request, model_admin):
        return [("late", "En retard")]

    def queryset(self, request, queryset):
        return queryset.overdue() if self.value() == "late" else queryset


@admin.register(User)
class UserAdmin(ActionAdmin):
    purpose = "Chercher une personne, corriger ses coordonnées, désactiver ou réactiver son compte."
    list_display = [
        "login",
        "last_name",
        "first_name",
        badge(User, "state"),
        spaced("reference", "dossier n°"),
        moment(User, "created_at"),
        "is_staff",
    ]
    list_filter = ["state", OverdueFilter, "is_staff", ("identity_from_pigp", FromPigpFilter)]
    search_fields = ["email", "last_name", "first_name", "reference"]
    exclude = ["password", "secret_answer", "groups", "user_permissions", "link_version", "reference", "state"]
    readonly_fields = ["standing", "spaced_reference", "second_factor"]
    editable = ("first_name", "last_name", "phone", "contact_email", "identity_from_pigp")
    actions = ["send_activation_again", "deactivate", "reactivate", "remove_second_factor"]

    def has_change_permission(self, request, obj=None):
        """Only a superuser touches a superuser: a contact address is enough to take an account over."""
        return super().has_change_permission(request, obj) and not self._stands_out(request, obj)

    def _stands_out(self, request, user):
        """Why `user` is not for whoever asks to change; nothing when they are."""
        if user is not None and user.is_superuser and not request.user.is_superuser:
            return "seul un super-utilisateur agit sur un super-utilisateur."
        if user is not None and user.anonymised_at:
            return "ce compte est anonymisé : rien ne dit plus à qui il était. La personne peut s'inscrire."
        return ""

    def get_readonly_fields(self, request, obj=None):
        """A superuser types over rights; others are not shown what they cannot read as a fact."""
        names = super().get_readonly_fields(request, obj)
        hidden = RIGHTS if request.user.is_superuser else ["is_superuser"]
        return [*self.readonly_fields, *(name for name in names if name not in (*hidden, *self.readonly_fields))]

    def get_exclude(self, request, obj=None):
        return [*self.exclude, *(() if request.user.is_superuser else ["is_superuser"])]

    def formfield_for_dbfield(self, db_field, request, **kwargs):
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "is_superuser":
            field.label = "Donne et retire les droits d'assistance"
            field.help_text = "Un super-utilisateur : lui seul agit sur les comptes de ses pairs."
        if db_field.name == "identity_from_pigp":
            field.help_text = "Portail de gestion publique : il tient le nom et l'adresse de cette personne."
        return field

    @admin.display(description="adresse de connexion", ordering="email")
    def login(self, user):
        return user.known_email or user.ANONYMOUS

    @admin.display(description="statut")
    def standing(self, user):
        return status_badge(user.state, user.get_state_display())

    @admin.display(description="dossier n°")
    def spaced_reference(self, user):
        return user.spaced_reference

    @admin.display(description="double authentification")
    def second_factor(self, user):
        since = user.second_factor_since
        return f"Depuis le {date_format(timezone.localtime(since), 'j F Y')}" if since else "Aucune"

    def change_row(self, request, user, values):
        rights = {name: values.pop(name) for name in RIGHTS if name in values}
        if rights:
            change_rights(user.pk, actor=request.user, rights=rights)
        change_account(user.pk, actor=request.user, values=values)

    @admin.action(description="Renvoyer le lien d'activation")
    def send_activation_again(self, request, users):
        self._each(request, users, resend_activation, "Liens d'activation renvoyés")

    @admin.action(description="Désactiver les comptes (leurs titulaires peuvent les réactiver)")
    def deactivate(self, request, users):
        if users.filter(pk=request.user.pk).exists():
            self.message_user(request, "Votre propre compte est coché : décochez-le.", messages.ERROR)
            return
        self._each(request, users, deactivate_account, "Comptes désactivés")

    @admin.action(description="Réactiver les comptes (envoie un lien d'activation)")
    def reactivate(self, request, users):
        self._each(request, users, reactivate_account, "Comptes réactivés")

    @admin.action(description="Retirer la double authentification")
    def remove_second_factor(self, request, users):
        """For who lost it: asks first why, which the history keeps."""
        form = ReasonForm(request.POST if "post" in request.POST else None)
        if form.is_valid():

            def remove(user_id, *, actor):
                remove_second_factor(user_id, actor=actor, reason=form.cleaned_data["reason"])

            self._each(request, users, remove, "Doubles authentifications retirées")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Retirer la double authentification",
            "opts": self.opts,
            "queryset": users,
            "form": form,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return render(request, "admin/remove_second_factor.html", context, status=422 if form.is_bound else 200)

    def _each(self, request, users, action, done):
        def act(user):
            if why := self._stands_out(request, user):
                raise ActionError("not_for_them", why)
            for fact in action(user.pk, actor=request.user) or ():
                self.message_user(request, f"{user} : {sentence(fact)}")

        self.perform_each(request, users, act, done)


@admin.register(LinkRequest)
class LinkRequestAdmin(SupportAdmin):
    """Links visitors asked for and a worker has not mailed yet: one that stays, with an error, is a fault to report."""

    purpose = "Liens d'activation ou de nouveau mot de passe demandés, pas encore envoyés."
    list_display = ["asked", moment(LinkRequest, "created_at"), "attempts", moment(LinkRequest, "next_try_at"), "error"]
    list_filter = ["purpose", TriedFilter]
    exclude = ["email"]

    def row_title(self, row):
        return f"Lien demandé : {row}"

    @admin.display(description="lien demandé", ordering="purpose")
    def asked(self, link_request):
        return link_request.get_purpose_display()


class AccessAttemptAdmin(SupportAdmin):
    """Failed logins, of django-axes. Registered in chorus/urls.py, after the pages of that package."""

    purpose = "Adresses avec lesquelles des mots de passe faux ont été essayés."
    list_title = "Connexions refusées"
    list_display = ["when", "address", "network", "count"]
    search_fields = ["username", "ip_address"]
    fields = readonly_fields = ["when", "address", "network", "count", "browser"]

    def row_title(self, row):
        return f"Connexions refusées : {row.username}"

    @admin.display(description="première fois", ordering="attempt_time")
    def when(self, attempt):
        return attempt.attempt_time

    @admin.display(description="adresse de connexion essayée", ordering="username")
    def address(self, attempt):
        return attempt.username

    @admin.display(description="adresse du réseau", ordering="ip_address")
    def network(self, attempt):
        return attempt.ip_address

    @admin.display(description="essais", ordering="failures_since_start")
    def count(self, attempt):
        return attempt.failures_since_start

    @admin.display(description="navigateur")
    def browser(self, attempt):
        return attempt.user_agent

    def has_module_permission(self, request):
        return super().has_module_permission(request) and request.user.is_superuser
