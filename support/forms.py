from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.forms.doors import AddressField
from accounts.models import User, normalised_email
from attachments.deciders import managers_of
from directory.identifiers import IdentifierType, clean_identifier
from documents.contents import KINDS
from plumbing.forms import ExplainedChoices, LimitedForm, NamesEmptyFields
from plumbing.text import alike
from plumbing.validators import validate_person_name, validate_plain_text, validate_visible_line
from structures.forms.identified import TOO_MANY_LOOKUPS
from structures.lookup import LookupOutcome, look_up
from structures.models import Structure
from support.models import ANSWERS, SUBJECT_LENGTH, Category, Ticket

MESSAGE_LENGTH = 10_000
ATTACH, BELONG = "attachments.attach_people", "structures.belong_to"
WIDE = {"class": "width-email", "autocomplete": "off"}


def message_field(label="Message", **options):
    return forms.CharField(
        label=label,
        max_length=MESSAGE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 7}),
        error_messages={"max_length": "Ce message compte %(show_value)d caractères : 10 000 au plus."},
        **options,
    )


def file_field(label="Joindre un fichier", kinds=tuple(KINDS), said="PDF, image, document, tableau, zip", **options):
    return forms.FileField(
        label=label,
        help_text=f"10 Mo au plus : {said}.",
        widget=forms.FileInput(attrs={"accept": ",".join(f".{kind}" for kind in kinds)}),
        error_messages={"empty": "Ce fichier est vide : choisissez-en un autre.", "invalid": "Choisissez un fichier."},
        **options,
    )


def line_field(label, *validators, length=250, **options):
    widget = forms.TextInput(attrs=WIDE)
    return forms.CharField(label=label, max_length=length, validators=validators, widget=widget, **options)


def name_field(label, **options):
    return line_field(label, validate_person_name, length=201, **options)


class RefusableForm(NamesEmptyFields, forms.Form):
    def refuse(self, refusal):
        """Say why the action refused (an ActionError), beside the field it is about."""
        field = refusal.field if refusal.field in self.fields else None
        self.add_error(field, ValidationError(str(refusal), code=refusal.code))


class TicketForm(RefusableForm):
    """What one category of ticket asks. A draft takes whatever is there, as long as it is well written."""

    REQUIRED = {"subject": "Écrivez l'objet, en quelques mots.", "text": "Écrivez votre message."}
    category = Category.GENERAL

    subject = line_field("Objet", validate_visible_line, length=SUBJECT_LENGTH)
    text = message_field("Message", help_text="Ce que vous vouliez faire, ce qui s'est passé, ce que vous attendez.")
    file = file_field(required=False)

    def __init__(self, data=None, files=None, *, user, initial=None, is_draft=False, lookups_allowed=True):
        super().__init__(data, files, initial=initial)
        self.user, self.is_draft, self.lookups_allowed = user, is_draft, lookups_allowed
        self.structure = None
        if is_draft:
            for field in self.fields.values():
                field.required = False

    def ask_all(self):
        """A draft that is shown again says what sending it takes."""
        for name, field in self.fields.items():
            field.required = self.base_fields[name].required

    @classmethod
    def of(cls, ticket, data=None, files=None, **options):
        filled = ticket.answers | {"subject": ticket.subject, "structure": ticket.structure_id}
        return cls(data, files, initial=filled, user=ticket.author, **options)

    # Fields that stand side by side.
    PAIRS = {}

    @property
    def rows(self):
        """The fields as they stand on the page, one or two a line."""
        seconds = self.PAIRS.values()
        names = [name for name in self.fields if name not in seconds]
        return [[self[name], self[self.PAIRS[name]]] if name in self.PAIRS else [self[name]] for name in names]

    @property
    def values(self):
        """What write_ticket takes."""
        typed = self.cleaned_data
        return {
            "subject": typed.get("subject") or self.category.label,
            "structure": self.structure,
            "answers": {name: typed[name] for name in ANSWERS if typed.get(name)},
            "text": typed["text"],
        }


class GeneralForm(TicketForm):
    structure = forms.ModelChoiceField(
        Structure.objects.none(),
        label="Structure concernée",
        required=False,
        empty_label="Aucune en particulier",
        widget=forms.Select(attrs={"class": "width-email"}),
    )
    field_order = ["structure", "subject", "text", "file"]

    def __init__(self, *args, user, **options):
        super().__init__(*args, user=user, **options)
        held = user.attachments.effective().values("structure")
        asked = user.attachment_requests.pending().values("structure")
        mine = Structure.objects.filter(Q(pk__in=held) | Q(pk__in=asked)).order_by("legal_name", "pk")
        self.fields["structure"].queryset = mine
        self.fields["structure"].label_from_instance = _known_as

    def clean(self):
        super().clean()
        self.structure = self.cleaned_data.get("structure")
        return self.cleaned_data


def _known_as(structure):
    return structure.full_identifier if structure.keeps_private else str(structure)


