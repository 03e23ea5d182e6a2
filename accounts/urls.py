from django.urls import path

from accounts.views import addresses, doors, openid, own, second_factor, second_step

app_name = "accounts"
SECOND = "mon-compte/double-authentification"
urlpatterns = [
    path("connexion/", doors.log_in, name="login"),
    path("connexion/code/", second_step.second_step, name="second_step"),
    path("connexion/code/courriel/", second_step.mail_code, name="mail_code"),
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
    path(f"{SECOND}/", second_factor.second_factor, name="second_factor"),
    path(f"{SECOND}/application/", second_factor.add_totp, name="add_totp"),
    path(f"{SECOND}/courriel/", second_factor.turn_on_email_code, name="turn_on_email_code"),
    path(f"{SECOND}/cle/", second_factor.add_passkey, name="add_passkey"),
    path(f"{SECOND}/cle/<int:pk>/retirer/", second_factor.remove_passkey, name="remove_passkey"),
    path(f"{SECOND}/retirer/<str:way>/", second_factor.remove_factor, name="remove_factor"),
    path(f"{SECOND}/codes/", second_factor.renew_recovery_codes, name="renew_recovery_codes"),
    path(f"{SECOND}/codes/nouveaux/", second_factor.new_recovery_codes, name="new_recovery_codes"),
    path(f"{SECOND}/desactiver/", second_factor.turn_off_second_factor, name="turn_off_second_factor"),
]
