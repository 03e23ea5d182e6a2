from django import forms

from plumbing.validators import validate_plain_line
from structures.forms.parts import PartForm
from structures.models import Service


def date_input():
    # Browsers read and send ISO dates, whatever they show.
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class ServiceForm(PartForm):
    """« Créer un service », « Modifier ». Only public structures ask for commitment numbers."""

    PAIRED = ("valid_from", "valid_until")
    WIDTHS = {"code": "name", "valid_from": "date", "valid_until": "date"}
    REQUIRED = {
        "label": "Donnez un nom au service, « Intendance » par exemple.",
        "code": "Donnez un code au service, INTENDANCE par exemple.",
        "valid_from": "Choisissez la date de début.",
    }

    class Meta:
        model = Service
        fields = ["label", "code", "description", "valid_from", "valid_until", "requires_commitment"]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "valid_from": date_input(),
            "valid_until": date_input(),
        }
        help_texts = {
            "code": "Vos fournisseurs l'écrivent sur leurs factures. Un seul service de la structure peut le porter.",
            "description": "À quoi sert ce service, pour qui doit le choisir dans une liste.",
            "valid_until": "Dernier jour où le service peut être choisi. Laissez vide s'il n'a pas de fin prévue.",
        }

    def __init__(self, structure, data=None, *, part=None):
        super().__init__(structure, data, part=part)
        for name in self.PAIRED:
            self.fields[name].error_messages["invalid"] = "Écrivez une date qui existe, 01/09/2026 par exemple."
        for name in ("label", "code"):
            self.fields[name].validators.append(validate_plain_line)
        if not structure.is_public:
            del self.fields["requires_commitment"]

    def clean(self):
        super().clean()
        begins, ends = self.cleaned_data.get("valid_from"), self.cleaned_data.get("valid_until")
        if begins and ends and ends < begins:
            self.add_error("valid_until", "La date de fin précède la date de début.")
        return self.cleaned_data
