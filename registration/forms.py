from django import forms
from django.core.exceptions import ValidationError
from phonenumber_field.formfields import PhoneNumberField

from accounts.models import validate_deliverable
from plumbing.forms import LimitedForm
from plumbing.validators import validate_person_name
from structures.forms import IdentifiedForm, ServicesField
from structures.identifiers import IdentifierType, spaced_identifier
from structures.models import Nature, address_lines

WHOLE, PER_SERVICE = "whole", "services"


class RegistrationForm(LimitedForm, IdentifiedForm):
    """« Créer un compte »: who registers, for which structure, for all of it or some services."""

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
        help_text="Seulement si vous voulez recevoir les courriels de suivi à une autre adresse, "
        "une fois votre compte activé.",
    )
    survey_consent = forms.BooleanField(
        label="J'accepte de recevoir de temps en temps une enquête de satisfaction", required=False
    )
    terms = forms.BooleanField(
        label="J'accepte les conditions",
        error_messages={"required": "Pour créer un compte, il faut accepter les conditions."},
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

    # As on the page: the person before the structure.
    PERSON = ("email", "email_again", "first_name", "last_name", "phone", "contact_email")
    field_order = [*PERSON, "survey_consent", "terms"]
    AUTOCOMPLETE = {
        "email": "email",
        "email_again": "email",
        "first_name": "given-name",
        "last_name": "family-name",
        "phone": "tel",
        "contact_email": "off",
        "captcha_answer": "off",
    }

    def __init__(self, data=None, *, initial=None, lookups_allowed=True, refusal=""):
        super().__init__(data, initial=initial, lookups_allowed=lookups_allowed, refusal=refusal)
        for name, value in self.AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = value
        self.fields["captcha_answer"].widget.attrs.update(autocapitalize="characters", spellcheck="false")
        if self.lookup and self.lookup.services:
            self.fields["services"].queryset = self.lookup.structure.services.open()

    def clean_email_again(self):
        again = self.cleaned_data["email_again"]
        first = self.cleaned_data.get("email")
        if first and again.lower() != first.lower():
            raise ValidationError("Les deux adresses diffèrent : vérifiez-les.")
        return again

    def clean_services(self):
        services = self.cleaned_data["services"]
        per_service = self.cleaned_data.get("scope") == PER_SERVICE
        if self.lookup and self.lookup.services and per_service and not services:
            raise ValidationError("Cochez au moins un service, ou choisissez la maille de l'organisation.")
        if services and not per_service:
            raise ValidationError("Décochez les services, ou choisissez la maille du service.")
        return services

    @property
    def whole_structure(self):
        return not (self.lookup.services and self.cleaned_data["scope"] == PER_SERVICE)

    @property
    def person(self):
        """What register_account takes."""
        names = ("email", "first_name", "last_name", "phone", "contact_email", "survey_consent")
        return {name: self.cleaned_data[name] for name in names}

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

    @property
    def person_fields(self):
        return self.fields_named(*self.PERSON)


class CaptchaCheck(forms.Form):
    """What « Valider le captcha » sends."""

    captcha_key = forms.CharField(max_length=40)
    captcha_answer = forms.CharField(max_length=20)
