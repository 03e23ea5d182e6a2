from django.urls import path

from accounts.views import addresses, doors, openid, own

app_name = "accounts"
urlpatterns = [
    path("connexion/", doors.log_in, name="login"),
    path("connexion/fournisseur/", openid.start, name="oidc_start"),
    path("connexion/fournisseur/retour/", openid.callback, name="oidc_callback"),
    path("deconnexion/", doors.log_out, name="logout"),
    path("activation/", doors.resend_activation, name="resend_activation"),
    path("activation/<str:token>/", doors.activate, name="activate"),
    path("contact/<str:token>/", addresses.confirm_contact, name="confirm_contact"),
    path("adresse/<str:token>/", addresses.confirm_address, name="confirm_address"),
    path("adresse-precedente/<str:token>/", addresses.restore_address, name="restore_address"),
    path("mot-de-passe/", doors.forgotten_password, name="forgotten_password"),
    path("mot-de-passe/<str:token>/", doors.reset, name="reset"),
    path("mon-compte/informations/", own.change_general, name="change_general"),
    path("mon-compte/adresse-postale/", own.change_postal_address, name="change_postal_address"),
    path("mon-compte/adresse-de-contact/", own.change_contact, name="change_contact"),
    path("mon-compte/adresse-de-contact/lien/", own.resend_contact_confirmation, name="resend_contact_confirmation"),
    path("mon-compte/parametres/", own.change_parameters, name="change_parameters"),
    path("mon-compte/mot-de-passe/", own.change_password, name="change_password"),
    path("mon-compte/question-secrete/", own.change_secret_question, name="change_secret_question"),
    path("mon-compte/adresse-de-connexion/", addresses.change_login_address, name="change_login_address"),
    path("mon-compte/adresse-de-connexion/abandon/", addresses.cancel_address_request, name="cancel_address_request"),
    path("mon-compte/delier/", openid.unlink, name="unlink_identity"),
    path("mon-compte/sessions/", own.sessions, name="sessions"),
    path("mon-compte/sessions/fermer-les-autres/", own.end_other_sessions, name="end_other_sessions"),
    path("mon-compte/sessions/<int:pk>/fermer/", own.end_session, name="end_session"),
]
