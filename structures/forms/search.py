import re

from django import forms

from directory.identifiers import identifier_key
from structures.search import ORDERS, TOO_WIDE, Criteria

NOTHING_ASKED = "Écrivez au moins trois lettres d'un nom, un identifiant ou un code postal."


class SearchForm(forms.Form):
    """« Rechercher » a structure: one box for what people have at hand, or field by field; and the order of the
    answer. What is asked is in `criteria`."""

    q = forms.CharField(label="Raison sociale, identifiant ou code postal", max_length=250, required=False)
    legal_name = forms.CharField(
        label="Raison sociale", max_length=250, required=False, help_text="Un ou plusieurs mots, ou boulang*."
    )
    label = forms.CharField(label="Libellé", max_length=250, required=False, help_text="Nom d'usage, s'il diffère.")
    identifier = forms.CharField(
        label="Identifiant", max_length=80, required=False, help_text="SIRET, SIREN, ou leur début."
    )
    postcode = forms.CharField(label="Code postal", max_length=10, required=False, help_text="Ou son début.")
    city = forms.CharField(label="Ville", max_length=100, required=False, help_text="Ou son début.")
    order = forms.ChoiceField(choices=[(name, name) for name in ORDERS], required=False, widget=forms.HiddenInput)
    descending = forms.BooleanField(required=False, widget=forms.HiddenInput)

    CRITERIA = ("legal_name", "label", "identifier", "postcode", "city")

    def __init__(self, data):
        super().__init__(data)
        for name, width in (("identifier", "identifier"), ("postcode", "postcode"), ("city", "name")):
            self.fields[name].widget.attrs["class"] = f"width-{width}"

    def clean(self):
        super().clean()
        fields = {name: self.cleaned_data.get(name, "") for name in self.CRITERIA}
        name, typed = field_of(self.cleaned_data.get("q", ""))
        if typed and fields[name] and name != "legal_name":
            self.add_error(
                "q", f"Le champ « {self.fields[name].label} », plus bas, dit autre chose : videz l'un des deux."
            )
        elif typed:
            fields[name] = f"{typed} {fields[name]}".strip()
        self.criteria = Criteria.typed(**fields)
        if self.errors:
            return self.cleaned_data
        if self.criteria.is_empty and self._was_sent:
            self.add_error("q", NOTHING_ASKED)
        elif not self.criteria.is_empty and not self.criteria.is_narrow:
            self.add_error("q", TOO_WIDE)
        return self.cleaned_data

    @property
    def _was_sent(self):
        return any(name in self.data for name in ("q", *self.CRITERIA))

    @property
    def asks_something(self):
        return self.is_valid() and not self.criteria.is_empty

    @property
    def options(self):
        """How `find` and `everything` order the answer."""
        order = self.cleaned_data["order"] or self.criteria.natural_order
        return {"order": order, "descending": self.cleaned_data["descending"]}

    @property
    def is_precise(self):
        """Whether one of the five criteria is used."""
        return any(self.data.get(name) for name in self.CRITERIA) or any(name in self.errors for name in self.CRITERIA)

    @property
    def criterion_fields(self):
        return [self[name] for name in self.CRITERIA]


def field_of(typed):
    """(criterion, value) that the one box stands for: five digits are a postcode, other digits an identifier, words a
    name; `*` goes with any."""
    typed = typed.strip()
    if re.search(r"\d", typed) and re.fullmatch(r"[\d*]+", identifier_key(typed), re.ASCII):
        return ("postcode" if re.fullmatch(r"\d{5}", identifier_key(typed)) else "identifier"), typed
    return "legal_name", typed
