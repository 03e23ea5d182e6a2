from django import forms
from django.conf import settings

from documents.contents import KINDS
from documents.intake import admit
from documents.models import SupportingDocument
from plumbing.errors import ActionError
from plumbing.validators import validate_visible_line

FIELDS = ("designation", "type")


class DocumentForm(forms.Form):
    """« Modifier » a file's designation and type."""

    designation = forms.CharField(
        label="Désignation",
        max_length=50,
        validators=[validate_visible_line],
        widget=forms.TextInput(attrs={"class": "width-email", "autocomplete": "off"}),
        help_text="Ce que vous lirez dans la liste, « Délégation 2026 » par exemple. 50 caractères au plus.",
        error_messages={
            "required": "Donnez un nom à cette pièce.",
            "max_length": "Cette désignation compte %(show_value)d caractères : 50 au plus.",
        },
    )
    type = forms.ChoiceField(
        label="Type",
        choices=[("", "Choisissez"), *SupportingDocument.Type.choices],
        widget=forms.Select(attrs={"class": "width-email"}),
        error_messages={
            "required": "Choisissez le type de la pièce.",
            "invalid_choice": "Choisissez un type de la liste.",
        },
    )

    @classmethod
    def of(cls, document, data=None):
        return cls(data, initial={name: getattr(document, name) for name in FIELDS})

    @property
    def values(self):
        return {name: self.cleaned_data[name] for name in FIELDS}

    def refuse(self, refusal):
        """Say why the action refused, beside the field it is about."""
        self.add_error(refusal.field, forms.ValidationError(str(refusal), code=refusal.code))


class NewDocumentForm(DocumentForm):
    """« Ajouter une pièce jointe »"""

    file = forms.FileField(
        label="Fichier",
        widget=forms.FileInput(attrs={"accept": ",".join(f".{extension}" for extension in KINDS)}),
        error_messages={
            "required": "Choisissez un fichier.",
            "empty": "Ce fichier est vide : choisissez-en un autre.",
            "invalid": "Choisissez un fichier.",
        },
    )

    field_order = ["file", *FIELDS]

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        largest = settings.DOCUMENT_MAX_BYTES // 2**20
        self.fields["file"].help_text = (
            f"{largest} Mo au plus. PDF, image, document, tableau, présentation, xml, p7s, zip ou gz ; ni programme, "
            "ni page web."
        )

    def clean(self):
        super().clean()
        file = self.cleaned_data.get("file")
        # Otherwise the action looks at it: only what goes no further is looked at here, so that all is told at once.
        if file and self.errors:
            try:
                admit(file)
            except ActionError as refusal:
                self.refuse(refusal)
        return self.cleaned_data
