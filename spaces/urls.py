from django.urls import path

from spaces import views

app_name = "spaces"

urlpatterns = [
    path("mes-abonnements/", views.my_subscriptions, name="my_subscriptions"),
    path("mes-abonnements/export.<kind:kind>", views.export_my_subscriptions, name="export_my_subscriptions"),
    path("mes-abonnements/ajouter/", views.add_subscription, name="add_subscription"),
    path("mes-abonnements/suppression/", views.end_subscriptions, name="end_subscriptions"),
    path("espaces/<slug:code>/", views.space_page, name="space"),
    path("espaces/<slug:code>/demander/", views.ask_space, name="ask_space"),
]
