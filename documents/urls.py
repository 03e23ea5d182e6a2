from django.urls import path

from documents import views

app_name = "documents"
urlpatterns = [
    path("mes-pieces-jointes/", views.documents, name="documents"),
    path("mes-pieces-jointes/export.<kind:kind>", views.export_list, name="export_list"),
    path("mes-pieces-jointes/ajouter/", views.add, name="add"),
    path("mes-pieces-jointes/cochees.zip", views.download_ticked, name="download_ticked"),
    path("mes-pieces-jointes/supprimer/", views.delete_ticked, name="delete_ticked"),
    path("mes-pieces-jointes/<int:pk>/telecharger/", views.download, name="download"),
    path("mes-pieces-jointes/<int:pk>/modifier/", views.change, name="change"),
    path("mes-pieces-jointes/<int:pk>/supprimer/", views.delete, name="delete"),
]
