from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("connexion/", views.log_in, name="login"),
    path("deconnexion/", views.log_out, name="logout"),
    path("activation/", views.resend_activation, name="resend_activation"),
    path("activation/<str:token>/", views.activate, name="activate"),
    path("contact/<str:token>/", views.confirm_contact, name="confirm_contact"),
    path("mot-de-passe/", views.forgotten_password, name="forgotten_password"),
    path("mot-de-passe/<str:token>/", views.reset, name="reset"),
]
