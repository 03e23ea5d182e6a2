from collections import Counter

from django import forms
from django.core.exceptions import ValidationError

from structures.models import Service


class ServicesField(forms.ModelMultipleChoiceField):
    """Tick boxes for services; the form sets which ones are offered. Their codes help those with the same label."""

    def __init__(self, **options):
        super().__init__(
            queryset=Service.objects.none(),
            **{"label": "Services", "widget": forms.CheckboxSelectMultiple, "required": False} | options,
        )
        self.ambiguous = set()

    def offer(self, services):
        """Offer these `services`, rows that are read already: showing them asks nothing more."""
        self.queryset = Service.objects.filter(pk__in=[service.pk for service in services])
        labels = Counter(service.label for service in services)
        self.ambiguous = {label for label, count in labels.items() if count > 1}
        shown = self.iterator(self)
        self.choices = [shown.choice(service) for service in services]

    def label_from_instance(self, service):
        return str(service) if service.label in self.ambiguous else service.label

    def _check_values(self, value):
        try:
            return super()._check_values(value)
        except OverflowError as error:
            # SQLite has no room for such a number: no service bears it.
            raise ValidationError("Un des services choisis n'existe pas.", code="invalid_choice") from error
