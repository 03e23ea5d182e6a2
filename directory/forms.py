from django import forms

from plumbing.forms import NamesEmptyFields


class ImportForm(NamesEmptyFields, forms.Form):
    """One file of the directory to import."""

    file = forms.FileField(
        label="Fichier",
        max_length=250,
        widget=forms.FileInput(attrs={"accept": ".csv,.zip,.gz"}),
        help_text="Déposez-le tel qu'il a été téléchargé : .csv, .zip ou .gz.",
        error_messages={"required": "Choisissez un fichier.", "empty": "Ce fichier est vide : choisissez-en un autre."},
    )

    def refuse(self, refusal):
        """Say why the file was not taken."""
        self.add_error("file", forms.ValidationError(str(refusal), code=refusal.code))
