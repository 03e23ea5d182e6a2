from django import forms

from attachments.models import Attachment, Role
from plumbing.validators import validate_no_link
from structures.forms import ServicesField

WHOLE, PER_SERVICE = "whole", "services"


class DecisionForm(forms.Form):
    """« Valider »: in which role, and for which part of the structure.

    Each service comes with its « statut du rattachement »: asked, already held, or neither.
    `roles` are those the person at the screen may give.
    """

    role = forms.ChoiceField(label="Rôle", widget=forms.RadioSelect, initial=Role.SIMPLE)
    scope = forms.ChoiceField(
        label="Niveau de rattachement",
        choices=[(WHOLE, "La structure entière"), (PER_SERVICE, "Seulement les services cochés")],
        widget=forms.RadioSelect,
    )
    services = ServicesField()

    ASKED, HELD = "En cours de validation", "Validé"

    def __init__(self, attachment_request, data=None, *, roles=(Role.SIMPLE,)):
        self.request = attachment_request
        open_services = list(attachment_request.structure.services.open())
        asked = {service.pk for service in attachment_request.services.all()}
        held = self._held(attachment_request)
        self.statuses = dict.fromkeys(held, self.HELD) | dict.fromkeys(asked, self.ASKED)
        super().__init__(
            data,
            initial={
                "scope": WHOLE if attachment_request.whole_structure or not open_services else PER_SERVICE,
                "services": asked | held,
            },
        )
        self.fields["role"].choices = [(role.value, role.label) for role in roles]
        self.fields["services"].queryset = attachment_request.structure.services.open()
        self.has_services = bool(open_services)
        if not open_services:
            self.fields["scope"].choices = [(WHOLE, "La structure entière")]

    @staticmethod
    def _held(attachment_request):
        current = Attachment.objects.lasting().filter(
            user=attachment_request.user_id, structure=attachment_request.structure_id
        )
        return set(current.exclude(services=None).values_list("services", flat=True))

    @property
    def service_rows(self):
        """(tick box, « statut du rattachement ») for each service open today."""
        return [(box, self.statuses.get(box.data["value"].value, "")) for box in self["services"]]

    def clean(self):
        super().clean()
        scope, services = self.cleaned_data.get("scope"), self.cleaned_data.get("services")
        if scope == PER_SERVICE and not services:
            self.add_error("services", "Cochez au moins un service, ou la structure entière.")
        elif scope == WHOLE and services:
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


class RefusalForm(forms.Form):
    """« Refuser »: why, in words the person can act upon."""

    reason = forms.CharField(
        label="Motif du refus",
        max_length=2000,
        # It is mailed to an address that nobody may have confirmed.
        validators=[validate_no_link],
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Il est envoyé tel quel au demandeur : dites-lui ce qu'il peut corriger.",
        error_messages={"required": "Indiquez le motif du refus : il est envoyé au demandeur."},
    )
