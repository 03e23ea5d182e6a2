from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.safestring import mark_safe

from attachments.models import WHOLE_STRUCTURE, Attachment, Role
from history.outcomes import Kind
from plumbing.forms import ExplainedChoices, LimitedForm, NamesEmptyFields
from plumbing.validators import validate_plain_text
from structures.forms import ServicesField

WHOLE, PER_SERVICE = "whole", "services"


class DecisionForm(NamesEmptyFields, forms.Form):
    """« Valider »: in which role, and for which part of the structure.

    Each service comes with its « statut du rattachement »: asked, already held, or neither.
    `roles` are those the person at the screen may give; the least one is proposed, but none where they may name
    the principal manager a structure lacks.
    """

    role = forms.ChoiceField(
        label="Rôle",
        widget=ExplainedChoices(
            hints={
                Role.SIMPLE: "Travaille dans ses espaces ; ne décide rien pour les autres.",
                Role.SECONDARY: "Décide aussi des demandes de rattachement.",
                Role.PRINCIPAL: "Gère tout : la structure, ses services, ses comptes bancaires, les demandes.",
            }
        ),
        error_messages={"required": "Choisissez le rôle que vous donnez."},
    )
    scope = forms.ChoiceField(
        label="Niveau de rattachement",
        choices=[(WHOLE, WHOLE_STRUCTURE), (PER_SERVICE, "Par services")],
        widget=forms.RadioSelect,
    )
    services = ServicesField()

    ASKED, HELD = "En cours de validation", "Validé"

    def __init__(self, attachment_request, data=None, *, roles=(Role.SIMPLE,)):
        self.request = attachment_request
        open_services = list(attachment_request.structure.services.open())
        requested = list(attachment_request.services.all())
        asked = {service.pk for service in requested}
        held = self._held(attachment_request)
        self.closed_services = [service for service in requested if service not in open_services]
        self.statuses = dict.fromkeys(held, self.HELD) | dict.fromkeys(asked, self.ASKED)
        super().__init__(
            data,
            initial={
                "role": None if Role.PRINCIPAL in roles else Role.SIMPLE,
                "scope": WHOLE if attachment_request.whole_structure or not open_services else PER_SERVICE,
                "services": asked | held,
            },
        )
        self.fields["role"].choices = [(role.value, role.label) for role in roles]
        self.fields["services"].offer(open_services)
        self.has_services = bool(open_services)
        if not open_services:
            self.fields["scope"].choices = [(WHOLE, WHOLE_STRUCTURE)]

    @staticmethod
    def _held(attachment_request):
        current = Attachment.objects.lasting().filter(
            user=attachment_request.user_id, structure=attachment_request.structure_id
        )
        return set(current.exclude(services=None).values_list("services", flat=True))

    @property
    def service_rows(self):
        """(tick box, « statut du rattachement ») for each service open today, those asked or held first."""
        rows = [(box, self.statuses.get(box.data["value"].value, "")) for box in self["services"]]
        return sorted(rows, key=lambda row: ("", self.HELD, self.ASKED).index(row[1]), reverse=True)

    @property
    def ticked_labels(self):
        """The services ticked on the page as it is served."""
        return [box.data["value"].instance.label for box, _ in self.service_rows if box.data["selected"]]

    def clean(self):
        super().clean()
        scope, services = self.cleaned_data.get("scope"), self.cleaned_data.get("services")
        if scope == PER_SERVICE and not services:
            self.add_error("services", "Cochez au moins un service, ou toute la structure.")
        # What was ticked from the start is no choice: it is out of sight when the whole structure is chosen.
        elif scope == WHOLE and any(service.pk not in self.initial["services"] for service in services or ()):
            self.add_error("scope", "Des services sont cochés : décochez-les, ou choisissez-les seuls.")
        return self.cleaned_data

    @property
    def decision(self):
        """What approve_request takes."""
        return {
            "role": Role(self.cleaned_data["role"]),
            "whole_structure": self.cleaned_data["scope"] == WHOLE,
            "services": self.cleaned_data["services"],
        }


