from dataclasses import dataclass

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html
from phonenumber_field.formfields import PhoneNumberField

from accounts.forms.doors import AddressField, AddressTwice
from accounts.mistyped import likely_address
from accounts.models import normalised_email
from attachments.forms import PER_SERVICE, ScopeForm
from attachments.models import WHOLE_STRUCTURE
from directory.identifiers import IdentifierType, spaced_identifier
from directory.models import Establishment, Nature, address_lines
from plumbing.changes import version_of
from plumbing.forms import LimitedForm, NamesEmptyFields, PhoneAsTyped
from plumbing.validators import validate_person_name
from structures.forms import IdentifiedForm


@dataclass
class Block:
    """One of the form's four blocks beside it, in `state` done, wrong, current or todo."""

    number: int
    anchor: str
    title: str
    is_done: bool
    note: str
    state: str = "todo"


def in_turn(blocks, errors):
    """`blocks` with their states: wrong, done and, where none is wrong, the first of the others as the current one."""
    # What is wrong comes first: with errors, no other block is the one to go on with.
    current = next((block for block in blocks if errors[block.number]), None)
    for block in blocks:
        wrong = errors[block.number]
        if wrong:
            block.state, block.note = "wrong", f"{wrong} point{'s' if wrong > 1 else ''} à corriger"
        elif block.is_done:
            block.state = "done"
        else:
            block.state, block.note = "todo" if current else "current", ""
            current = current or block
    return blocks


class NewAddressForm(LimitedForm, AddressTwice):
    """« Corriger l'adresse » of a registration: anything but `current`."""

    field_order = ["email", "email_again"]

    def __init__(self, data=None, *, current, likely="", refusal=""):
        super().__init__(data, initial={"email": likely}, refusal=refusal)
        self.current = current
        self.fields["email"].label = "Nouvelle adresse e-mail"
        for field in self.fields.values():
            field.widget.attrs["class"] = "width-email"

    def clean_email(self):
        email = self.cleaned_data["email"]
        if normalised_email(email) == normalised_email(self.current):
            raise ValidationError("C'est déjà l'adresse de votre demande : indiquez la nouvelle.")
        return email


class RegistrationForm(ScopeForm, AddressTwice, IdentifiedForm):
    """« Créer un compte »: who registers, for which structure, for all of it or some services."""

    REQUIRED = (
        AddressTwice.REQUIRED
        | IdentifiedForm.REQUIRED
        | ScopeForm.REQUIRED
        | {"first_name": "Écrivez votre prénom.", "last_name": "Écrivez votre nom."}
    )

    first_name = forms.CharField(label="Prénom", max_length=100, validators=[validate_person_name])
    last_name = forms.CharField(label="Nom", max_length=100, validators=[validate_person_name])
    phone = PhoneNumberField(label="Téléphone", required=False, max_length=30, widget=PhoneAsTyped)
    contact_email = AddressField(
        label="Adresse e-mail de contact",
        required=False,
        help_text="Pour recevoir les courriels de suivi ailleurs, une fois votre compte activé.",
    )
    survey_consent = forms.BooleanField(label="Je veux bien répondre à des enquêtes de satisfaction", required=False)
    terms = forms.BooleanField(
        label="J'accepte les conditions",
        error_messages={"required": "Pour créer un compte, il faut accepter les conditions."},
    )

    captcha_key = forms.CharField(max_length=40, required=False)
    captcha_answer = forms.CharField(
        label="Caractères de l'image",
        max_length=20,
        help_text="Majuscules ou minuscules, sans espace.",
        error_messages={"required": "Recopiez les caractères de l'image, ou écoutez-les."},
    )

    # As on the page: the person before the structure.
    field_order = [
        "email",
        "email_again",
        "first_name",
        "last_name",
        "phone",
        "contact_email",
        "terms",
        "survey_consent",
    ]
    AUTOCOMPLETE = {
        "first_name": "given-name",
        "last_name": "family-name",
        "phone": "tel",
        "contact_email": "off",
        "captcha_answer": "off",
    }
    COMPULSORY = ("email", "email_again", "first_name", "last_name", "terms")
    BLOCKS = {
        1: field_order,
        2: ("identifier_type", "identifier", "nature", *Establishment.DESCRIPTIVE, "undisclosed"),
        3: ("scope", "services", "comment"),
        4: ("captcha_answer",),
    }
    WIDTHS = IdentifiedForm.WIDTHS | {"phone": "width-phone", "captcha_answer": "width-code"}

    def __init__(self, data=None, *, initial=None, refusal="", **options):
        super().__init__(data, initial=initial, refusal=refusal, **options)
        for name, value in self.AUTOCOMPLETE.items():
            self.fields[name].widget.attrs["autocomplete"] = value
        self.fields["terms"].help_text = format_html(
            '<a href="{}" target="_blank">Lire les conditions (nouvel onglet)</a>', reverse("terms")
        )
        self.fields["captcha_answer"].widget.attrs.update(autocapitalize="characters", spellcheck="false")
        self.offer(self.lookup.services if self.lookup else [])

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
            "comment": self.cleaned_data["comment"],
            "suggestion": likely_address(person["email"]),
            "services": [] if self.whole_structure else [str(service) for service in self.cleaned_data["services"]],
        }

    @property
    def fingerprint(self):
        """Of all that was typed: the very same form, sent again, is no second registration."""
        return version_of({name: self.data.getlist(name) for name in self.fields})

    def progress(self, captcha_is_right):
        """« Où vous en êtes »: the four blocks, each with what is still to do there."""
        shown = self.found and (self.found.establishment if self.found.may_show else self.found.full_identifier)
        offered = bool(self.found and self.found.services)
        per_service = offered and self["scope"].value() == PER_SERVICE
        # A level that is preset is chosen once the page that shows it is sent.
        chosen = self["services"].value() if per_service else not (offered and "scope" in self.preset)
        described = self.found and not (self.found.must_describe and self._lacks(self.REQUIRED_DESCRIPTION))
        count = len(self["services"].value() or ())
        scope_note = f"{count} service{'s' if count > 1 else ''}" if per_service else WHOLE_STRUCTURE
        return in_turn(
            [
                Block(1, "personne", "Informations personnelles", not self._lacks(self.COMPULSORY), "Complet"),
                Block(2, "structure", "Informations sur la structure", described, str(shown or "")),
                Block(3, "niveau", "Choix du niveau de rattachement", bool(self.found and chosen), scope_note),
                Block(4, "captcha", "Contrôle anti-robot", captcha_is_right, "Validé"),
            ],
            {number: sum(len(self.errors.get(name, ())) for name in names) for number, names in self.BLOCKS.items()},
        )

    def _lacks(self, names):
        return any(not self[name].value() for name in names)


class CaptchaCheck(NamesEmptyFields, forms.Form):
    """What « Valider le captcha » sends."""

    captcha_key = forms.CharField(max_length=40)
    captcha_answer = forms.CharField(max_length=20)