class NamedByNumberForm(TicketForm):
    """About a structure that its SIRET and its name tell."""

    PAIRS = {"siret": "legal_name"}

    subject = None
    siret = line_field("SIRET", length=30, help_text="14 chiffres, avec ou sans espaces.")
    legal_name = line_field("Raison sociale", validate_visible_line)

    REQUIRED = TicketForm.REQUIRED | {
        "siret": "Écrivez le SIRET de la structure.",
        "legal_name": "Écrivez la raison sociale.",
    }

    def clean_siret(self):
        typed = self.cleaned_data["siret"]
        if not typed:
            return typed
        siret = clean_identifier(IdentifierType.SIRET, typed)
        if not self.lookups_allowed:
            raise ValidationError(TOO_MANY_LOOKUPS)
        self.judge(look_up(IdentifierType.SIRET, siret))
        return siret

    def judge(self, lookup):
        """Refuse a number that is not one to ask about; the structure meant is `self.structure`."""
        self.structure = lookup.structure
        if lookup.outcome is not LookupOutcome.STRUCTURE:
            raise ValidationError(
                "Aucune structure active du portail ne porte ce SIRET. Vérifiez-le ; pour une structure publique "
                "absente du portail, choisissez « Demande de création de structure publique »."
            )

    def clean(self):
        """A number and a name of two structures: said where the name is not kept from strangers."""
        super().clean()
        named, structure = self.cleaned_data.get("legal_name"), self.structure
        if self.is_draft or not named or structure is None:
            return self.cleaned_data
        names = (structure.legal_name, structure.label)
        may_know = not structure.keeps_private or self.user.has_perm("structures.view_structure", structure)
        if may_know and not any(name and alike(named, name) for name in names):
            self.add_error("legal_name", f"Ce SIRET est celui d'une autre structure : {structure}.")
        return self.cleaned_data


class ClaimForm(NamedByNumberForm):
    category = Category.MANAGER_GONE
    PAIRS = NamedByNumberForm.PAIRS | {"principal_name": "principal_login", "target_name": "target_login"}

    principal_name = name_field("Nom du gestionnaire actuel", required=False, help_text="Si vous le connaissez.")
    principal_login = AddressField(label="Son adresse de connexion", required=False, widget=forms.EmailInput(WIDE))
    target_name = name_field("Nom du nouveau gestionnaire", help_text="Prénom et nom.")
    target_login = AddressField(
        label="Adresse du nouveau gestionnaire",
        widget=forms.EmailInput(WIDE),
        help_text="Celle de sa connexion. Son compte doit être actif : l'assistance le vérifie avant l'attestation.",
    )
    field_order = ["siret", "legal_name", "principal_name", "principal_login", "target_name", "target_login"]

    REQUIRED = NamedByNumberForm.REQUIRED | {
        "target_name": "Écrivez le nom du nouveau gestionnaire.",
        "target_login": "Écrivez l'adresse de connexion du nouveau gestionnaire.",
        "text": "Dites ce que vous savez du départ du gestionnaire.",
    }

    def __init__(self, *args, user, **options):
        super().__init__(*args, user=user, **options)
        self.fields["text"].label = "Que s'est-il passé ?"
        self.fields["text"].help_text = "Depuis quand le gestionnaire est parti, qui le remplace et à quel titre."

    def clean(self):
        """Whether an address has an account is told only to who may attach people there, and finds out anyway."""
        super().clean()
        if self.is_draft:
            return self.cleaned_data
        login = normalised_email(self.cleaned_data.get("target_login") or "")
        may_know = self.structure and self.user.has_perm(ATTACH, self.structure)
        if login and may_know and not User.objects.filter(email=login, state=User.State.ACTIVE).exists():
            self.add_error("target_login", "Aucun compte actif n'a cette adresse de connexion.")
        elif login and self._is_in_place(login):
            self.add_error("target_login", "Cette personne est déjà gestionnaire principal de cette structure.")
        return self.cleaned_data

    def _is_in_place(self, login):
        """Whether the person named manages already, as far as whoever asks may know: colleagues do."""
        if login == normalised_email(self.cleaned_data.get("principal_login") or ""):
            return True
        principal = self.structure and managers_of(self.structure).acting_principal
        if not principal or login != principal.email:
            return False
        return self.user == principal or self.user.has_perm(BELONG, self.structure)


class NoPrincipalForm(NamedByNumberForm):
    category = Category.NO_PRINCIPAL
    field_order = ["siret", "legal_name", "text", "file"]

    def __init__(self, *args, user, **options):
        super().__init__(*args, user=user, **options)
        self.fields["text"].help_text = "Vos fonctions dans la structure, et qui doit en être gestionnaire principal."

    def judge(self, lookup):
        if lookup.outcome is LookupOutcome.DIRECTORY and lookup.is_public:
            return
        super().judge(lookup)
        if not self.structure.is_public:
            raise ValidationError("Cette structure est privée : demandez à y être rattaché.")
        if managers_of(self.structure).acting_principal:
            raise ValidationError(
                "Cette structure a un gestionnaire principal. S'il est parti, choisissez « Gestionnaire principal "
                "inconnu ou parti » ; pour y travailler, demandez à y être rattaché."
            )


