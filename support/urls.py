from django.urls import path

from support.views import asking, claims, visitors

app_name = "support"
urlpatterns = [
    path("sollicitations/", asking.tickets, name="tickets"),
    path("sollicitations/saisir/", asking.choose, name="choose"),
    path("sollicitations/saisir/<slug:category>/", asking.write, name="write"),
    path("sollicitations/reactivation/", visitors.reactivation, name="reactivation"),
    path("sollicitations/suivi/<str:token>/", visitors.follow, name="follow"),
    path("sollicitations/fichiers/<int:pk>/", asking.download_file, name="download_file"),
    path("sollicitations/fichiers/<int:pk>/retirer/", asking.remove_file, name="remove_file"),
    path("sollicitations/<str:reference>/", asking.ticket, name="ticket"),
    path("sollicitations/<str:reference>/clore/", asking.close, name="close"),
    path("sollicitations/<str:reference>/supprimer/", asking.delete_draft, name="delete_draft"),
    path("sollicitations/<str:reference>/attestation/", claims.deposit, name="deposit"),
    path("sollicitations/<str:reference>/opposition/", claims.object_to, name="object"),
]
