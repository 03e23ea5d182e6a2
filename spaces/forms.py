from typing import NamedTuple

from django import forms
from django.utils import timezone

from attachments.forms import DayField, MotiveForm
from plumbing.forms import ExplainedChoices, LimitedForm
from plumbing.validators import validate_plain_text
from spaces.models import Access, Reach


class Box(NamedTuple):
    """One access to one service: a box to tick, or what one has already."""

    value: str
    label: str
    ticked: bool
    status: str
    status_label: str
    # Asked for by the person whom a decision is about.
    asked: bool = False


class AskForm(LimitedForm):
    """« Ajouter un abonnement »: which accesses to which services, from when.

    `services` are those one may have the space for, None for all one is attached to; `live` the lines one has, or
    waits for.
    """

    parts = forms.MultipleChoiceField(label="Accès demandés")
    starts_on = DayField(label="Date de début", initial=timezone.localdate)
    comment = forms.CharField(
        label="Commentaire",
        max_length=2000,
        required=False,
        # Read by people who decide, in their mails too.
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Pour la personne qui décide : ce que vous ferez dans cet espace. Sans adresse de site.",
    )

    REQUIRED = {"parts": "Cochez au moins un accès : consultation ou modification."}

    def __init__(self, services=(None,), data=None, *, live=(), asks_comment=True):
        self.services = list(services)
        self.live = {(row.service_id, row.access): row for row in live}
        super().__init__(data)
        self.offered = {
            f"{service.pk if service else 0}-{access}": (service, access)
            for service in self.services
            for access in Access
            if self._row(service, access) is None
        }
        self.fields["parts"].choices = [(value, value) for value in self.offered]
        self.fields["parts"].error_messages["invalid_choice"] = (
            "Un des accès cochés n'est plus à demander : recommencez."
        )
        self.initial["parts"] = [f"0-{Access.CONSULTATION}"] if not self.live else []
        if not asks_comment:
            del self.fields["comment"]

    @property
    def rows(self):
        """(service, its boxes) in the order of the page."""
        ticked = set(self["parts"].value() or ())
        return [(service, [self._box(service, access, ticked) for access in Access]) for service in self.services]

    def _row(self, service, access):
        """The line they have or wait for: for this service, or by default, which counts for each."""
        return self.live.get((service and service.pk, str(access)), self.live.get((None, str(access))))

    def _box(self, service, access, ticked):
        value, row = f"{service.pk if service else 0}-{access}", self._row(service, access)
        said = (row.status, row.get_status_display()) if row else ("", "")
        if row and service and row.service_id is None:
            said = (row.status, "Déjà demandé par défaut" if row.is_pending else "Déjà par défaut")
        return Box(value, access.label, value in ticked, *said)

    def clean_starts_on(self):
        day = self.cleaned_data["starts_on"]
        if day < timezone.localdate():
            raise forms.ValidationError("Cette date est passée : choisissez aujourd'hui ou après.")
        return day

    @property
    def asked(self):
        """What the action takes."""
        parts = [self.offered[value] for value in self.cleaned_data["parts"]]
        comment = {"comment": self.cleaned_data["comment"]} if "comment" in self.fields else {}
        return {"parts": parts, "starts_on": self.cleaned_data["starts_on"]} | comment


class NeededAtTimes(forms.CharField):
    """May be empty, but is not marked as optional: its form says when it is needed."""

    def validate(self, value):
        pass


