from typing import NamedTuple

from django import forms
from django.utils import timezone

from attachments.forms import DayField
from plumbing.forms import LimitedForm
from plumbing.validators import validate_plain_text
from spaces.models import Access


class Box(NamedTuple):
    """One access to one service: a box to tick, or what one has already."""

    value: str
    label: str
    ticked: bool
    status: str
    status_label: str


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
            if (service and service.pk, str(access)) not in self.live
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

    def _box(self, service, access, ticked):
        value, row = f"{service.pk if service else 0}-{access}", self.live.get((service and service.pk, str(access)))
        said = (row.status, row.get_status_display()) if row else ("", "")
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
