from django import forms
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core.exceptions import ValidationError
from phonenumber_field.formfields import PhoneNumberField

from accounts.models import (
    ANSWER_LOCKED,
    EMAIL_LENGTH,
    LIKE_AN_ADDRESS,
    SecretQuestion,
    normalised_email,
    validate_deliverable,
)
from plumbing.forms import LimitedForm, NamesEmptyFields
from plumbing.text import folded, postcode_key
from plumbing.validators import validate_french_postcode, validate_person_name, validate_plain_line


class SpokenOnce(forms.PasswordInput):
    """Read while typed, and never sent back: answers to forms may be kept on the disk of a shared computer."""

    input_type = "text"


class AddressField(forms.EmailField):
    """An address to write to, judged once: what validate_deliverable holds it to covers what Django asks of one."""

    def __init__(self, **options):
        super().__init__(max_length=EMAIL_LENGTH, **options)
        self.validators = [validate_deliverable]


class LoginForm(LimitedForm):
    """« Adresse de connexion » and password, as typed: whether they open an account is for the view to ask."""

    REQUIRED = {"username": "Écrivez votre adresse de connexion.", "password": "Écrivez votre mot de passe."}

    username = forms.EmailField(
        label="Adresse de connexion",
        max_length=EMAIL_LENGTH,
        error_messages={"invalid": LIKE_AN_ADDRESS},
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "class": "width-email"}),
    )
    password = forms.CharField(
        label="Mot de passe",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class AddressForm(LimitedForm):
    """A login address to send a link to."""

    REQUIRED = {"email": "Écrivez votre adresse de connexion."}

    email = AddressField(
        label="Adresse de connexion",
        widget=forms.EmailInput(attrs={"autocomplete": "username", "class": "width-email"}),
    )


class NewPasswordForm(LimitedForm):
    """A new password, twice, held to the password rules for `user`."""

    REQUIRED = {
        "password": "Choisissez un mot de passe.",
        "password_again": "Écrivez le mot de passe une seconde fois.",
        "secret_question": "Choisissez une question secrète.",
        "secret_answer": "Écrivez la réponse à votre question secrète.",
    }

    password = forms.CharField(
        label="Mot de passe",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label="Confirmation du mot de passe",
        max_length=128,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, user, data=None, *, refusal=""):
        super().__init__(data, refusal=refusal)
        self.user = user
        # The rules stand above both fields and are read with the first.
        self.fields["password"].widget.attrs["aria-describedby"] = "password-rules"

    @property
    def password_rules(self):
        return password_validators_help_texts()

    def clean_password(self):
        password = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password

    def clean_password_again(self):
        again = self.cleaned_data["password_again"]
        if "password" in self.cleaned_data and again != self.cleaned_data["password"]:
            raise ValidationError("Les deux mots de passe diffèrent.")
        return again

    @property
    def answers(self):
        """What the action that uses the link takes."""
        return {"password": self.cleaned_data["password"]}


class SecretQuestionFields(NamesEmptyFields, forms.Form):
    """A secret question, and its answer."""

    secret_question = forms.ChoiceField(
        label="Question secrète", choices=[("", "Choisissez une question"), *SecretQuestion.choices]
    )
    secret_answer = forms.CharField(
        label="Réponse secrète",
        max_length=100,
        help_text="Elle vous sera demandée si vous oubliez le mot de passe. Majuscules et accents ne comptent pas.",
        widget=SpokenOnce(attrs={"autocomplete": "off", "class": "width-email"}),
    )

    def clean_secret_answer(self):
        answer = self.cleaned_data["secret_answer"]
        if len(folded(answer)) < 2:
            raise ValidationError("Donnez une réponse d'au moins deux caractères.")
        return answer


class ActivationForm(NewPasswordForm, SecretQuestionFields):
    """First password, secret question and answer."""

    field_order = ["password", "password_again", "secret_question", "secret_answer"]

    @property
    def answers(self):
        chosen = {name: self.cleaned_data[name] for name in ("secret_question", "secret_answer")}
        return super().answers | chosen


class ResetForm(NewPasswordForm):
    """A new password, and the answer to the account's secret question when it has one.

    The action that uses the link judges the answer, so that a password refused here costs no try.
    """

    secret_answer = forms.CharField(
        label="Réponse secrète",
        max_length=100,
        widget=SpokenOnce(attrs={"autocomplete": "off", "class": "width-email"}),
        help_text="Majuscules et accents ne comptent pas.",
    )
    field_order = ["secret_answer"]

    def __init__(self, user, data=None):
        super().__init__(user, data, refusal=ANSWER_LOCKED if user.answer_is_locked else "")
        if user.secret_question:
            self.fields["secret_answer"].label = user.get_secret_question_display()
        else:
            del self.fields["secret_answer"]

    @property
    def answers(self):
        return super().answers | {"secret_answer": self.cleaned_data.get("secret_answer", "")}


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

    contact_email = forms.EmailField(
        label="Adresse e-mail de contact",
        max_length=254,
        required=False,
        validators=[validate_deliverable],
        help_text="Laissez vide pour tout recevoir à votre adresse de connexion.",
    )

    WIDTHS = {"contact_email": "email"}
    AUTOCOMPLETE = {"contact_email": "email"}


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
        )


class ProvenForm(LimitedForm):
    """Something only whoever knows the password changes; the view tries it, for tries are counted."""

    current_password = CurrentPasswordField()

    def refuse_password(self):
        self.add_error("current_password", "Ce n'est pas votre mot de passe actuel.")

    @property
    def values(self):
        return {name: self.cleaned_data[name] for name in self.TAKEN}


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


class LoginAddressForm(ProvenForm):
    """The password, and the address to log in with from now on, twice."""

    heading = "Changer d'adresse de connexion"

    email = forms.EmailField(
        label="Nouvelle adresse de connexion",
        max_length=254,
        validators=[validate_deliverable],
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
