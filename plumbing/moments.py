"""The one way of writing an instant: « 25 novembre 2026 à 23 h 16 » (typography keeps « 23 h 16 » in one piece)."""

from django.utils import timezone
from django.utils.formats import date_format


def moment(instant):
    return date_format(timezone.localtime(instant), r"j F Y à G \h i")
