from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from directory.identifiers import (
    IdentifierType,
    clean_identifier,
    full_identifier,
    identifier_key,
    spaced_identifier,
)
from plumbing.fields import CodeField, SearchKeyField, TrigramIndex
from plumbing.text import search_key


class Nature(models.TextChoices):
    PUBLIC = "public", "Publique"
    PRIVATE = "private", "Privée"


class Establishment(models.Model):
    """What is known of an establishment, whether it lives here or only in the directory."""

    identifier_type = models.CharField(
        "type d'identifiant", max_length=12, choices=IdentifierType, default=IdentifierType.SIRET
    )
    identifier = CodeField("identifiant", max_length=50)
    nature = models.CharField("type de structure", max_length=8, choices=Nature)
    legal_name = models.CharField("raison sociale", max_length=250)
    label = models.CharField("libellé", max_length=250, blank=True)
    address = models.CharField("adresse", max_length=250, blank=True)
    complement_1 = models.CharField("complément d'adresse 1", max_length=250, blank=True)
    complement_2 = models.CharField("complément d'adresse 2", max_length=250, blank=True)
    postcode = CodeField("code postal", max_length=10, blank=True)
    city = models.CharField("ville", max_length=100, blank=True)
    country = models.CharField("pays", max_length=60, default="France")
    undisclosed = models.BooleanField("non diffusible", default=False)
    legal_name_key = SearchKeyField("legal_name")
    label_key = SearchKeyField("label")
    city_key = SearchKeyField("city", max_length=100)

    # What the registration form copies from an establishment it knows.
    DESCRIPTIVE = (
        "legal_name",
        "label",
        "address",
        "complement_1",
        "complement_2",
        "postcode",
        "city",
        "country",
    )

    class Meta:
        abstract = True

    def __str__(self):
        return self.label or self.legal_name

    def clean(self):
        super().clean()
        if self.identifier and self.identifier_type in IdentifierType.values:
            try:
                self.identifier = clean_identifier(self.identifier_type, self.identifier)
            except ValidationError as error:
                raise ValidationError({"identifier": error}) from error

    @property
    def is_public(self):
        return self.nature == Nature.PUBLIC

    @property
    def keeps_private(self):
        """Whether visitors may learn only that it exists: non diffusible, or a natural person."""
        return self.undisclosed or self.identifier_type == IdentifierType.PERSON

    # Whether even people who are logged in see nothing but the identifier.
    is_masked = False

    @property
    def description(self):
        """Its DESCRIPTIVE fields, by name."""
        return {name: getattr(self, name) for name in self.DESCRIPTIVE}

    @property
    def spaced_identifier(self):
        return spaced_identifier(self.identifier_type, self.identifier)

    @property
    def full_identifier(self):
        return full_identifier(self.identifier_type, self.identifier)

    @property
    def address_lines(self):
        return address_lines(self.description)


def address_lines(description):
    """A postal address from an establishment's DESCRIPTIVE fields, one line per item."""
    d = description
    town = f"{d['postcode']} {d['city']}".strip()
    lines = [line for line in (d["address"], d["complement_1"], d["complement_2"], town) if line]
    # A country alone is no address.
    return [*lines, d["country"]] if lines and d["country"] else lines


def search_indexes(table, visibility):
    """What a search reads (`structures/search/reading.py`): by each order and by postcode, an index of all that it
    compares and of the column that says who may find a row, so that it looks at no row it does not show; and one for
    three letters anywhere."""
    covering = {
        "name": ["legal_name_key", "id", "label_key", "city_key", "postcode", "identifier", visibility],
        "city": ["city_key", "legal_name_key", "id", "label_key", "postcode", "identifier", visibility],
        "postcode": ["postcode", "legal_name_key", "id", "label_key", "city_key", "identifier", visibility],
        "number": ["identifier", "id", "legal_name_key", "label_key", "city_key", "postcode", visibility],
    }
    return [
        *(models.Index(fields=fields, name=f"{table}_by_{name}") for name, fields in covering.items()),
        TrigramIndex(fields=["legal_name_key", "label_key", "city_key"], name=f"{table}_trigrams"),
    ]


class EstablishmentQuerySet(models.QuerySet):
    def identified_by(self, identifier_type, identifier):
        return self.filter(identifier_type=identifier_type, identifier=identifier)

    def called(self, words):
        """Those whose name or identifier contains `words`, as people type them; accents and case do not matter."""
        key = search_key(words)
        if not key:
            return self.none()
        return self.filter(
            Q(legal_name_key__contains=key)
            | Q(label_key__contains=key)
            | Q(identifier__startswith=identifier_key(words))
        )


class DirectoryEntry(Establishment):
    """What the public directory (annuaire) says of an establishment that may not live here yet."""

    closed_on = models.DateField("fermé le", null=True, blank=True)

    objects = EstablishmentQuerySet.as_manager()

    class Meta:
        verbose_name = "établissement de l'annuaire"
        verbose_name_plural = "annuaire"
        ordering = ["legal_name", "id"]
        indexes = search_indexes("directoryentry", "undisclosed")
        constraints = [
            models.UniqueConstraint(
                fields=["identifier", "identifier_type"],
                name="directoryentry_identifier_unique",
                violation_error_message="L'annuaire contient déjà cet identifiant.",
            )
        ]

    def __str__(self):
        return "Établissement non diffusible" if self.is_masked else super().__str__()

    @property
    def is_masked(self):
        return self.undisclosed
