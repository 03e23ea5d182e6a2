from django import forms
from django.core.exceptions import ValidationError

from structures.search import ORDERS, TOO_WIDE, Criteria


class SearchForm(forms.Form):
    """« Rechercher » a structure: what is known of it, and the order of the answer. What is asked is in `criteria`."""

    legal_name = forms.CharField(
        label="Raison sociale",
        max_length=250,
        required=False,
        help_text="Un ou plusieurs mots, ou un SIRET. L'étoile * remplace n'importe quelle suite : boulang*.",
    )
    identifier = forms.CharField(
        label="Identifiant", max_length=80, required=False, help_text="SIRET, SIREN, ou leur début."
    )
    label = forms.CharField(label="Libellé", max_length=250, required=False)
    postcode = forms.CharField(label="Code postal", max_length=10, required=False)
    city = forms.CharField(label="Ville", max_length=100, required=False)
    order = forms.ChoiceField(choices=[(name, name) for name in ORDERS], required=False, widget=forms.HiddenInput)
    descending = forms.BooleanField(required=False, widget=forms.HiddenInput)

    CRITERIA = ("legal_name", "identifier", "label", "postcode", "city")

    def clean(self):
        super().clean()
        self.criteria = Criteria.typed(**{name: self.cleaned_data.get(name, "") for name in self.CRITERIA})
        if not self.errors and not self.criteria.is_empty and not self.criteria.is_narrow:
            raise ValidationError(TOO_WIDE, code="too_wide")
        return self.cleaned_data

    @property
    def asks_something(self):
        return self.is_valid() and not self.criteria.is_empty

    @property
    def options(self):
        """How `find` and `everything` order the answer."""
        order = self.cleaned_data["order"] or self.criteria.natural_order
        return {"order": order, "descending": self.cleaned_data["descending"]}
