from django.urls import path

from structures.views import search, structures

app_name = "structures"
urlpatterns = [
    path("structures/", search.search, name="search"),
    path("structures/export.csv", search.export, name="export"),
    path("annuaire/<int:pk>/", search.directory_entry, name="directory_entry"),
    path("structures/gerees/", structures.my_structures, name="my_structures"),
    path("structures/nouvelle/", structures.create_structure, name="create_structure"),
    path("structures/<int:pk>/", structures.structure, name="structure"),
    path("structures/<int:pk>/modifier/", structures.change_structure, name="change_structure"),
    path("structures/<int:pk>/desactiver/", structures.deactivate_structure, name="deactivate_structure"),
    path("structures/<int:pk>/activer/", structures.activate_structure, name="activate_structure"),
    path("structures/<int:pk>/annuaire/", structures.update_from_directory, name="update_from_directory"),
    path("structures/<int:pk>/identifiant/", structures.change_identifier, name="change_identifier"),
]
