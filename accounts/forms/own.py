from django import forms
from django.core.exceptions import ValidationError
from phonenumber_field.formfields import PhoneNumberField

from accounts.forms.doors import AddressField, NewPasswordForm, SecretQuestionFields
from accounts.models import normalised_email
from plumbing.forms import LimitedForm
from plumbing.text import postcode_key
from plumbing.validators import validate_french_postcode, validate_person_name, validate_plain_line


class OwnForm(LimitedForm):
    """Something people change of their own account: starts from what `user` has, and gives an action its `values`."""

    WIDTHS, AUTOCOMPLETE = {}, {}
    # Fields that stand side by side.
    PAIRED = ()

    def __init__(self, user, data=None, *, refusal=""):
        super().__init__(data, refusal=refusal, initial=self.shown(user))
        self.user = user
        for name, width in self.WIDTHS.items():
            self.fields[name].widget.attrs["class"] = f"width-{width}"
        for name, value in self.AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = value

    def shown(self, user):
        return {name: getattr(user, name) for name in self.base_fields if hasattr(user, name)}

    @property
    def values(self):
        return self.cleaned_data

    @property
    def groups(self):
        """The visible fields in order, those that stand side by side together."""
        alone = [[field] for field in self.visible_fields() if field.name not in self.PAIRED]
        return [*alone[:-1], [self[name] for name in self.PAIRED], alone[-1]] if self.PAIRED else alone


class GeneralForm(OwnForm):
    """First name, last name, telephone. Names that come from the PIGP are not typed here."""

    heading = "Mes informations générales"
    REQUIRED = {"first_name": "Écrivez votre prénom.", "last_name": "Écrivez votre nom."}

    first_name = forms.CharField(label="Prénom", max_length=100, validators=[validate_person_name])
    last_name = forms.CharField(label="Nom", max_length=100, validators=[validate_person_name])
    phone = PhoneNumberField(label="Téléphone", required=False, max_length=30)

    WIDTHS = {"first_name": "name", "last_name": "name", "phone": "phone"}
    AUTOCOMPLETE = {"first_name": "given-name", "last_name": "family-name", "phone": "tel"}

    def __init__(self, user, data=None):
        super().__init__(user, data)
        if user.identity_from_pigp:
            del self.fields["first_name"], self.fields["last_name"]


PLAIN = [validate_plain_line]


class PostalAddressForm(OwnForm):
    """« Adresse postale »: all of it may be left empty."""

    heading = "Mon adresse postale"

    address = forms.CharField(label="Adresse", max_length=250, required=False, validators=PLAIN)
    complement_1 = forms.CharField(label="Complément d'adresse 1", max_length=250, required=False, validators=PLAIN)
    complement_2 = forms.CharField(label="Complément d'adresse 2", max_length=250, required=False, validators=PLAIN)
    postcode = forms.CharField(label="Code postal", max_length=20, required=False)
    city = forms.CharField(label="Ville", max_length=100, required=False, validators=PLAIN)
    country = forms.CharField(label="Pays", max_length=60, required=False, validators=PLAIN)

    WIDTHS = {"postcode": "postcode", "city": "name", "country": "name"}
    PAIRED = ("postcode", "city")
    AUTOCOMPLETE = {
        "address": "address-line1",
        "complement_1": "address-line2",
        "complement_2": "address-line3",
        "postcode": "postal-code",
        "city": "address-level2",
        "country": "country-name",
    }

    def clean_postcode(self):
        postcode = postcode_key(self.cleaned_data["postcode"])
        if len(postcode) > 10:
            raise ValidationError("Un code postal compte 10 caractères au plus.")
        return postcode

    def clean(self):
        super().clean()
        typed = self.cleaned_data
        if any(typed.values()) and not self.errors:
            for name, missing in (("address", "Écrivez la rue, ou le lieu-dit."), ("city", "Écrivez la ville.")):
                if not typed[name]:
                    # No longer marked « facultatif ».
                    self.fields[name].required = True
                    self.add_error(name, missing)
        if "postcode" in typed and "country" in typed:
            try:
                validate_french_postcode(typed["postcode"], typed["country"])
            except ValidationError as error:
                self.add_error("postcode", error)
        return typed


