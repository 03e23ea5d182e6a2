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
    path("activites/abonnements/", views.subscription_requests, name="subscription_requests"),
    path(
        "activites/abonnements/export.<kind:kind>",
        views.export_subscription_requests,
        name="export_subscription_requests",
    ),
    path("activites/abonnements/validation/", views.approve_subscriptions, name="approve_subscriptions"),
    path("activites/abonnements/refus/", views.refuse_subscriptions, name="refuse_subscriptions"),
    path("activites/abonnements/resultat/", views.decided_subscriptions, name="decided_subscriptions"),
    path("activites/abonnements/<reference:reference>/", views.decide_subscriptions, name="decide_subscriptions"),
    path("activites/abonnements/<reference:reference>/refus/", views.refuse_subscription, name="refuse_subscription"),
    path("structures/<int:pk>/espaces/", views.structure_spaces, name="structure_spaces"),
    path("structures/<int:pk>/espaces/personnes/", views.space_matrix, name="space_matrix"),
    path("structures/<int:pk>/espaces/personnes/export.<kind:kind>", views.export_matrix, name="export_matrix"),
    path("structures/<int:pk>/espaces/personnes/modifier/", views.change_matrix, name="change_matrix"),
    path("structures/<int:pk>/espaces/<slug:code>/ouvrir/", views.open_space, name="open_space"),
    path("structures/<int:pk>/espaces/<slug:code>/fermer/", views.close_space, name="close_space"),
]
