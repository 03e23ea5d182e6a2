from django.urls import path, register_converter
from django.urls.converters import StringConverter

from attachments import views
from plumbing.references import LENGTH


class ReferenceConverter(StringConverter):
    regex = f"[0-9]{{{LENGTH}}}"


register_converter(ReferenceConverter, "reference")

app_name = "attachments"
urlpatterns = [
    path("demandes/", views.pending_requests, name="pending_requests"),
    path("demandes/export.<kind:kind>", views.export_requests, name="export_requests"),
    path("demandes/<reference:reference>/", views.decide_request, name="decide_request"),
    path("demandes/<reference:reference>/refus/", views.refuse_request, name="refuse_request"),
    path("structures/<int:pk>/rattachement/", views.request_attachment, name="request_attachment"),
    path("historique/", views.history, name="history"),
    path("historique/export.<kind:kind>", views.export_history, name="export_history"),
    path("historique/<int:pk>/", views.history_entry, name="history_entry"),
    path("structures/<int:pk>/historique/", views.structure_history, name="structure_history"),
    path(
        "structures/<int:pk>/historique/export.<kind:kind>",
        views.export_structure_history,
        name="export_structure_history",
    ),
    path("mes-rattachements/", views.my_attachments, name="my_attachments"),
    path("mes-rattachements/export.<kind:kind>", views.export_my_attachments, name="export_my_attachments"),
    path("mes-rattachements/suppression/", views.leave_structures, name="leave_structures"),
    path("mes-rattachements/succession/", views.succession, name="succession"),
    path("mes-rattachements/demandes/<reference:reference>/retrait/", views.withdraw_request, name="withdraw_request"),
]
