"""What managers type of the people of their structures: their place, who they are, why they are detached."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from phonenumber_field.formfields import PhoneNumberField

from accounts.forms.doors import AddressField, AddressTwice
from accounts.mistyped import likely_address
from attachments.forms.requests import PER_SERVICE, WHOLE, DayField, DecisionForm, LevelForm, check_day
from attachments.models import WHOLE_STRUCTURE, Role
from plumbing.changes import changes, overwriting
from plumbing.errors import ChangedMeanwhile
from plumbing.forms import ExplainedChoices, LimitedForm, NamesEmptyFields, PhoneAsTyped
from plumbing.text import folded
from plumbing.validators import validate_person_name, validate_plain_text


class PlaceForm(LevelForm):
    """Somebody's role, part of the structure and dates: a new place, or `place` as it is to become.

    `roles` are those the person at the screen may give. `version` is that of the place as the page showed it.
    """

    REQUIRED = LevelForm.REQUIRED | {
        "role": "Choisissez le rôle que vous donnez.",
        "starts_on": "Indiquez le premier jour du rattachement.",
    }

    role = forms.ChoiceField(
        label="Rôle", widget=ExplainedChoices(hints=DecisionForm.base_fields["role"].widget.hints), initial=Role.SIMPLE
    )
    starts_on = DayField(label="Date de début")
    ends_on = DayField(label="Date de fin", required=False, help_text="Dernier jour. Vide : sans limite.")
    version = forms.CharField(widget=forms.HiddenInput, required=False)
    field_order = ["role"]

    def __init__(self, structure, data=None, *, roles=(Role.SIMPLE,), place=None, initial=None, refusal=""):
        self.structure, self.place = structure, place
        shown = {"starts_on": timezone.localdate()} if place is None else self._shown(place)
        super().__init__(data, initial=shown | (initial or {}), refusal=refusal)
        self.fields["role"].choices = [(role.value, role.label) for role in map(Role, roles)]
        offered = list(structure.services.open())
        self.has_services = bool(offered)
        self.fields["services"].offer(offered)
        if not offered:
            self.fields["scope"].choices = self.fields["scope"].choices[:1]
            self.initial["scope"] = WHOLE
        self.fields["services"].required = self.is_bound and self.data.get("scope") == PER_SERVICE
        if place is None:
            del self.fields["version"]

    @staticmethod
    def _shown(place):
        return {
            "role": place.role,
            "scope": WHOLE if place.whole_structure else PER_SERVICE,
            "services": [service.pk for service in place.services.all()],
            "starts_on": place.starts_on,
            "ends_on": place.ends_on,
            "version": place.version,
        }

    def clean(self):
        super().clean()
        starts_on, ends_on = self.cleaned_data.get("starts_on"), self.cleaned_data.get("ends_on")
        if starts_on and ends_on and ends_on < starts_on:
            self.add_error("ends_on", "La date de fin précède la date de début.")
        return self.cleaned_data

    @property
    def services_chosen(self):
        """The services meant, none for the whole structure."""
        return list(self.cleaned_data["services"]) if self.cleaned_data["scope"] == PER_SERVICE else []

    @property
    def terms(self):
        """The role and dates, as actions take them."""
        return {
            "role": Role(self.cleaned_data["role"]),
            "starts_on": self.cleaned_data["starts_on"],
            "ends_on": self.cleaned_data["ends_on"],
        }

    @property
    def change(self):
        """What change_place takes."""
        return self.terms | {
            "whole_structure": self.cleaned_data["scope"] == WHOLE,
            "services": self.services_chosen,
            "version": self.cleaned_data["version"],
        }

    def refuse(self, refusal):
        """Of a place somebody else changed meanwhile, the next submit replaces what is there now."""
        if isinstance(refusal, ChangedMeanwhile):
            current = type(self.place).objects.get(pk=self.place.pk)
            self.data = self.data.copy()
            self.data["version"] = current.version
            for name, theirs, typed in list(self._differences(current)):
                self.add_error(name, overwriting(theirs, typed))
        super().refuse(refusal)

    def _differences(self, current):
        """(field, what is there now, what was typed) of each answer that would replace another one."""
        for change in changes(current, self.terms):
            yield change.name, change.before, change.after
        theirs = {service.pk: service.label for service in current.services.all()}
        typed = {service.pk: service.label for service in self.services_chosen}
        if theirs.keys() != typed.keys():
            yield "scope", *(", ".join(sorted(part.values())) or WHOLE_STRUCTURE for part in (theirs, typed))


class AttachForm(PlaceForm):
    """« Rattacher un utilisateur »: `person`, or whoever bears an address; here, and in `others`, more structures."""

    REQUIRED = PlaceForm.REQUIRED | {"email": "Écrivez l'adresse de connexion de la personne."}

    email = AddressField(
        label="Adresse de connexion",
        help_text="Celle avec laquelle la personne se connecte au portail.",
        widget=forms.EmailInput(attrs={"autocomplete": "off", "class": "width-email"}),
    )
    others = forms.MultipleChoiceField(
        label="Aussi à ces structures",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Avec le même rôle et les mêmes dates, à toute la structure.",
    )
    comment = forms.CharField(
        label="Commentaire",
        max_length=2000,
        required=False,
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Dans le courriel que la personne reçoit. Sans adresse de site.",
    )
    field_order = ["email", "role", "scope", "services", "others", "starts_on", "ends_on", "comment"]

    def __init__(self, structure, data=None, *, person=None, others=(), **options):
        super().__init__(structure, data, **options)
        if person is not None:
            del self.fields["email"]
        self.structures = {str(other.pk): other for other in others}
        self.fields["others"].choices = [(key, str(other)) for key, other in self.structures.items()]
        if not others:
            del self.fields["others"]

    @property
    def parts(self):
        """(structure, services) of each place given, none for the whole structure; the one of this page first."""
        ticked = [self.structures[key] for key in self.cleaned_data.get("others", ())]
        return [(self.structure, self.services_chosen), *((structure, []) for structure in ticked)]


class InviteForm(AddressTwice, PlaceForm):
    """« Créer le compte utilisateur »: for somebody who then only activates it.

    An address that is likely mistyped is doubted once: the same one sent again is meant, or `corrected` replaces it.
    """

    REQUIRED = (
        PlaceForm.REQUIRED
        | AddressTwice.REQUIRED
        | {"email": "Écrivez l'adresse de la personne.", "first_name": "Écrivez son prénom."}
        | {"last_name": "Écrivez son nom."}
    )

    first_name = forms.CharField(label="Prénom", max_length=100, validators=[validate_person_name])
    last_name = forms.CharField(label="Nom", max_length=100, validators=[validate_person_name])
    phone = PhoneNumberField(label="Téléphone", required=False, max_length=30, widget=PhoneAsTyped)
    meant = forms.CharField(widget=forms.HiddenInput, required=False)
    field_order = ["email", "email_again", "first_name", "last_name", "phone", "role"]

    def __init__(self, structure, data=None, **options):
        if data is not None and (corrected := data.get("corrected")):
            data = data.copy()
            data["email"] = data["email_again"] = data["meant"] = corrected
        super().__init__(structure, data, **options)
        self.likely = ""
        self.fields["email"].label = "Adresse de connexion"
        self.fields["email"].help_text = "Son adresse professionnelle : le lien d'activation y est envoyé."
        self.fields["email_again"].label = "Confirmation de l'adresse de connexion"
        for name, width in (("email", "email"), ("email_again", "email"), ("phone", "phone")):
            self.fields[name].widget.attrs |= {"class": f"width-{width}", "autocomplete": "off"}

    def clean(self):
        super().clean()
        email = self.cleaned_data.get("email", "")
        likely = likely_address(email) if email else ""
        if likely and self.cleaned_data.get("meant") != email:
            self.likely, self.data = likely, self.data.copy()
            self.data["meant"] = email
            self.add_error("email", f"Vouliez-vous écrire {likely} ? Si l'adresse est juste, envoyez de nouveau.")
        return self.cleaned_data

    @property
    def person(self):
        """What invite_account takes."""
        return {name: self.cleaned_data[name] for name in ("email", "first_name", "last_name", "phone")}


class DetachForm(LimitedForm):
    """« Détacher »: why, if the manager says so."""

    reason = forms.CharField(
        label="Motif",
        max_length=1000,
        required=False,
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Envoyé à la personne, et gardé dans l'historique. Sans adresse de site.",
    )


class LineForm(NamesEmptyFields, forms.Form):
    """One line of the « fichier d'utilisateurs »: words in the place of choices, dates as the French write them."""

    DAYS = ("%d/%m/%Y", "%Y-%m-%d")

    email = AddressField(label="Adresse de connexion")
    first_name = forms.CharField(label="Prénom", max_length=100, validators=[validate_person_name])
    last_name = forms.CharField(label="Nom", max_length=100, validators=[validate_person_name])
    phone = PhoneNumberField(label="Téléphone", required=False, max_length=30)
    role = forms.CharField(label="Rôle", required=False)
    services = forms.CharField(label="Services", required=False)
    starts_on = forms.DateField(label="Date de début", required=False, input_formats=DAYS, validators=[check_day])
    ends_on = forms.DateField(label="Date de fin", required=False, input_formats=DAYS, validators=[check_day])

    def __init__(self, data=None, *, roles=(Role.SIMPLE,), services=()):
        super().__init__(data)
        self.roles = {folded(Role(role).label): Role(role) for role in roles}
        self.known_services = dict(services)

    def clean_role(self):
        typed = self.cleaned_data["role"]
        if not typed:
            return Role.SIMPLE
        if folded(typed) not in self.roles:
            raise ValidationError(f"« {typed[:50]} » n'est pas un rôle que vous donnez ici.")
        return self.roles[folded(typed)]

    def clean_services(self):
        codes = [code.strip() for code in self.cleaned_data["services"].split(",") if code.strip()]
        unknown = [code[:50] for code in codes if folded(code) not in self.known_services]
        if unknown:
            raise ValidationError(f"Aucun service en service n'a ce code : {', '.join(unknown)}.")
        return list(dict.fromkeys(self.known_services[folded(code)] for code in codes))

    def clean(self):
        super().clean()
        today = timezone.localdate()
        starts_on, ends_on = self.cleaned_data.get("starts_on") or today, self.cleaned_data.get("ends_on")
        if ends_on and ends_on < max(starts_on, today):
            self.add_error("ends_on", "Cette date précède la date de début, ou est passée.")
        return self.cleaned_data

    @property
    def wanted(self):
        """(who it is, as invite_account takes it; what they get, as a Place takes it)"""
        cleaned = self.cleaned_data
        person = {name: cleaned[name] for name in ("email", "first_name", "last_name", "phone")}
        place = {name: cleaned[name] for name in ("role", "starts_on", "ends_on")}
        return person, place | {"whole_structure": not cleaned["services"], "services": tuple(cleaned["services"])}


class FileForm(NamesEmptyFields, forms.Form):
    """The « fichier d'utilisateurs » itself."""

    file = forms.FileField(
        label="Fichier",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="CSV, 500 personnes et 200 Ko au plus.",
        error_messages={"required": "Choisissez un fichier.", "empty": "Ce fichier est vide."},
    )
