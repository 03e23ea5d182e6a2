from django.db import models

from plumbing.validators import validate_plain_text
from structures.models.establishments import Structure
from structures.models.validity import Validity


class Service(Validity):
    structure = models.ForeignKey(Structure, models.CASCADE, related_name="services", verbose_name="structure")
    code = models.CharField("code", max_length=100)
    label = models.CharField("libellé", max_length=250)
    description = models.TextField("description", blank=True, max_length=2000, validators=[validate_plain_text])
    requires_commitment = models.BooleanField("le numéro d'engagement est obligatoire", default=False)

    EDITABLE = ("code", "label", "description", "valid_from", "valid_until", "requires_commitment")

    class Meta(Validity.Meta):
        verbose_name = "service"
        verbose_name_plural = "services"
        ordering = ["label", "id"]
        constraints = [
            *Validity.Meta.constraints,
            models.UniqueConstraint(
                fields=["structure", "code"],
                name="service_code_unique",
                violation_error_message="Ce code désigne déjà un service de la structure.",
            ),
        ]

    def __str__(self):
        return f"{self.label} ({self.code})"

    @property
    def searched_text(self):
        return f"{self.label} {self.code}"
