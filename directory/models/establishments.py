from itertools import pairwise

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from directory.identifiers import IdentifierType, clean_identifier, full_identifier, spaced_identifier
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


# What each order of the search reads. Each index holds all that a search compares, so that it never
# reads a row it does not show.
_SEARCHED = {
    "name": ["legal_name_key", "id", "label_key", "city_key", "postcode"],
    "city": ["city_key", "legal_name_key", "id", "label_key", "postcode"],
    "postcode": ["postcode", "legal_name_key", "id", "label_key", "city_key"],
}


def search_indexes(table, **options):
    return [models.Index(fields=fields, name=f"{table}_by_{name}", **options) for name, fields in _SEARCHED.items()]


class LineDigestField(models.BigIntegerField):
    """Digest of the imported line that wrote the row last: whoever else writes the row must empty it.

    The next file's same line is known by it without being read.
    """

    def __init__(self, **options):
        super().__init__(**{"null": True, "editable": False} | options)


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
            | Q(identifier__startswith=key.replace(" ", "") or "?")
        )


# The directory's names in alphabetical slices, each with a trigram index of its own: the first page of a
# search reads the first slices only. They start where many names begin alike, so that the matches among
# those stand at the start of a slice; and none is much larger than the others. Taken from how French
# establishments are named; a directory named otherwise would have uneven slices, and stay right.
_SLICES = """
ASSOCIATION BON CAISSE CENTRE CLUB COMITE DAV EARL ECOLE EURL FOYER GAEC GAR HER JAR LECL LES MART MOR OFFICE
PAY PREV ROL SARL SAS SCI SELARL SNC TAB
"""
NAME_RANGES = list(pairwise(["", *_SLICES.split(), "\U0010ffff"]))

# Words so many French establishments begin with that those of one word fill a page by themselves.
_BEGINNINGS = """
AGENCE ASSOCIATION ATELIER AUTO BAR BOUCHERIE BOULANGERIE CABINET CAFE CENTRE CHARPENTE COIFFURE COLLEGE
COMITE COMMUNE COUVERTURE CREPERIE DOCTEUR EARL ECOLE ELECTRICITE ENTREPRISE EPICERIE EURL FERME FONDATION
GAEC GARAGE GROUPEMENT HOPITAL HOTEL IMMOBILIERE INSTITUT JARDIN LABORATOIRE LES LYCEE MACONNERIE MAIRIE
MAISON MENUISERIE MONSIEUR OFFICE OPTIQUE PAYSAGES PEINTURE PHARMACIE PIZZERIA PLOMBERIE RESTAURANT SALON SARL
SAS SASU SCEA SCI SCM SCP SELARL SERRURERIE SNC SOCIETE SYNDICAT TABAC TAXI TRANSPORTS UNION VILLE
"""
BEGINNINGS = _BEGINNINGS.split()


class DirectoryEntry(Establishment):
    """What the public directory (annuaire) says of an establishment that may not live here yet."""

    closed_on = models.DateField("fermé le", null=True, blank=True)
    line_digest = LineDigestField()

    objects = EstablishmentQuerySet.as_manager()

    class Meta:
        verbose_name = "établissement de l'annuaire"
        verbose_name_plural = "annuaire"
        ordering = ["legal_name", "id"]
        indexes = [
            # What the directory masks is found by its number only.
            *search_indexes("directoryentry", condition=Q(undisclosed=False)),
            *(
                TrigramIndex(
                    fields=["legal_name_key", "label_key"],
                    name=f"directoryentry_trigrams_{number}",
                    condition=Q(undisclosed=False, legal_name_key__gte=first, legal_name_key__lt=after),
                )
                for number, (first, after) in enumerate(NAME_RANGES)
            ),
        ]
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
