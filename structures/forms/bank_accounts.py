from django import forms
from django.core.exceptions import ValidationError

from plumbing.validators import validate_plain_line
from structures.bank_identifiers import bank_name, clean_bic, clean_iban, compact, find_bank
from structures.forms.parts import PartForm
from structures.models import BankAccount
from structures.models.bank_accounts import hide_iban

_AS_TYPED = {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}


class BankAccountForm(PartForm):
    """« Créer une coordonnée bancaire », « Modifier ».

    The bank's name follows from the IBAN, and so does the BIC when it is left empty or when the IBAN changes
    under it. Whoever may not see whole IBANs (`shows_iban`) starts from an empty field, which means
    unchanged. `found_bic` is the BIC nobody typed.
    """

    WIDTHS = {"label": "name", "holder": "name", "iban": "email", "bic": "identifier"}
    REQUIRED = {
        "label": "Donnez un nom à cette coordonnée, « Compte principal » par exemple.",
        "holder": "Écrivez le nom du titulaire du compte.",
        "iban": "Recopiez l'IBAN du relevé d'identité bancaire.",
    }

    # Longer than what is stored: people type spaces.
    iban = forms.CharField(label="IBAN", max_length=60, widget=forms.TextInput(attrs=_AS_TYPED))
    bic = forms.CharField(
        label="BIC",
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs=_AS_TYPED),
        help_text="Laissez vide : le portail le trouve d'après l'IBAN quand il connaît la banque.",
    )

    class Meta:
        model = BankAccount
        fields = ["label", "holder"]
        help_texts = {
            "label": "Pour la reconnaître dans une liste, par exemple « Compte principal ».",
            "holder": "La personne ou l'organisme au nom de qui le compte est ouvert.",
        }

    def __init__(self, structure, data=None, *, part=None, shows_iban=True):
        self.shows_iban, self.found_bic = shows_iban, ""
        super().__init__(structure, data, part=part)
        self.order_fields(["label", "holder", "iban", "bic"])
        for name in ("label", "holder"):
            self.fields[name].validators.append(validate_plain_line)
        self.fields["iban"].help_text = "Il figure sur le relevé d'identité bancaire. Les espaces ne comptent pas."
        if part and not shows_iban:
            self.fields["iban"].required = False
            self.fields["iban"].help_text = f"Laissez vide pour garder l'IBAN actuel, {part.masked_iban}."

    def shown(self, part):
        return super().shown(part) | {"iban": part.spaced_iban if self.shows_iban else ""}

    def clean_iban(self):
        typed = self.cleaned_data["iban"]
        return clean_iban(typed) if typed else self.part.iban

    def clean(self):
        super().clean()
        iban, typed = self.cleaned_data.get("iban"), self.cleaned_data.get("bic", "")
        if not iban:
            return self.cleaned_data
        self._refuse_iban_in("label", "holder", iban=iban)
        known = find_bank(iban)
        left_as_it_was = self.part is not None and iban != self.part.iban and typed == self.part.bic
        if known.bic and (not typed or left_as_it_was):
            typed = self.found_bic = known.bic
        if not typed:
            self.add_error("bic", "Le portail ne connaît pas la banque de cet IBAN : recopiez son BIC.")
            return self.cleaned_data
        try:
            bic = clean_bic(typed, iban)
        except ValidationError as error:
            self.add_error("bic", error)
        else:
            self.cleaned_data |= {"bic": bic, "bank": bank_name(iban, bic)[:140]}
        return self.cleaned_data

    def _refuse_iban_in(self, *names, iban):
        for name in names:
            if iban in compact(self.cleaned_data.get(name, "")).upper():
                self.add_error(name, "N'écrivez pas l'IBAN ici : ce texte est visible de plus de personnes que lui.")

    def differences(self, current):
        return [hide_iban(change) for change in super().differences(current)]