class MotiveForm(NamesEmptyFields, forms.Form):
    """« Refuser »: why, in words the person can act upon: one of the ready motives, the manager's own, or both."""

    OTHER = "other"
    # value: (what the manager reads, what the person is sent), OTHER apart
    MOTIVES = {}

    motive = forms.ChoiceField(
        label="Motif du refus",
        widget=ExplainedChoices(are_cards=True),
        error_messages={"invalid_choice": "Choisissez un des motifs proposés."},
    )
    reason = forms.CharField(
        label="Précision",
        max_length=1800,
        required=False,
        # It is mailed to an address that nobody may have confirmed.
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Envoyée telle quelle, à la suite du motif choisi. Obligatoire avec « Autre motif ».",
        error_messages={"required": "Indiquez le motif du refus : il est envoyé au demandeur."},
    )
    # Only one of the motives requires words.
    use_required_attribute = False

    def __init__(self, data=None, *, without=()):
        """`without` are the values of the motives that make no sense here."""
        if data is not None and not data.get("motive"):
            # Words without a ready motive are a motive of one's own.
            data = data.copy()
            data["motive"] = self.OTHER
        super().__init__(data)
        self.fields["reason"].required = data is None or data["motive"] == self.OTHER
        offered = {value: motive for value, motive in self.MOTIVES.items() if value not in without}
        motive = self.fields["motive"]
        motive.widget.hints = {value: f"Texte envoyé : « {sent} »" for value, (_, sent) in offered.items()} | {
            self.OTHER: "Écrivez-le ci-dessous."
        }
        motive.choices = [*((value, label) for value, (label, _) in offered.items()), (self.OTHER, "Autre motif")]

    def clean(self):
        super().clean()
        typed, (_, ready) = self.cleaned_data.get("reason"), self.MOTIVES.get(self.cleaned_data.get("motive"), ("", ""))
        self.full_reason = "\n".join(filter(None, [ready, typed]))
        return self.cleaned_data


class RefusalForm(MotiveForm):
    """« Refuser » requests for a place."""

    MOTIVES = {
        "service": (
            "Ce n'est pas le bon service",
            "Ce n'est pas le bon service. Faites une nouvelle demande pour le service où vous travaillez.",
        ),
        "structure": (
            "Ce n'est pas la bonne structure",
            "Ce n'est pas la bonne structure. Vérifiez le SIRET de la vôtre, puis faites une nouvelle demande.",
        ),
        "unknown": (
            "Je ne connais pas cette personne",
            "Je ne vous identifie pas. Faites-vous connaître auprès de la structure, puis renvoyez votre demande.",
        ),
    }

    def __init__(self, requests, data=None):
        whole = any(request.whole_structure for request in requests)
        super().__init__(data, without=["service"] if whole else [])


FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


