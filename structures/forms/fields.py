from django import forms
from django.core.exceptions import ValidationError

from structures.models import Service


class ServicesField(forms.ModelMultipleChoiceField):
    """Tick boxes for services; the form sets which ones are offered."""

    def __init__(self, **options):
        super().__init__(
            queryset=Service.objects.none(),
            **{"label": "Services", "widget": forms.CheckboxSelectMultiple, "required": False} | options,
        )

    def offer(self, services):
        """Offer these `services`, rows that are read already: showing them asks nothing more."""
        self.queryset = Service.objects.filter(pk__in=[service.pk for service in services])
        shown = self.iterator(self)
        self.choices = [shown.choice(service) for service in services]

    def _check_values(self, value):
        try:
            return super()._check_values(value)
        except OverflowError as error:
            # SQLite has no room for such a number: no service bears it.
            raise ValidationError("Un des services choisis n'existe pas.", code="invalid_choice") from error
