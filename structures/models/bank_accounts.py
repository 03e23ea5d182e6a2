from django.db import models

from plumbing.fields import CodeField
from structures.models.establishments import Structure
from structures.models.validity import Validity


class BankAccount(Validity):
    """Where a structure is paid (« coordonnée bancaire »)."""

    structure = models.ForeignKey(Structure, models.CASCADE, related_name="bank_accounts", verbose_name="structure")
    label = models.CharField("libellé", max_length=100)
    holder = models.CharField("titulaire", max_length=140)
    iban = CodeField("IBAN", max_length=34)
    bic = CodeField("BIC", max_length=11)
    bank = models.CharField("banque", max_length=140, blank=True)

    EDITABLE = ("label", "holder", "iban", "bic", "bank")

    class Meta(Validity.Meta):
        verbose_name = "coordonnée bancaire"
        verbose_name_plural = "coordonnées bancaires"
        ordering = ["label", "id"]
        constraints = [
            *Validity.Meta.constraints,
            models.UniqueConstraint(
                fields=["structure", "iban"],
                name="bankaccount_iban_unique",
                violation_error_message="La structure a déjà une coordonnée bancaire avec cet IBAN.",
            ),
        ]

    def __str__(self):
        return f"{self.label} ({self.masked_iban})"

    @property
    def searched_text(self):
        return f"{self.label} {self.holder} {self.bank}"

    @property
    def masked_iban(self):
        """All that most people may see of the IBAN."""
        return masked(self.iban)

    @property
    def spaced_iban(self):
        """The IBAN in groups of four, as banks print it."""
        return " ".join(self.iban[i : i + 4] for i in range(0, len(self.iban), 4))


def masked(iban):
    """The country and the last four characters."""
    return f"{iban[:2]}•• •••• {iban[-4:]}"


def hide_iban(change):
    """The Change, as whoever may not see whole IBANs may read it."""
    if change.name != "iban":
        return change
    return change._replace(old=masked(change.old), new=masked(change.new))