def check_day(day):
    """Beyond these, somebody mistyped; and at the ends of the calendar, no day before or after can be told."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError(f"Écrivez une date entre {FIRST_DAY.year} et {LAST_DAY.year}.")


class DayField(forms.DateField):
    """A day, as browsers pick one."""

    default_validators = [check_day]

    def __init__(self, **options):
        # Browsers read and send ISO dates, whatever they show.
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "width-date"})
        super().__init__(widget=widget, **options)
        self.error_messages["invalid"] = "Écrivez une date qui existe, 01/09/2026 par exemple."


LEVELS = [(WHOLE, WHOLE_STRUCTURE), (PER_SERVICE, "Seulement un ou plusieurs services")]


class LevelForm(LimitedForm):
    """Which part of a structure is meant: all of it, or some of its services."""

    REQUIRED = {
        "scope": "Choisissez un niveau de rattachement.",
        "services": f"Cochez au moins un service, ou choisissez « {WHOLE_STRUCTURE} ».",
    }

    scope = forms.ChoiceField(label="Niveau de rattachement", choices=LEVELS, widget=forms.RadioSelect, initial=WHOLE)
    services = ServicesField(label="Services de cette structure")

    def clean(self):
        super().clean()
        # What was ticked from the start is no choice: it is out of sight when the whole structure is chosen.
        before, ticked = self.initial.get("services", ()), self.cleaned_data.get("services") or ()
        if self.cleaned_data.get("scope") == WHOLE and any(service.pk not in before for service in ticked):
            # What was meant is for the person to say.
            self.add_error("scope", "Des services sont cochés : décochez-les, ou choisissez-les seuls.")
        return self.cleaned_data


class ScopeForm(LevelForm):
    """At which level somebody asks to be attached, and what they say of it to whoever decides."""

    scope = forms.ChoiceField(
        label=LevelForm.base_fields["scope"].label,
        choices=LEVELS,
        widget=ExplainedChoices(
            are_cards=True,
            hints={
                WHOLE: mark_safe(
                    "Vous suivez tout ce qui concerne la structure : direction, secrétariat général.<br>"
                    "« je souhaite me rattacher à la maille de l'organisation »"
                ),
                PER_SERVICE: mark_safe(
                    "Vous suivez ce qui concerne ces services. Vous pourrez en demander d'autres plus tard.<br>"
                    "« à la maille du service »"
                ),
            },
        ),
        initial=WHOLE,
    )
    comment = forms.CharField(
        label="Commentaire",
        max_length=2000,
        required=False,
        # Read by people who decide, in their mails too.
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Pour la personne qui décide : votre fonction, qui vous remplacez… Sans adresse de site.",
    )

    def offer(self, services):
        """Offer these `services` beside all of the structure; without any there is no level to choose."""
        self.has_services = bool(services)
        self.fields["services"].offer(services)
        self.fields["scope"].required = self.has_services
        chosen = not self.is_bound or self.data.get("scope") == PER_SERVICE
        self.fields["services"].required = self.has_services and chosen

    @property
    def whole_structure(self):
        return not (self.has_services and self.cleaned_data["scope"] == PER_SERVICE)


class AskingForm(ScopeForm):
    """« Demander un rattachement »: to all of the structure, or to some of its services beyond those `held`.

    `before` is the same person's earlier request, which they correct. Without `asks_dates`, the place has its dates
    already, or has none.
    """

    starts_on = DayField(
        label="Date de début",
        required=False,
        help_text="Aujourd'hui, si vous ne dites rien.",
    )
    ends_on = DayField(
        label="Date de fin",
        required=False,
        help_text="Dernier jour. Laissez vide si vous restez.",
    )

    def __init__(self, structure, data=None, *, held=(), before=None, asks_dates=True):
        today = timezone.localdate()
        super().__init__(data, initial={"starts_on": today} | (_asked_before(before, today) if before else {}))
        self.asks_dates = asks_dates
        if asks_dates:
            self.fields["starts_on"].widget.attrs["min"] = self.fields["ends_on"].widget.attrs["min"] = (
                today.isoformat()
            )
        else:
            del self.fields["starts_on"], self.fields["ends_on"]
        self.offer(list(structure.services.open().exclude(pk__in=[service.pk for service in held])))
        if not self.has_services:
            self.fields["scope"].choices = self.fields["scope"].choices[:1]
            self.initial.pop("scope", None)
        elif held:
            # Whoever came for one service more must not get the whole structure by sending the page as it came.
            self.fields["scope"].choices = self.fields["scope"].choices[::-1]
            self.initial.setdefault("scope", None)

    @property
    def asked(self):
        """What send_request takes."""
        return {
            "whole_structure": self.whole_structure,
            "services": self.cleaned_data["services"],
            "comment": self.cleaned_data["comment"],
            "starts_on": self.cleaned_data.get("starts_on"),
            "ends_on": self.cleaned_data.get("ends_on"),
        }


def _asked_before(request, today):
    """What the form shows of an earlier request; days that are past are not asked for again."""
    return {
        "scope": WHOLE if request.whole_structure else PER_SERVICE,
        "services": [service.pk for service in request.services.all()],
        "comment": request.comment,
        "starts_on": max(request.starts_on, today),
        "ends_on": request.ends_on if request.ends_on and request.ends_on >= today else None,
    }


class HistoryForm(NamesEmptyFields, forms.Form):
    """What of the history to show. `structures` are those to choose from, (id, name), when there are several."""

    since = DayField(label="Du", required=False)
    until = DayField(label="Au", required=False)
    person = forms.CharField(label="Personne", max_length=100, required=False)
    kind = forms.ChoiceField(label="Sorte d'action", required=False, choices=[("", "Toutes"), *Kind.choices])
    structure = forms.TypedChoiceField(label="Structure", required=False, coerce=int, empty_value=None)

    def __init__(self, data=None, *, structures=()):
        super().__init__(data)
        for name in ("kind", "structure"):
            self.fields[name].error_messages["invalid_choice"] = "Choisissez dans la liste."
        if len(structures) > 1:
            self.fields["structure"].choices = [("", f"Mes {len(structures)} structures"), *structures]
        else:
            del self.fields["structure"]

    def clean(self):
        super().clean()
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "La date de fin précède la date de début.")
        return self.cleaned_data

    @property
    def is_set(self):
        return any(self.data.get(name) for name in self.fields)
