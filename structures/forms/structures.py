from django import forms
from django.core.exceptions import ValidationError

from directory.identifiers import IdentifierType, clean_identifier
from directory.models import Establishment
from plumbing.errors import ActionError
from plumbing.forms import NamesEmptyFields
from plumbing.text import postcode_key
from plumbing.validators import newly_typed, validate_french_postcode, validate_plain_line
from structures.forms.identified import IdentifiedForm
from structures.forms.parts import PartForm
from structures.lookup import DirectoryDifference, LookupOutcome, check_new_identifier, look_up
from structures.models import Structure


class FoundingForm(IdentifiedForm):
    """« Créer une structure »: private, and not here yet."""

    def refusal_of(self, lookup):
        if lookup.outcome is LookupOutcome.STRUCTURE:
            return "Cette structure est déjà présente sur le portail."
        if lookup.outcome is LookupOutcome.DIRECTORY and lookup.is_public:
            return "Cette structure est publique : elle ne se crée pas ici."
        return super().refusal_of(lookup)

    @property
    def is_explained(self):
        if self.lookup is None:
            return False
        here = self.lookup.outcome is LookupOutcome.STRUCTURE
        return here or (self.lookup.outcome is LookupOutcome.DIRECTORY and self.lookup.is_public)

    @property
    def may_found(self):
        """Whether what was looked up can become a structure here."""
        if self.lookup.outcome is LookupOutcome.NOTHING:
            return True
        return self.lookup.outcome is LookupOutcome.DIRECTORY and not self.lookup.is_public


class StructureForm(PartForm):
    """« Modifier » a structure: what its principal manager may change of it."""

    WIDTHS = {"postcode": "postcode", "city": "name", "country": "name"}
    REQUIRED = {"legal_name": "Écrivez la raison sociale.", "country": "Écrivez le pays, « France » par exemple."}

    class Meta:
        model = Structure
        fields = Structure.EDITABLE
        widgets = {"requirement": forms.RadioSelect}
        labels = {"requirement": "Sur chaque facture reçue", "issues_invoices": "La structure émet des factures",
                  "receives_invoices": "La structure reçoit des factures"}  # fmt: skip

    def __init__(self, structure, data=None):
        super().__init__(structure, data, part=structure)
        entry = DirectoryDifference(structure).entry
        self.named_by_directory = entry is not None and not entry.is_masked
        for name in Establishment.DESCRIPTIVE:
            self.fields[name].validators.append(newly_typed(validate_plain_line, getattr(structure, name)))
        if self.named_by_directory:
            # « Mettre à jour depuis l'annuaire » brings the name.
            del self.fields["legal_name"]
        if structure.is_public:
            del self.fields["receives_invoices"]
        else:
            del self.fields["requirement"]
        masked = structure.undisclosed and entry is not None and entry.is_masked
        if structure.is_public or masked:
            # What the directory masks stays so, whatever is ticked.
            del self.fields["undisclosed"]

    def clean_postcode(self):
        return postcode_key(self.cleaned_data["postcode"])

    def clean(self):
        super().clean()
        postcode, country = self.cleaned_data.get("postcode", ""), self.cleaned_data.get("country", "")
        # What a public file wrote may be left as it is.
        if (postcode, country) != (self.structure.postcode, self.structure.country):
            try:
                validate_french_postcode(postcode, country)
            except ValidationError as error:
                self.add_error("postcode", error)
        return self.cleaned_data

    @property
    def groups(self):
        """The visible fields in order, those that stand side by side together."""
        beside = {"postcode": ["postcode", "city"], "city": []}
        groups = [beside.get(field.name, [field.name]) for field in self.visible_fields()]
        return [[self[name] for name in group] for group in groups if group]


class UpdateForm(NamesEmptyFields, forms.Form):
    """« Mettre à jour depuis l'annuaire »: the changes wanted, all ticked to begin with."""

    names = forms.MultipleChoiceField(
        label="Changements à appliquer",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Cochez au moins un changement, ou revenez à la structure."},
    )
    version = forms.CharField(widget=forms.HiddenInput, max_length=16)

    def __init__(self, difference, data=None):
        names = [name for name, _, _ in difference.fields]
        super().__init__(data, initial={"names": names, "version": difference.version})
        self.fields["names"].choices = [(name, name) for name in names]
        self.changes = difference.changes

    @property
    def rows(self):
        """(tick box, Change)"""
        return list(zip(self["names"], self.changes, strict=True))


class IdentifierForm(NamesEmptyFields, forms.Form):
    """« Modifier l'identifiant »: the number `structure` is to live on under; what it stands for in `lookup`."""

    identifier_type = forms.ChoiceField(
        label="Type d'identifiant", choices=IdentifierType, widget=forms.Select(attrs={"class": "width-name"})
    )
    identifier = forms.CharField(
        label="Nouvel identifiant",
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-identifier"}),
        help_text="Pour un SIRET : 14 chiffres, avec ou sans espaces.",
        error_messages={"required": "Saisissez le nouvel identifiant."},
    )

    def __init__(self, structure, data=None):
        super().__init__(data, initial={"identifier_type": IdentifierType.SIRET})
        self.structure = structure
        self.lookup = None
        if structure.is_public:
            self.fields["identifier_type"].choices = [(IdentifierType.SIRET.value, IdentifierType.SIRET.label)]

    def clean(self):
        super().clean()
        if not {"identifier_type", "identifier"} <= self.cleaned_data.keys():
            return self.cleaned_data
        try:
            identifier = clean_identifier(self.cleaned_data["identifier_type"], self.cleaned_data["identifier"])
            self.lookup = look_up(self.cleaned_data["identifier_type"], identifier)
            check_new_identifier(self.structure, self.lookup)
        except (ValidationError, ActionError) as error:
            self.add_error("identifier", error if isinstance(error, ValidationError) else str(error))
        else:
            self.cleaned_data["identifier"] = identifier
        return self.cleaned_data
