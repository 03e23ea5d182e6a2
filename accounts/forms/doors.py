from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import (
    ANSWER_LOCKED,
    EMAIL_LENGTH,
    LIKE_AN_ADDRESS,
    SecretQuestion,
    validate_deliverable,
)
from accounts.passwords import PASSWORD_RULES
from plumbing.forms import LimitedForm, NamesEmptyFields
from plumbing.text import folded


class SpokenOnce(forms.PasswordInput):
    """Read while typed, and never sent back: answers to forms may be kept on the disk of a shared computer."""

    input_type = "text"


class AddressField(forms.EmailField):
    """An address to write to, judged once: what validate_deliverable holds it to covers what Django asks of one."""

    def __init__(self, **options):
        super().__init__(max_length=EMAIL_LENGTH, **options)
        self.validators = [validate_deliverable]


TWICE_THE_SAME = "Les deux adresses diffèrent : écrivez deux fois la même."


class AddressTwice(NamesEmptyFields, forms.Form):
    """A login address, typed twice: the second time, it is only compared."""

    REQUIRED = {
        "email": "Écrivez votre adresse e-mail.",
        "email_again": "Écrivez l'adresse e-mail une seconde fois.",
    }

    email = AddressField(
        label="Adresse e-mail",
        help_text="Elle vous servira à vous connecter.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    email_again = forms.CharField(
        label="Confirmation de l'adresse e-mail",
        max_length=EMAIL_LENGTH,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_email_again(self):
        again, first = self.cleaned_data["email_again"], str(self["email"].value() or "").strip()
        if not first or again.lower() == first.lower():
            return again
        if "email" in self.errors or "@" not in again:
            raise ValidationError(TWICE_THE_SAME)
        (name, domain), (other, other_domain) = first.rsplit("@", 1), again.rsplit("@", 1)
        seen = (name, other) if domain.lower() == other_domain.lower() else (domain, other_domain)
        raise ValidationError("Les deux adresses diffèrent : « {} » puis « {} ».".format(*seen))


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
        return PASSWORD_RULES

    def clean_password(self):
        password = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password

    def clean_password_again(self):
        again, first = self.cleaned_data["password_again"], self["password"].value()
        # A first one that is refused is compared too: both are told at once.
        if first and again != first:
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
    """A password, a secret question and its answer: of a new account, or of one that starts again."""

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
