from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorDict
from phonenumber_field.phonenumber import PhoneNumber
from phonenumber_field.widgets import RegionalPhoneNumberWidget


class NamesEmptyFields:
    """For forms: an empty field is named and says what to do, in place of Django's « Ce champ est obligatoire. »"""

    # By field, what to do when it is empty; the others say it with their label.
    REQUIRED = {}

    def full_clean(self):
        for name, field in self.fields.items():
            if name in self.REQUIRED:
                field.error_messages["required"] = self.REQUIRED[name]
            elif field.error_messages["required"] == forms.Field.default_error_messages["required"]:
                field.error_messages["required"] = f"Renseignez « {self[name].label} »."
        super().full_clean()


class PhoneAsTyped(RegionalPhoneNumberWidget):
    """Shows a number that is kept in the national format, and one just typed as it was typed."""

    def format_value(self, value):
        return super().format_value(value) if isinstance(value, PhoneNumber) else value


class LimitedForm(NamesEmptyFields, forms.Form):
    """A form behind a rate limit: the view asks the limit first, and gives what it has to say as `refusal`.

    Nothing of a refused form is cleaned, so that going over the limit tries no password and looks nothing
    up; it only shows again what was typed.
    """

    def __init__(self, *args, refusal="", **options):
        super().__init__(*args, **options)
        self.refusal = refusal

    @property
    def status(self):
        """The HTTP status of the page that shows the form."""
        return 429 if self.is_bound and self.refusal else 200

    def full_clean(self):
        if not (self.is_bound and self.refusal):
            return super().full_clean()
        self._errors, self.cleaned_data = ErrorDict(renderer=self.renderer), {}
        return self.add_error(None, self.refusal)

    def refuse(self, refusal):
        """Say why the action refused (an ActionError) what is typed, beside the field it is about."""
        field = refusal.field if refusal.field in self.fields else None
        self.add_error(field, ValidationError(str(refusal), code=refusal.code))


class ExplainedChoices(forms.RadioSelect):
    """Radio buttons, each with a line that explains it (`hints`, by value); framed as cards when `are_cards`."""

    def __init__(self, *args, hints=(), are_cards=False, **options):
        super().__init__(*args, **options)
        self.hints, self.are_cards = dict(hints), are_cards

    def create_option(self, name, value, *args, **options):
        return super().create_option(name, value, *args, **options) | {"hint": self.hints.get(str(value), "")}
