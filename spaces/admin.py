from django.contrib import admin

from plumbing.admin import ActionAdmin
from spaces import actions
from spaces.models import Space


@admin.register(Space)
class SpaceAdmin(ActionAdmin):
    purpose = "Ce que les utilisateurs peuvent faire, et qui le reçoit par défaut"
    adding = "Ajouter un espace"
    editable = Space.EDITABLE
    list_display = ("label", "code", "principal", "secondary", "simple", "public_only", "is_free")

    def has_add_permission(self, request):
        return self.has_module_permission(request)

    def add_row(self, request, values):
        return actions.create_space(actor=request.user, values={name: values[name] for name in Space.EDITABLE})

    def change_row(self, request, row, values):
        actions.change_space(row.pk, actor=request.user, values=values)
