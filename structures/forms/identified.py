from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from django.utils.html import format_html_join

from directory.identifiers import IdentifierType, clean_identifier, names_public_body
from directory.models import Establishment, Nature
from plumbing.forms import NamesEmptyFields
from plumbing.text import folded, postcode_key
from plumbing.validators import validate_plain_line
from structures.lookup import LookupOutcome, look_up

TOO_MANY_LOOKUPS = "Trop de recherches depuis votre connexion. Attendez une minute, puis recommencez."


# What each type of identifier looks like; the page shows the line of the chosen one.
HINTS = {
    IdentifierType.SIRET: "14 chiffres, avec ou sans espaces. Il figure sur les factures et les courriers.",
    IdentifierType.EU_VAT: "Numéro de TVA : deux lettres pour le pays, puis 16 caractères au plus.",
    IdentifierType.NON_EU: "De 2 à 18 lettres et chiffres.",
    IdentifierType.RIDET: "9 ou 10 chiffres (Nouvelle-Calédonie).",
    IdentifierType.TAHITI: "Une lettre ou un chiffre, puis 8 chiffres (Polynésie française).",
    IdentifierType.REGISTERING: "Numéro du dossier d'immatriculation : de 2 à 50 lettres et chiffres.",
    IdentifierType.PERSON: "De 2 à 50 lettres et chiffres.",
}


