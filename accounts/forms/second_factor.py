from django import forms

from accounts.forms.own import ProvenForm
from plumbing.forms import LimitedForm

PASSKEY_SILENT = "Votre navigateur n'a présenté aucune clé d'accès. Il lui faut JavaScript, et votre accord."


class CodeField(forms.CharField):
    """A code as people type it: spaces and dashes do not matter."""

    def __init__(self, label, **attrs):
        shown = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        widget = forms.TextInput(attrs=shown | {"class": "width-phone"} | attrs)
        super().__init__(label=label, max_length=30, widget=widget)

    def to_python(self, value):
        return "".join(letter for letter in super().to_python(value) if letter.isalnum())


class CredentialField(forms.CharField):
    """What a passkey answered, put there by static/js/passkeys.js."""

    def __init__(self):
        super().__init__(max_length=20_000, widget=forms.HiddenInput, error_messages={"required": PASSKEY_SILENT})


class SaysItAbove:
    """For forms with a hidden field: what is wrong with it is said of the whole form, there being nothing to see."""

    def clean(self):
        super().clean()
        for error in self.errors.pop("credential", []):
            self.add_error(None, error)
        return self.cleaned_data


class CodeForm(LimitedForm):
    """A code that proves who logs in."""

    REQUIRED = {"code": "Écrivez le code."}

    code = CodeField("Code", inputmode="numeric", autofocus=True)


class RecoveryCodeForm(CodeForm):
    """One of those noted on paper."""

    code = CodeField("Code de secours", autofocus=True, autocomplete="off")


class PasskeyForm(SaysItAbove, LimitedForm):
    """A passkey's answer, which proves who logs in."""

    credential = CredentialField()


class AddTotpForm(ProvenForm):
    """The password, and a first code of the application."""

    heading = "Ajouter une application d'authentification"

    code = CodeField("Code affiché par l'application", inputmode="numeric")
    field_order = ["code", "current_password"]
    TAKEN = ("code",)


class AddPasskeyForm(SaysItAbove, ProvenForm):
    """The password, a name for the key, and the key's answer."""

    heading = "Ajouter une clé d'accès"

    name = forms.CharField(
        label="Nom de la clé",
        max_length=50,
        help_text="Pour la reconnaître : « Téléphone », « Clé USB du bureau »…",
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "width-name"}),
    )
    credential = CredentialField()
    field_order = ["name", "current_password", "credential"]
    TAKEN = ("name", "credential")


class ConfirmForm(ProvenForm):
    """The password, for a change that asks for nothing else."""

    TAKEN = ()

    def __init__(self, data=None, *, heading="", refusal=""):
        super().__init__(data, refusal=refusal)
        self.heading = heading


class ReasonForm(LimitedForm):
    """Why support takes somebody's second factor away."""

    REQUIRED = {"reason": "Écrivez pourquoi, et comment vous avez vérifié de qui vient la demande."}

    reason = forms.CharField(label="Motif", max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