class DecisionForm(LimitedForm):
    """« Valider »: which accesses of which spaces, for whom, a word to them, and to the asker why what they asked for
    and is unticked is refused.

    `rows` are (space, service), None for all the person is attached to; `live` their lines, of which those whose key
    is in `asked` wait for this decision and can be unticked; `counts` how many others each reach is for,
    `besides_decider` when who decides is there too.
    """

    lines = forms.MultipleChoiceField(label="Accès")
    reach = forms.ChoiceField(label="Appliquer", choices=Reach, initial=Reach.USER)
    comment = forms.CharField(
        label="Commentaire",
        max_length=2000,
        required=False,
        # It is mailed.
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Envoyé à toutes les personnes concernées.",
    )
    reason = NeededAtTimes(
        label="Motif de ce qui est refusé",
        max_length=1800,
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Nécessaire si vous décochez un accès demandé. Envoyé au demandeur seul.",
    )

    REQUIRED = {"lines": "Cochez au moins un accès ; pour tout refuser, « Refuser »."}
    use_required_attribute = False

    def __init__(self, rows=(), data=None, *, live=(), asked=(), counts=None, besides_decider=False):
        self.spaces_rows, self.asked = list(rows), set(asked)
        self.live = {(row.space_id, row.service_id, row.access): row for row in live}
        super().__init__(data)
        self.offered = {
            _value(space, service, access): (space, service, access)
            for space, service in self.spaces_rows
            for access in Access
            if self._status(space, service, access) is None
        }
        self.fields["lines"].choices = [(value, value) for value in self.offered]
        self.fields["lines"].error_messages["invalid_choice"] = "Un des accès cochés n'est plus à donner : recommencez."
        self.initial["lines"] = [
            value
            for value, (space, service, access) in self.offered.items()
            if (space.pk, service and service.pk, str(access)) in self.live
        ]
        self.fields["reach"].widget = ExplainedChoices(hints=_people(counts or {}, besides_decider))
        self.fields["reach"].widget.choices = self.fields["reach"].choices

    def _status(self, space, service, access):
        """The line they have already, or asked for elsewhere; None for what this decision is about."""
        row = self.live.get((space.pk, service and service.pk, str(access)))
        return row if row is not None and row.pk not in self.asked else None

    @property
    def rows(self):
        """(space, service, its boxes) in the order of the page."""
        ticked = set(self["lines"].value() or ())
        return [
            (space, service, [self._box(space, service, access, ticked) for access in Access])
            for space, service in self.spaces_rows
        ]

    def _box(self, space, service, access, ticked):
        value, row = _value(space, service, access), self._status(space, service, access)
        said = (row.status, row.get_status_display()) if row else ("", "")
        return Box(value, access.label, value in ticked, *said, value in self.initial["lines"])

    def clean(self):
        super().clean()
        dropped = set(self.initial["lines"]) - set(self.cleaned_data.get("lines", ()))
        if self.cleaned_data.get("lines") and dropped and not self.cleaned_data.get("reason", "x"):
            self.add_error("reason", "Dites pourquoi les accès décochés sont refusés : c'est envoyé au demandeur.")
        return self.cleaned_data

    @property
    def chosen(self):
        """(space, service, access) of each ticked."""
        return [self.offered[value] for value in self.cleaned_data["lines"]]

    @property
    def dropped(self):
        """(space, service, access) of each that was asked for and is not."""
        return [self.offered[value] for value in self.initial["lines"] if value not in self.cleaned_data["lines"]]


def _value(space, service, access):
    return f"{space.pk}-{service.pk if service else 0}-{access}"


def _people(counts, besides_decider):
    """What each reach says: how many people it is for, less those who have it all."""
    said, besides = {}, ", vous non compris" if besides_decider else ""
    for reach, count in counts.items():
        people = f"{count + 1} personnes, demandeur compris" if count else "Personne d'autre à qui les donner"
        said[reach] = people + besides
    if counts.get(Reach.STRUCTURE):
        said[Reach.STRUCTURE] += " : chacun pour tout ce à quoi il est rattaché"
    return said | {Reach.USER: "1 personne : le demandeur"}


class RefusalForm(MotiveForm):
    """« Refuser » requests for spaces: why, once for all."""

    MOTIVES = {
        "work": (
            "Cet accès ne correspond pas à son travail",
            "Cet accès ne correspond pas à votre travail dans la structure. Sinon, parlez-en à un gestionnaire.",
        ),
        "part": (
            "Ce n'est pas le bon service ou le bon accès",
            "Ce n'est pas le bon service ou le bon accès. Faites une demande pour celui dont vous avez besoin.",
        ),
        "comment": (
            "La demande ne dit pas à quoi l'accès servira",
            "Dites à quoi cet accès vous servira, dans le commentaire d'une nouvelle demande.",
        ),
    }


class OpeningForm(LimitedForm):
    """« Ouvrir »: which accesses are asked for each person attached."""

    accesses = forms.MultipleChoiceField(
        label="Accès demandés pour chaque personne",
        choices=Access,
        initial=[Access.CONSULTATION],
        widget=forms.CheckboxSelectMultiple,
    )

    REQUIRED = {"accesses": "Cochez au moins un accès : consultation ou modification."}


class TakingForm(LimitedForm):
    """Why accesses are taken back, for who loses them."""

    reason = forms.CharField(
        label="Motif de ce qui est retiré",
        max_length=1800,
        required=False,
        validators=[validate_plain_text],
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Envoyé aux personnes à qui vous retirez un accès.",
    )