class IdentifiedForm(NamesEmptyFields, forms.Form):
    """A structure named by its identifier, and described where nobody else can.

    What the identifier stands for is in `lookup` (None while it is missing or wrong). Only a
    structure nothing is known of is described by whoever fills in the form: for any other, what
    the descriptive fields hold is ignored.
    """

    REQUIRED = {
        "identifier_type": "Choisissez le type d'identifiant.",
        "identifier": "Écrivez l'identifiant de la structure, son SIRET par exemple.",
        "legal_name": "Écrivez la raison sociale.",
        "address": "Écrivez l'adresse de la structure.",
        "postcode": "Écrivez le code postal.",
        "city": "Écrivez la ville.",
    }

    identifier_type = forms.ChoiceField(label="Type d'identifiant", choices=IdentifierType)
    identifier = forms.CharField(
        label="Identifiant",
        max_length=80,
        help_text=format_html_join("", '<span class="hint-{}">{}</span>', HINTS.items()),
    )
    nature = forms.ChoiceField(label="Type de structure", choices=Nature, widget=forms.RadioSelect, required=False)
    legal_name = forms.CharField(label="Raison sociale", max_length=250, required=False)
    label = forms.CharField(label="Libellé", max_length=250, required=False, help_text="Nom d'usage, s'il diffère.")
    address = forms.CharField(label="Adresse", max_length=250, required=False)
    complement_1 = forms.CharField(label="Complément d'adresse 1", max_length=250, required=False)
    complement_2 = forms.CharField(label="Complément d'adresse 2", max_length=250, required=False)
    postcode = forms.CharField(label="Code postal", max_length=10, required=False)
    city = forms.CharField(label="Ville", max_length=100, required=False)
    country = forms.CharField(label="Pays", max_length=60, required=False, initial="France")
    undisclosed = forms.BooleanField(
        label="Non diffusible",
        required=False,
        help_text="Cochez si la structure a demandé à l'INSEE que ses informations ne soient pas publiques.",
    )

    REQUIRED_DESCRIPTION = ("legal_name", "address", "postcode", "city")
    WIDTHS = {"identifier": "width-identifier", "postcode": "width-postcode", "country": "width-name"}

    def __init__(self, data=None, *, initial=None, lookups_allowed=True, judged=True):
        super().__init__(data, initial=initial)
        self.lookups_allowed, self.judged = lookups_allowed, judged
        self.lookup = None
        # Fields that show what the form starts with, for they were not sent.
        self.preset = set()
        for name in Establishment.DESCRIPTIVE:
            self.fields[name].validators.append(validate_plain_line)
        for name, width in self.WIDTHS.items():
            self.fields[name].widget.attrs["class"] = width
        self.fields["identifier"].widget.attrs["autocomplete"] = "off"
        typed = data if data is not None else initial or {}
        self._find(typed.get("identifier_type") or IdentifierType.SIRET, typed.get("identifier") or "")

    @classmethod
    def typed_so_far(cls, data, **options):
        """The form showing what was typed: only the identifier is judged, not what is still missing."""
        typed = data.copy()
        preset = {name for name, field in cls.base_fields.items() if field.initial and name not in typed}
        for name in preset:
            typed[name] = cls.base_fields[name].initial
        form = cls(typed, judged=False, **options)
        form.preset = preset
        return form

    def full_clean(self):
        if self.judged:
            return super().full_clean()
        self._errors, self.cleaned_data = ErrorDict(renderer=self.renderer), {}
        if self.identifier_error and not self.is_explained:
            self.add_error("identifier", self.identifier_error)
        return None

    def _find(self, identifier_type, typed):
        """Set `lookup`, and what depends on it. A wrong identifier is judged by clean_identifier."""
        self.identifier_error = None
        if not typed.strip() or identifier_type not in IdentifierType.values or len(typed) > 80 or "\x00" in typed:
            return
        try:
            identifier = clean_identifier(identifier_type, typed)
        except ValidationError as error:
            self.identifier_error = error
            return
        if not self.lookups_allowed:
            self.identifier_error = ValidationError(TOO_MANY_LOOKUPS)
            return
        self.lookup = look_up(identifier_type, identifier)
        refusal = self.refusal_of(self.lookup)
        if refusal:
            self.identifier_error = ValidationError(refusal)
        elif self.lookup.must_describe:
            for name in self.REQUIRED_DESCRIPTION:
                # « required » on the field marks it, and is the browser's own check.
                self.fields[name].required = True

    def refusal_of(self, lookup):
        """Why nobody can go on with what was found; empty when one can."""
        if lookup.outcome is LookupOutcome.INACTIVE:
            return f"Cette structure est inactive. Pour la rouvrir, écrivez à {settings.SUPPORT_EMAIL}."
        if lookup.outcome is LookupOutcome.CLOSED:
            return "D'après l'annuaire, cet établissement est fermé : saisissez le SIRET de celui qui l'a remplacé."
        if lookup.outcome is LookupOutcome.NOTHING and names_public_body(lookup.identifier_type, lookup.identifier):
            return self.unknown_public
        return ""

    @property
    def found(self):
        """What the identifier stands for, when one can go on with it."""
        return None if self.identifier_error else self.lookup

    def clean_identifier(self):
        if self.identifier_error:
            raise self.identifier_error
        return self.lookup.identifier if self.lookup else self.cleaned_data["identifier"]

    def clean_nature(self):
        """A structure nothing is known of is private: the page does not ask."""
        nature = self.cleaned_data["nature"]
        unknown = self.found is not None and self.found.outcome is LookupOutcome.NOTHING
        if unknown and nature == Nature.PUBLIC:
            self.add_error("identifier", self.unknown_public)
        return nature

    @property
    def unknown_public(self):
        return (
            "Aucune structure publique ne porte cet identifiant, et le site ne permet pas d'en créer. "
            "Vérifiez le SIRET auprès de votre administration ; s'il est juste, écrivez à "
            f"{settings.SUPPORT_EMAIL} en indiquant le SIRET et la raison sociale."
        )

    def clean_postcode(self):
        # Upper case may be longer: « ß » becomes « SS ».
        postcode = postcode_key(self.cleaned_data["postcode"])
        self.fields["postcode"].run_validators(postcode)
        return postcode

    def clean_country(self):
        return self.cleaned_data["country"] or self.fields["country"].initial

    def clean(self):
        super().clean()
        postcode, country = self.cleaned_data.get("postcode"), self.cleaned_data.get("country", "")
        in_france = self.found and self.found.must_describe and folded(country) == "france"
        if in_france and postcode and not (len(postcode) == 5 and postcode.isdecimal()):
            self.add_error("postcode", "En France, un code postal compte 5 chiffres.")
        return self.cleaned_data

    @property
    def described(self):
        """The structure as the registrant describes it; None when it is known without them."""
        if not self.lookup.must_describe:
            return None
        described = {name: self.cleaned_data[name] for name in Establishment.DESCRIPTIVE}
        # What the directory keeps private stays so, whatever is ticked.
        kept_private = self.lookup.outcome is LookupOutcome.DIRECTORY
        return described | {"undisclosed": self.cleaned_data["undisclosed"] or kept_private}

    @property
    def is_explained(self):
        """Whether the page says in full why one cannot go on: nothing typed is wrong then."""
        return False

    def fields_named(self, *names):
        return [self[name] for name in names]
