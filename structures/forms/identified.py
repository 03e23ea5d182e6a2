from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from plumbing.text import postcode_key
from plumbing.validators import validate_plain_line
from structures.identifiers import IdentifierType, clean_identifier, names_public_body
from structures.lookup import LookupOutcome, look_up
from structures.models import Establishment, Nature

TOO_MANY_LOOKUPS = "Trop de recherches depuis votre connexion. Attendez une minute, puis recommencez."


class IdentifiedForm(forms.Form):
    """A structure named by its identifier, and described where nobody else can.

    What the identifier stands for is in `lookup` (None while it is missing or wrong). Only a
    structure nothing is known of is described by whoever fills in the form: for any other, what
    the descriptive fields hold is ignored.
    """

    identifier_type = forms.ChoiceField(label="Type d'identifiant", choices=IdentifierType)
    identifier = forms.CharField(
        label="Identifiant",
        max_length=80,
        help_text="Pour un SIRET : 14 chiffres, avec ou sans espaces. Il figure sur les factures et les courriers.",
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

    def __init__(self, data=None, *, initial=None, lookups_allowed=True):
        super().__init__(data, initial=initial)
        self.lookups_allowed = lookups_allowed
        self.lookup = None
        for name in Establishment.DESCRIPTIVE:
            self.fields[name].validators.append(validate_plain_line)
        self.fields["identifier"].widget.attrs["autocomplete"] = "off"
        typed = data if data is not None else initial or {}
        self._find(typed.get("identifier_type") or IdentifierType.SIRET, typed.get("identifier") or "")

    @classmethod
    def typed_so_far(cls, data, **options):
        """The form showing what was typed, without judging what is still missing."""
        initial = {
            name: data.getlist(name) if isinstance(field, forms.ModelMultipleChoiceField) else data.get(name)
            for name, field in cls.base_fields.items()
            if name in data
        }
        return cls(initial=initial, **options)

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
        for name in self.REQUIRED_DESCRIPTION if self.lookup.must_describe else ():
            # « required » on the field draws the star and the browser's own check.
            self.fields[name].required = True
        if self.lookup.outcome is LookupOutcome.NOTHING:
            self.fields["nature"].required = True

    def clean_identifier(self):
        if self.identifier_error:
            raise self.identifier_error
        if self.lookup is None:
            return self.cleaned_data["identifier"]
        if self.lookup.outcome is LookupOutcome.INACTIVE:
            raise ValidationError(
                f"Cette structure est désactivée. Écrivez à {settings.SUPPORT_EMAIL} pour la rouvrir."
            )
        if self.lookup.outcome is LookupOutcome.CLOSED:
            raise ValidationError(
                "D'après l'annuaire, cet établissement est fermé : cherchez le SIRET qui l'a remplacé."
            )
        if self.lookup.outcome is LookupOutcome.NOTHING and names_public_body(
            self.lookup.identifier_type, self.lookup.identifier
        ):
            raise ValidationError(self.unknown_public)
        return self.lookup.identifier

    def clean_nature(self):
        nature = self.cleaned_data["nature"]
        unknown = self.lookup is not None and self.lookup.outcome is LookupOutcome.NOTHING
        if unknown and nature == Nature.PUBLIC:
            raise ValidationError(self.unknown_public)
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

    @property
    def described(self):
        """The structure as the registrant describes it; None when it is known without them."""
        if not self.lookup.must_describe:
            return None
        described = {name: self.cleaned_data[name] for name in Establishment.DESCRIPTIVE}
        # What the directory keeps private stays so, whatever is ticked.
        kept_private = self.lookup.outcome is LookupOutcome.DIRECTORY
        return described | {"undisclosed": self.cleaned_data["undisclosed"] or kept_private}

    def fields_named(self, *names):
        return [self[name] for name in names]

    @property
    def description_fields(self):
        return self.fields_named(*Establishment.DESCRIPTIVE)
