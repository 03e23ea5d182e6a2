from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from plumbing.deferred import DeferredWork


class Submission(DeferredWork):
    """A registration as it was submitted, until a worker carries it out and deletes it, personal data and all.

    `payload` holds `person` (what register_account takes), `identifier_type`, `identifier`, `described` (the
    structure as the registrant describes it, or None), `whole_structure`, `services` (primary keys) and `comment`.
    """

    reference = models.CharField("dossier n°", max_length=9)
    payload = models.JSONField("inscription", encoder=DjangoJSONEncoder)

    class Meta(DeferredWork.Meta):
        verbose_name = "inscription à traiter"
        verbose_name_plural = "inscriptions à traiter"
        constraints = [models.UniqueConstraint(fields=["reference"], name="submission_reference_unique")]

    def __str__(self):
        return self.reference


class AddressCorrection(DeferredWork):
    """A registrant says that the login address was mistyped; written down whoever the new one belongs to.

    `payload` is the registration's own: nothing came of it where the mistyped address was somebody else's.
    """

    reference = models.CharField("dossier n°", max_length=9)
    email = models.EmailField("nouvelle adresse", max_length=254)
    payload = models.JSONField("inscription", encoder=DjangoJSONEncoder)

    class Meta(DeferredWork.Meta):
        verbose_name = "correction d'adresse"
        verbose_name_plural = "corrections d'adresse"

    def __str__(self):
        return self.reference


class Receipt(models.Model):
    """That a form was taken: the very same one sent again gets the same answer (double click, reload, back).

    `fingerprint` is of all that was typed; `recap` what the last page says. Kept for an hour (forget_receipts).
    """

    captcha_key = models.CharField("captcha", max_length=40)
    fingerprint = models.CharField("empreinte", max_length=16)
    recap = models.JSONField("récapitulatif", encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField("reçue le", auto_now_add=True)

    class Meta:
        verbose_name = "inscription reçue"
        verbose_name_plural = "inscriptions reçues"
        constraints = [
            models.UniqueConstraint(
                fields=["captcha_key"],
                name="receipt_captcha_key_unique",
                violation_error_message="Ce captcha a déjà servi.",
            )
        ]

    def __str__(self):
        return self.captcha_key
