from directory.identifiers import identifier_key
from plumbing.admin import LargeTableAdmin, spaced
from plumbing.text import search_key


class EstablishmentAdmin(LargeTableAdmin):
    """Searched by number or by the beginning of the name, each from its index."""

    list_display = ["legal_name", "label", spaced("identifier", "identifiant"), "nature", "city"]
    # What is searched is said by get_search_results; Django offers a search only where this is not empty.
    search_fields = ["identifier", "legal_name"]
    search_help_text = (
        "Le SIRET ou ses premiers chiffres, ou le début de la raison sociale. "
        "La liste s'arrête à 10 000 réponses. Pour un mot au milieu du nom, une ville ou un code postal, "
        "passez par « Rechercher une structure » sur le portail."
    )

    def get_search_results(self, request, queryset, search_term):
        number, name = identifier_key(search_term), search_key(search_term)
        if not name:
            return queryset, False
        if number.isdecimal():
            return queryset.filter(identifier__startswith=number).order_by("identifier", "identifier_type"), False
        exact = queryset.filter(identifier=number)
        if any(c.isdecimal() for c in number) and exact.exists():
            return exact, False
        return self.named(queryset, name).order_by("legal_name_key", "id"), False

    def named(self, queryset, name):
        """Those whose name begins with the search key `name`."""
        return queryset.filter(legal_name_key__startswith=name)
