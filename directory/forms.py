from django import forms

from plumbing.forms import NamesEmptyFields


class ImportForm(NamesEmptyFields, forms.Form):
    """One file to import into the directory, or the two of SIRENE."""

    ACCEPTED = {"accept": ".csv,.zip,.gz,.parquet"}

    file = forms.FileField(
        label="Fichier",
        max_length=250,
        widget=forms.FileInput(attrs=ACCEPTED),
        help_text="Déposez-le tel qu'il a été téléchargé : .csv, .zip, .gz ou .parquet.",
        error_messages={"required": "Choisissez un fichier.", "empty": "Ce fichier est vide : choisissez-en un autre."},
    )
    second_file = forms.FileField(
        label="Second fichier, pour SIRENE",
        required=False,
        max_length=250,
        widget=forms.FileInput(attrs=ACCEPTED),
        help_text="Établissements et unités légales du même mois vont ensemble, dans un ordre ou l'autre.",
        error_messages={"empty": "Ce fichier est vide : choisissez-en un autre."},
    )

    def refuse(self, refusal):
        """Say why the file was not taken."""
        self.add_error("file", forms.ValidationError(str(refusal), code=refusal.code))