class ContactForm(OwnForm):
    """« Adresse e-mail de contact »: empty, mails go to the login address."""

    heading = "Mon adresse de contact"

    contact_email = AddressField(
        label="Adresse e-mail de contact",
        required=False,
        help_text="Laissez vide pour tout recevoir à votre adresse de connexion.",
    )

    WIDTHS = {"contact_email": "email"}
    AUTOCOMPLETE = {"contact_email": "email"}

    def clean_contact_email(self):
        email = self.cleaned_data["contact_email"]
        if normalised_email(email) == self.user.email:
            raise ValidationError("C'est votre adresse de connexion : laissez vide pour tout y recevoir.")
        return email


class ParametersForm(OwnForm):
    """« Paramètres »: what one agrees to be written about."""

    heading = "Mes paramètres"

    receives_notifications = forms.BooleanField(
        label="Recevoir des notifications",
        required=False,
        help_text="Chaque jour, les événements de vos structures ; chaque semaine, le récapitulatif des mouvements. "
        "Ces envois n'ont pas encore commencé : votre choix est gardé pour leur ouverture.",
    )
    survey_consent = forms.BooleanField(
        label="Je veux bien répondre à des enquêtes de satisfaction",
        required=False,
        help_text="Vous pouvez retirer cet accord quand vous voulez.",
    )

    def shown(self, user):
        return super().shown(user) | {"survey_consent": user.survey_consent_at is not None}


class CurrentPasswordField(forms.CharField):
    def __init__(self):
        super().__init__(
            label="Mot de passe actuel",
            max_length=128,
            strip=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            error_messages={"required": "Écrivez votre mot de passe actuel."},
        )


class ProvenForm(LimitedForm):
    """Something only whoever knows the password changes; the view tries it, for tries are counted."""

    current_password = CurrentPasswordField()

    def refuse_password(self):
        self.add_error("current_password", "Ce n'est pas votre mot de passe actuel.")

    @property
    def values(self):
        return {name: self.cleaned_data[name] for name in self.TAKEN}


class DeactivationForm(ProvenForm):
    """« Désactiver mon compte »: the password, and nothing else."""

    TAKEN = ()

    def __init__(self, data=None, *, refusal=""):
        super().__init__(data, refusal=refusal)


class ChangePasswordForm(ProvenForm, NewPasswordForm):
    """The current password, and the one to replace it, twice."""

    heading = "Changer de mot de passe"

    field_order = ["current_password", "password", "password_again"]
    TAKEN = ("password",)

    def __init__(self, user, data=None, *, refusal=""):
        super().__init__(user, data, refusal=refusal)
        self.fields["password"].label = "Nouveau mot de passe"
        self.fields["password_again"].label = "Confirmation du nouveau mot de passe"

    def clean_password(self):
        password = super().clean_password()
        if password == self.cleaned_data.get("current_password"):
            raise ValidationError("Choisissez un autre mot de passe que l'actuel.")
        return password


class SecretQuestionForm(ProvenForm, SecretQuestionFields):
    """The password, and another secret question and answer."""

    heading = "Changer de question secrète"

    field_order = ["current_password", "secret_question", "secret_answer"]
    TAKEN = ("secret_question", "secret_answer")

    def __init__(self, user, data=None, *, refusal=""):
        super().__init__(data, refusal=refusal, initial={"secret_question": user.secret_question})


class UnlinkForm(ProvenForm):
    """The password alone, to take the link to the provider (`label`) off."""

    def __init__(self, data=None, *, label="", refusal=""):
        super().__init__(data, refusal=refusal)
        self.heading = f"Délier {label}"


class LoginAddressForm(ProvenForm):
    """The password, and the address to log in with from now on, twice."""

    heading = "Changer d'adresse de connexion"
    REQUIRED = {"email": "Écrivez la nouvelle adresse.", "email_again": "Écrivez la nouvelle adresse une seconde fois."}

    email = AddressField(
        label="Nouvelle adresse de connexion",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "class": "width-email"}),
    )
    email_again = forms.EmailField(
        label="Confirmation de la nouvelle adresse",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "class": "width-email"}),
    )
    TAKEN = ("email",)

    def __init__(self, user, data=None, *, refusal=""):
        super().__init__(data, refusal=refusal)
        self.user = user

    def clean_email(self):
        email = self.cleaned_data["email"]
        if normalised_email(email) == self.user.email:
            raise ValidationError("C'est déjà votre adresse de connexion.")
        return email

    def clean_email_again(self):
        again = self.cleaned_data["email_again"]
        if "email" in self.cleaned_data and normalised_email(again) != normalised_email(self.cleaned_data["email"]):
            raise ValidationError("Les deux adresses diffèrent.")
        return again
