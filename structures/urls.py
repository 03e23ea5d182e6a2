from django.urls import path

from structures.views import bank_accounts, search, services, structures

app_name = "structures"
urlpatterns = [
    path("structures/", search.search, name="search"),
    path("structures/export.<kind:kind>", search.export, name="export"),
    path("annuaire/<int:pk>/", search.directory_entry, name="directory_entry"),
    path("structures/gerees/", structures.my_structures, name="my_structures"),
    path("structures/gerees/export.<kind:kind>", structures.export_my_structures, name="export_my_structures"),
    path("structures/nouvelle/", structures.create_structure, name="create_structure"),
    path("structures/<int:pk>/", structures.structure, name="structure"),
    path("structures/<int:pk>/modifier/", structures.change_structure, name="change_structure"),
    path("structures/<int:pk>/desactiver/", structures.deactivate_structure, name="deactivate_structure"),
    path("structures/<int:pk>/activer/", structures.activate_structure, name="activate_structure"),
    path("structures/<int:pk>/annuaire/", structures.update_from_directory, name="update_from_directory"),
    path("structures/<int:pk>/identifiant/", structures.change_identifier, name="change_identifier"),
    path("structures/<int:pk>/services/", services.services, name="services"),
    path("structures/<int:pk>/services/export.<kind:kind>", services.export_services, name="export_services"),
    path("structures/<int:pk>/services/nouveau/", services.create_service, name="create_service"),
    path("services/", services.my_services, name="my_services"),
    path("services/export.<kind:kind>", services.export_my_services, name="export_my_services"),
    path("services/nouveau/", services.choose_structure_for_service, name="choose_structure_for_service"),
    path("services/<int:pk>/", services.service, name="service"),
    path("services/<int:pk>/modifier/", services.change_service, name="change_service"),
    path("services/<int:pk>/desactiver/", services.deactivate_service, name="deactivate_service"),
    path("services/<int:pk>/activer/", services.activate_service, name="activate_service"),
    path("structures/<int:pk>/coordonnees-bancaires/", bank_accounts.bank_accounts, name="bank_accounts"),
    path(
        "structures/<int:pk>/coordonnees-bancaires/export.<kind:kind>",
        bank_accounts.export_bank_accounts,
        name="export_bank_accounts",
    ),
    path(
        "structures/<int:pk>/coordonnees-bancaires/nouvelle/",
        bank_accounts.create_bank_account,
        name="create_bank_account",
    ),
    path("coordonnees-bancaires/", bank_accounts.my_bank_accounts, name="my_bank_accounts"),
    path(
        "coordonnees-bancaires/export.<kind:kind>",
        bank_accounts.export_my_bank_accounts,
        name="export_my_bank_accounts",
    ),
    path(
        "coordonnees-bancaires/nouvelle/",
        bank_accounts.choose_structure_for_bank_account,
        name="choose_structure_for_bank_account",
    ),
    path("coordonnees-bancaires/<int:pk>/", bank_accounts.bank_account, name="bank_account"),
    path("coordonnees-bancaires/<int:pk>/modifier/", bank_accounts.change_bank_account, name="change_bank_account"),
    path(
        "coordonnees-bancaires/<int:pk>/desactiver/",
        bank_accounts.deactivate_bank_account,
        name="deactivate_bank_account",
    ),
    path("coordonnees-bancaires/<int:pk>/activer/", bank_accounts.activate_bank_account, name="activate_bank_account"),
]
