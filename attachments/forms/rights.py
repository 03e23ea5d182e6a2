"""What a principal manager leaves to others, and until when."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from attachments.forms.requests import LAST_DAY, DayField
from attachments.models import FURTHEST_DAYS, LEFT_BY_DEFAULT, Right
from plumbing.forms import LimitedForm

# What each right lets one do, in the words of whoever leaves it.
HINTS = {
    Right.DECIDE_REQUESTS: "Valider ou refuser qui demande à rejoindre la structure.",
    Right.DECIDE_SUBSCRIPTIONS: "Valider qui demande un espace.",
    Right.ATTACH_PEOPLE: "Ajouter des utilisateurs simples, prolonger ou terminer leur rattachement.",
    Right.VIEW_HISTORY: "Tout ce qui s'est fait sur la structure, et par qui.",
    Right.OPEN_SPACES: "Choisir les espaces que l'on peut demander sur la structure.",
}
AS_STRUCTURE, YES, NO = "structure", "yes", "no"
SAID = {AS_STRUCTURE: None, YES: True, NO: False}


def left_on(structure):
    """{Right: whether secondary managers of `structure` have it}, but for those with rights of their own."""
    row = getattr(structure, "secondary_rights", None)
    return {right: getattr(row, right) if row else LEFT_BY_DEFAULT[right] for right in Right}


class SecondaryRightsForm(LimitedForm):
    """What all secondary managers of a structure may do there."""

    def __init__(self, structure, data=None):
        super().__init__(data, initial={str(right): held for right, held in left_on(structure).items()})
        for right in Right:
            self.fields[right] = forms.BooleanField(label=right.label, required=False, help_text=HINTS[right])

    @property
    def rights(self):
        """What leave_rights takes."""
        return {right: self.cleaned_data[right] for right in Right}


class PersonalRightsForm(LimitedForm):
    """What one secondary manager may do, where it differs."""

    def __init__(self, attachment, data=None):
        said = {value: word for word, value in SAID.items()}
        super().__init__(data, initial={str(right): said[getattr(attachment, right)] for right in Right})
        for right, held in left_on(attachment.structure).items():
            here = "oui" if held else "non"
            self.fields[right] = forms.ChoiceField(
                label=right.label,
                choices=[(AS_STRUCTURE, f"Comme les autres ({here})"), (YES, "Oui"), (NO, "Non")],
                widget=forms.Select(attrs={"class": "width-name"}),
                help_text=HINTS[right],
                error_messages={"invalid_choice": "Choisissez une des réponses proposées."},
            )

    @property
    def rights(self):
        """What leave_personal_rights takes."""
        return {right: SAID[self.cleaned_data[right]] for right in Right}


class PersonField(forms.ModelChoiceField):
    def label_from_instance(self, place):
        return f"{place.user}, {place.get_role_display().lower()}"


class DeputyForm(LimitedForm):
    """« Suppléance »: who, among those attached whose account is active, and between which days."""

    REQUIRED = {
        "deputy": "Choisissez qui vous supplée.",
        "starts_on": "Choisissez le premier jour.",
        "ends_on": "Choisissez le dernier jour.",
    }

    deputy = PersonField(
        label="Suppléant",
        queryset=None,
        empty_label="Choisir une personne",
        error_messages={"invalid_choice": "Cette personne n'est plus rattachée à la structure, ou pas active."},
    )
    starts_on = DayField(label="Premier jour")
    ends_on = DayField(label="Dernier jour", help_text="Ce jour compte encore.")

    def __init__(self, places, data=None):
        today = timezone.localdate()
        super().__init__(data, initial={"starts_on": today})
        self.fields["deputy"].queryset = places
        for name in ("starts_on", "ends_on"):
            self.fields[name].widget.attrs["min"] = today.isoformat()

    @property
    def named(self):
        """What name_deputy takes beside the structure."""
        return {
            "user_id": self.cleaned_data["deputy"].user_id,
            "starts_on": self.cleaned_data["starts_on"],
            "ends_on": self.cleaned_data["ends_on"],
        }


class ExtensionForm(LimitedForm):
    """« Prolonger »: the new last day, a year later unless another one is chosen."""

    ends_on = DayField(
        label="Nouveau dernier jour", required=False, help_text="Laissez vide pour un rattachement sans date de fin."
    )

    def __init__(self, attachments, data=None):
        last_days = [attachment.ends_on for attachment in attachments]
        super().__init__(data, initial={"ends_on": a_year_after(max(last_days))})
        if min(last_days) < LAST_DAY:
            self.fields["ends_on"].widget.attrs["min"] = (min(last_days) + timedelta(days=1)).isoformat()


class TogetherExtensionForm(ExtensionForm):
    """« Prolonger » several people to one day."""

    REQUIRED = {"ends_on": "Choisissez le nouveau dernier jour."}

    ends_on = DayField(
        label="Nouveau dernier jour", help_text="Le même pour toutes. Qui finit déjà plus tard garde sa date."
    )


def a_year_after(day):
    """The same day of the next year; the one before for a 29 February, and never beyond what DayField takes."""
    if day.year >= LAST_DAY.year:
        return LAST_DAY
    return day.replace(year=day.year + 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


class HandoverDayForm(LimitedForm):
    """When a structure passes to its next principal manager: empty, or today, for at once."""

    date = DayField(
        label="À partir du",
        required=False,
        help_text="Laissez vide pour tout de suite. Sinon, tout se fera automatiquement ce jour-là.",
    )

    def __init__(self, data=None, **options):
        super().__init__(data, **options)
        tomorrow = timezone.localdate() + timedelta(days=1)
        self.fields["date"].widget.attrs["min"] = tomorrow.isoformat()

    def clean_date(self):
        day, today = self.cleaned_data["date"], timezone.localdate()
        if day and not today <= day <= today + timedelta(days=FURTHEST_DAYS):
            raise forms.ValidationError("Choisissez un jour à venir, d'ici un an, ou laissez vide.")
        return day

    @property
    def day(self):
        """None for at once."""
        day = self.cleaned_data["date"]
        return None if day == timezone.localdate() else day
