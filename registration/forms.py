from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from phonenumber_field.formfields import PhoneNumberField

from accounts.models import validate_deliverable
from chorus.plumbing.validators import validate_person_name, validate_plain_line
from registration import captcha
from structures.forms import ServicesField
from structures.identifiers import IdentifierType, clean_identifier, names_public_body, spaced_identifier
from structures.lookup import Found, look_up
from structures.models import Establishment, Nature, address_lines

WHOLE, PER_SERVICE = "whole", "services"
TOO_MANY_LOOKUPS = "Trop de recherches depuis votre connexion. Attendez une minute, puis recommencez."


class RegistrationForm(forms.Form):
    """« Créer un compte »: who registers, for which structure, for all of it or some services.

    What the identifier stands for is in `lookup` (None while it is missing or wrong). Only a
    structure nothing is known of is described by the registrant: for any other, what the
    descriptive fields hold is ignored.
    """

    email = forms.EmailField(
        label="Adresse e-mail",
        max_length=254,
        help_text="Elle vous servira à vous connecter.",
        validators=[validate_deliverable],
    )
    email_again = forms.EmailField(label="Confirmation de l'adresse e-mail", max_length=254)
    first_name = forms.CharField(label="Prénom", max_length=100, validators=[validate_person_name])
    last_name = forms.CharField(label="Nom", max_length=100, validators=[validate_person_name])
    phone = PhoneNumberField(label="Téléphone", required=False, max_length=30)
    contact_email = forms.EmailField(
        label="Adresse e-mail de contact",
        max_length=254,
        required=False,
        validators=[validate_deliverable],
        help_text="Seulement si vous voulez recevoir les courriels de suivi à une autre adresse.",
    )
    survey_consent = forms.BooleanField(
        label="J'accepte de recevoir de temps en temps une enquête de satisfaction", required=False
    )
    terms = forms.BooleanField(
        label="J'accepte les conditions",
        error_messages={"required": "Pour créer un compte, il faut accepter les conditions."},
    )

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

    scope = forms.ChoiceField(
        label="Niveau de rattachement",
        choices=[
            (WHOLE, "Je souhaite me rattacher à la maille de l'organisation"),
            (PER_SERVICE, "Je souhaite me rattacher à la maille du service"),
        ],
        widget=forms.RadioSelect,
        required=False,
        initial=WHOLE,
    )
    services = ServicesField()

    captcha_key = forms.CharField(max_length=40, required=False)
    captcha_answer = forms.CharField(
        label="Caractères de l'image",
        max_length=20,
        help_text="Majuscules ou minuscules, sans espace.",
        error_messages={"required": "Recopiez les caractères de l'image, ou écoutez-les."},
    )

    REQUIRED_DESCRIPTION = ("legal_name", "address", "postcode", "city")
    AUTOCOMPLETE = {
        "email": "email",
        "email_again": "email",
        "first_name": "given-name",
        "last_name": "family-name",
        "phone": "tel",
        "contact_email": "off",
        "captcha_answer": "off",
        "identifier": "off",
    }

    def __init__(self, data=None, *, initial=None, lookups_allowed=True):
        super().__init__(data, initial=initial)
        self.lookups_allowed = lookups_allowed
        self.lookup = None
        self.captcha_is_right = False
        for name in Establishment.DESCRIPTIVE:
            self.fields[name].validators.append(validate_plain_line)
        for name, value in self.AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = value
        self.fields["captcha_answer"].widget.attrs.update(autocapitalize="characters", spellcheck="false")
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
        if self.lookup.services:
            self.fields["services"].queryset = self.lookup.structure.services.open()
        for name in self.REQUIRED_DESCRIPTION if self.lookup.must_describe else ():
            # « required » on the field draws the star and the browser's own check.
            self.fields[name].required = True
        if self.lookup.found is Found.NOTHING:
            self.fields["nature"].required = True

    def clean_email_again(self):
        again = self.cleaned_data["email_again"]
        first = self.cleaned_data.get("email")
        if first and again.lower() != first.lower():
            raise ValidationError("Les deux adresses diffèrent : vérifiez-les.")
        return again

    def clean_identifier(self):
        if self.identifier_error:
            raise self.identifier_error
        if self.lookup is None:
            return self.cleaned_data["identifier"]
        if self.lookup.found is Found.INACTIVE:
            raise ValidationError(
                f"Cette structure est désactivée. Écrivez à {settings.SUPPORT_EMAIL} pour la rouvrir."
            )
        if self.lookup.found is Found.CLOSED:
            raise ValidationError(
                "D'après l'annuaire, cet établissement est fermé : cherchez le SIRET qui l'a remplacé."
            )
        if self.lookup.found is Found.NOTHING and names_public_body(
            self.lookup.identifier_type, self.lookup.identifier
        ):
            raise ValidationError(self.unknown_public)
        return self.lookup.identifier

    def clean_nature(self):
        nature = self.cleaned_data["nature"]
        unknown = self.lookup is not None and self.lookup.found is Found.NOTHING
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

    def clean_country(self):
        return self.cleaned_data["country"] or self.fields["country"].initial

    def clean_services(self):
        services = self.cleaned_data["services"]
        per_service = self.cleaned_data.get("scope") == PER_SERVICE
        if self.lookup and self.lookup.services and per_service and not services:
            raise ValidationError("Cochez au moins un service, ou choisissez la maille de l'organisation.")
        if services and not per_service:
            raise ValidationError("Décochez les services, ou choisissez la maille du service.")
        return services

    def clean(self):
        super().clean()
        answer = self.cleaned_data.get("captcha_answer")
        if answer:
            self.captcha_is_right = captcha.is_right(self.cleaned_data.get("captcha_key", ""), answer)
            if not self.captcha_is_right:
                self.add_error("captcha_answer", captcha.WRONG)
        return self.cleaned_data

    @property
    def whole_structure(self):
        return not (self.lookup.services and self.cleaned_data["scope"] == PER_SERVICE)

    @property
    def person(self):
        """What register_account takes."""
        names = ("email", "first_name", "last_name", "phone", "contact_email", "survey_consent")
        return {name: self.cleaned_data[name] for name in names}

    @property
    def described(self):
        """The structure as the registrant describes it; None when it is known without them."""
        if not self.lookup.must_describe:
            return None
        described = {name: self.cleaned_data[name] for name in Establishment.DESCRIPTIVE}
        # What the directory keeps private stays so, whatever is ticked.
        return described | {"undisclosed": self.cleaned_data["undisclosed"] or self.lookup.found is Found.DIRECTORY}

    @property
    def summary(self):
        """What the recap page says back: only what was typed, or may be shown to a visitor."""
        lookup, person = self.lookup, self.person
        known = lookup.establishment
        nature = known.get_nature_display() if known else Nature.PRIVATE.label
        structure = known.description if lookup.may_show else self.described
        return {
            "name": f"{person['first_name']} {person['last_name']}",
            "email": person["email"],
            "contact_email": person["contact_email"],
            "phone": person["phone"].as_national if person["phone"] else "",
            "identifier_type": IdentifierType(lookup.identifier_type).label,
            "identifier": spaced_identifier(lookup.identifier_type, lookup.identifier),
            "nature": str(nature),
            "structure": structure,
            "address_lines": address_lines(structure) if structure else [],
            "services": [] if self.whole_structure else [str(service) for service in self.cleaned_data["services"]],
        }

    def fields_named(self, *names):
        return [self[name] for name in names]

    @property
    def person_fields(self):
        return self.fields_named("email", "email_again", "first_name", "last_name", "phone", "contact_email")

    @property
    def description_fields(self):
        return self.fields_named(*Establishment.DESCRIPTIVE)


class CaptchaCheck(forms.Form):
    """What « Valider le captcha » sends."""

    captcha_key = forms.CharField(max_length=40)
    captcha_answer = forms.CharField(max_length=20)
