from django.urls import path, register_converter
from django.urls.converters import StringConverter

from attachments import views
from plumbing.references import LENGTH


class ReferenceConverter(StringConverter):
    regex = f"[0-9]{{{LENGTH}}}"


register_converter(ReferenceConverter, "reference")

app_name = "attachments"
urlpatterns = [
    path("activites/", views.activities, name="activities"),
    path("demandes/", views.pending_requests, name="pending_requests"),
    path("demandes/export.<kind:kind>", views.export_requests, name="export_requests"),
    path("demandes/validation/", views.approve_together, name="approve_together"),
    path("demandes/refus/", views.refuse_together, name="refuse_together"),
    path("demandes/resultat/", views.decided_together, name="decided_together"),
    path("demandes/<reference:reference>/", views.decide_request, name="decide_request"),
    path("demandes/<reference:reference>/refus/", views.refuse_request, name="refuse_request"),
    path("structures/<int:pk>/rattachement/", views.request_attachment, name="request_attachment"),
    path("structures/<int:pk>/personnes/", views.people, name="people"),
    path("structures/<int:pk>/personnes/export.<kind:kind>", views.export_people, name="export_people"),
    path("structures/<int:pk>/personnes/rattacher/", views.attach_person, name="attach_person"),
    path("structures/<int:pk>/personnes/nouveau/", views.create_account, name="create_account"),
    path("structures/<int:pk>/personnes/<int:place_pk>/", views.person, name="person"),
    path("structures/<int:pk>/personnes/<int:place_pk>/modifier/", views.change_person, name="change_person"),
    path("structures/<int:pk>/personnes/<int:place_pk>/detacher/", views.detach_person, name="detach_person"),
    path("structures/<int:pk>/personnes/<int:place_pk>/renvoi/", views.resend_activation, name="resend_activation"),
    path("structures/<int:pk>/personnes/<int:place_pk>/dupliquer/", views.duplicate_rights, name="duplicate_rights"),
    path("structures/<int:pk>/fichier/", views.import_people, name="import_people"),
    path("structures/<int:pk>/fichier/modele.csv", views.people_model, name="download_people_model"),
    path("structures/<int:pk>/fichier/resultat/", views.file_applied, name="file_applied"),
    path("structures/<int:pk>/fichier/a-corriger.csv", views.left_lines, name="download_left_lines"),
    path("personnes/", views.find_people, name="find_people"),
    path("personnes/export.<kind:kind>", views.export_found, name="export_found"),
    path("personnes/renvoi/", views.resend_activations, name="resend_activations"),
    path("personnes/rattacher/", views.choose_structure_to_attach, name="choose_structure_to_attach"),
    path("personnes/nouveau/", views.choose_structure_for_account, name="choose_structure_for_account"),
    path("structures/<int:pk>/droits/", views.secondary_rights, name="secondary_rights"),
    path("structures/<int:pk>/droits/<int:place_pk>/", views.personal_rights, name="personal_rights"),
    path("structures/<int:pk>/suppleance/", views.deputy, name="deputy"),
    path("structures/<int:pk>/suppleance/fin/", views.end_deputy, name="end_deputy"),
    path("rattachements/<int:pk>/prolonger/", views.extend, name="extend"),
    path("transmissions/<reference:reference>/", views.handover, name="handover"),
    path("transmissions/<reference:reference>/annulation/", views.cancel_handover, name="cancel_handover"),
    path("transmissions/<reference:reference>/contestation/", views.undo_transfer, name="undo_transfer"),
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
    path("mes-rattachements/succession/choix/", views.choose_successor, name="choose_successor"),
    path("mes-rattachements/succession/confirmation/", views.confirm_succession, name="confirm_succession"),
    path("mes-rattachements/demandes/<reference:reference>/retrait/", views.withdraw_request, name="withdraw_request"),
]
