from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from plumbing.deferred import DeferredWork


class Submission(DeferredWork):
    """A registration as it was submitted, until a worker carries it out and deletes it, personal data and all.

    `payload` holds `person` (what register_account takes), `identifier_type`, `identifier`, `described` (the
    structure as the registrant describes it, or None), `whole_structure` and `services` (primary keys).
    """

    reference = models.CharField("dossier n°", max_length=9)
    payload = models.JSONField("inscription", encoder=DjangoJSONEncoder)

    class Meta(DeferredWork.Meta):
        verbose_name = "inscription à traiter"
        verbose_name_plural = "inscriptions à traiter"
        constraints = [models.UniqueConstraint(fields=["reference"], name="submission_reference_unique")]

    def __str__(self):
        return self.reference
