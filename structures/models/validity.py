from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from plumbing.changes import version_of
from plumbing.text import folded


def open_today(path="", today=None):
    """What can be used today: active and between its dates; of the rows behind `path` when one is given."""
    today, path = today or timezone.localdate(), f"{path}__" if path else ""
    lasts = Q(**{f"{path}valid_until__isnull": True}) | Q(**{f"{path}valid_until__gte": today})
    return lasts & Q(**{f"{path}is_active": True, f"{path}valid_from__lte": today})


class ValidityQuerySet(models.QuerySet):
    def open(self, today=None):
        """What can be used today."""
        return self.filter(open_today(today=today))


class Validity(models.Model):
    """Part of a structure that serves while it is active and between its dates, both included.

    The dates are compared with the current day at each reading: nothing has to run at midnight.
    """

    class Standing(models.TextChoices):
        OPEN = "active", "En service"
        UPCOMING = "upcoming", "À venir"
        OVER = "over", "Terminé"
        INACTIVE = "inactive", "Hors service"

    is_active = models.BooleanField("en service", default=True)
    valid_from = models.DateField("date de début d'activation", default=timezone.localdate)
    valid_until = models.DateField("date de fin d'activation", null=True, blank=True)

    objects = ValidityQuerySet.as_manager()

    # What its manager may change, switching it on and off aside.
    EDITABLE = ()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="%(class)s_dates_in_order",
                violation_error_message="La date de fin précède la date de début.",
            )
        ]

    def matches(self, words):
        """Whether its `searched_text` contains every one of `words`; accents and case do not matter."""
        text = folded(self.searched_text)
        return all(word in text for word in folded(words).split())

    @property
    def version(self):
        """Fingerprint of what its manager may change."""
        return version_of({name: getattr(self, name) for name in self.EDITABLE})

    @property
    def standing(self):
        """Where it stands today. What a manager switched off is off whatever its dates."""
        today = timezone.localdate()
        if not self.is_active:
            return self.Standing.INACTIVE
        if self.valid_from > today:
            return self.Standing.UPCOMING
        if self.valid_until and self.valid_until < today:
            return self.Standing.OVER
        return self.Standing.OPEN