class PublicStructureForm(NamedByNumberForm):
    category = Category.PUBLIC_STRUCTURE

    legal_status = line_field(
        "Statut juridique", validate_visible_line, help_text="Collège, commune, établissement public…"
    )
    address = line_field("Adresse", validate_visible_line, help_text="Numéro et rue, code postal, ville.")
    field_order = ["legal_status", "siret", "legal_name", "address", "text", "file"]

    REQUIRED = NamedByNumberForm.REQUIRED | {
        "legal_status": "Écrivez le statut juridique.",
        "address": "Écrivez l'adresse de la structure.",
    }

    def __init__(self, *args, user, **options):
        super().__init__(*args, user=user, **options)
        self.fields["text"].help_text = "Vos fonctions, et pourquoi la structure manque sur le portail."

    def judge(self, lookup):
        if lookup.outcome in (LookupOutcome.STRUCTURE, LookupOutcome.INACTIVE):
            raise ValidationError("Une structure du portail porte déjà ce SIRET : demandez à y être rattaché.")
        if lookup.outcome is LookupOutcome.CLOSED:
            raise ValidationError("D'après l'annuaire, cet établissement est fermé.")


FORMS = {form.category: form for form in (ClaimForm, NoPrincipalForm, PublicStructureForm, GeneralForm)}


class ReplyForm(RefusableForm):
    """A message more."""

    REQUIRED = {"text": "Écrivez votre message."}

    text = message_field("Votre message")
    file = file_field(required=False)


class VisitorReplyForm(ReplyForm):
    file = None


class SignedForm(RefusableForm):
    """The certificate, signed."""

    REQUIRED = {"file": "Choisissez la page signée."}
    SCANS = ("pdf", "png", "jpg", "jpeg", "tif", "tiff")
    file = file_field("Attestation signée", kinds=SCANS, said="PDF ou image (png, jpg, tiff)")

    def __init__(self, *args, **options):
        # Its page has another form with a file.
        super().__init__(*args, auto_id="signed_%s", **options)


class ObjectionForm(RefusableForm):
    REQUIRED = {"reason": "Dites pourquoi vous vous opposez."}

    reason = forms.CharField(
        label="Pourquoi vous vous opposez",
        max_length=2_000,
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Seule l'assistance le lira.",
    )


class ReactivationForm(LimitedForm):
    """« Réactivation d'un compte après 60 jours », for who cannot log in."""

    REQUIRED = {
        "name": "Écrivez votre prénom et votre nom.",
        "email": "Écrivez l'adresse avec laquelle vous vous connectiez.",
        "text": "Dites à l'assistance ce qui s'est passé.",
    }

    name = forms.CharField(
        label="Prénom et nom",
        max_length=201,
        validators=[validate_person_name],
        widget=forms.TextInput(attrs={"class": "width-email", "autocomplete": "name"}),
    )
    email = AddressField(
        label="Adresse de connexion",
        widget=forms.EmailInput(attrs={"class": "width-email", "autocomplete": "email"}),
        help_text="Celle de votre ancien compte : la réponse y est envoyée.",
    )
    text = message_field("Message", help_text="La structure où vous travaillez, et depuis quand le compte est fermé.")
    captcha_key = forms.CharField(max_length=40, required=False)
    captcha_answer = forms.CharField(
        label="Caractères de l'image",
        max_length=20,
        error_messages={"required": "Recopiez les caractères de l'image, ou écoutez-les."},
    )

    @property
    def values(self):
        return {name: self.cleaned_data[name] for name in ("name", "email", "text")}


class AnswerForm(RefusableForm):
    """Support's answer, and what becomes of the ticket."""

    REQUIRED = {"text": "Écrivez la réponse.", "status": "Choisissez ce que devient la sollicitation."}
    OUTCOMES = {
        Ticket.Status.ACTION_REQUIRED: ("Demander un complément", "La sollicitation attend son auteur."),
        Ticket.Status.SOLVED: ("Répondre et clore", "L'auteur peut la rouvrir en répondant."),
        Ticket.Status.IN_PROGRESS: ("Répondre et garder la main", "Elle reste dans la file de l'assistance."),
    }

    text = message_field("Réponse")
    file = file_field(required=False)
    status = forms.ChoiceField(
        label="Ensuite",
        choices=[(value, label) for value, (label, _) in OUTCOMES.items()],
        widget=ExplainedChoices(hints=[(value, hint) for value, (_, hint) in OUTCOMES.items()]),
    )
    seen = forms.IntegerField(widget=forms.HiddenInput)


class TransferForm(RefusableForm):
    """« Effectuer le transfert »; `reason` is asked while something stands in the way."""

    REQUIRED = {"reason": "Dites pourquoi vous passez outre."}

    reason = forms.CharField(
        label="Pourquoi passer outre",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Gardé dans l'historique de la structure, et montré au gestionnaire averti.",
    )

    def __init__(self, *args, is_held_back=True, **options):
        super().__init__(*args, **options)
        self.fields["reason"].required = is_held_back
