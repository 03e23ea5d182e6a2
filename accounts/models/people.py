import re
from contextlib import suppress
from datetime import datetime, time, timedelta

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin, _user_has_perm
from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address
from django.core.validators import validate_email
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from phonenumber_field.modelfields import PhoneNumberField

from plumbing.references import draw_reference, spaced
from plumbing.validators import validate_person_name, validate_plain_line


class SecretQuestion(models.TextChoices):
    PET = "pet", "Quel était le nom de votre premier animal ?"
    TEACHER = "teacher", "Quel était le nom de votre premier instituteur ou de votre première institutrice ?"
    STREET = "street", "Dans quelle rue habitiez-vous enfant ?"
    FRIEND = "friend", "Quel était le prénom de votre meilleur ami ou de votre meilleure amie d'enfance ?"
    BOOK = "book", "Quel est le titre du premier livre que vous avez aimé ?"


class UserQuerySet(models.QuerySet):
    def with_email(self, email):
        """Whoever bears this login address, in any mix of cases, or may still take it back."""
        email = normalised_email(email)
        lately = timezone.now() - UNDO_PERIOD
        return self.filter(Q(email=email) | Q(previous_email=email, email_changed_at__gt=lately))

    def to_warn_of_expiry(self):
        """Those whose password expires soon, and who were not told."""
        now, lifetime = timezone.now(), timedelta(days=settings.PASSWORD_EXPIRES_DAYS)
        return self.filter(
            state=User.State.ACTIVE,
            identity_from_pigp=False,
            password_warned_at=None,
            password_changed_at__gt=now - lifetime,
            password_changed_at__lte=now - lifetime + password_warning_period(),
        )

    def past_reactivation(self):
        """Deactivated, and too late for their owners: only support reopens them (`User.reactivation_until`)."""
        return self.filter(state=User.State.DISABLED, deactivated_at__lt=_midnight(settings.REACTIVATION_DAYS))

    def overdue(self):
        """To have been closed the night before last, and still there: something stands in the way."""
        return self.filter(state=User.State.DISABLED, deactivated_at__lt=_midnight(settings.REACTIVATION_DAYS + 1))

    def never_activated(self):
        """« En cours d'activation » NEVER_ACTIVATED_DAYS days after the link was last sent; nobody where that is 0."""
        days = settings.NEVER_ACTIVATED_DAYS
        activating = self.filter(state=User.State.ACTIVATING)
        return activating.filter(activation_sent_at__lt=_midnight(days)) if days else self.none()

    def to_warn_of_closing(self):
        """Deactivated, to be closed in CLOSING_WARNING_DAYS days or less, and not told since they were."""
        untold = Q(closing_warned_at=None) | Q(closing_warned_at__lt=F("deactivated_at"))
        return self.filter(
            untold,
            state=User.State.DISABLED,
            deactivated_at__lt=_midnight(settings.REACTIVATION_DAYS - settings.CLOSING_WARNING_DAYS - 1),
            deactivated_at__gte=_midnight(settings.REACTIVATION_DAYS),
        )

    def to_anonymise(self):
        """Closed ANONYMISE_AFTER_DAYS days ago or more; nobody where that is 0."""
        days = settings.ANONYMISE_AFTER_DAYS
        closed = self.filter(state=User.State.CLOSED, anonymised_at=None)
        return closed.filter(closed_at__lt=_midnight(days - 1)) if days else self.none()


def _midnight(days_ago):
    """When that day began, in Paris: days are counted as dates, and no change of hour makes one shorter."""
    return timezone.make_aware(datetime.combine(timezone.localdate() - timedelta(days=days_ago), time()))


# How long the owner of a replaced login address may take it back. Nobody else can have it meanwhile.
UNDO_PERIOD = timedelta(hours=72)
PASSWORD_WARNING = timedelta(days=14)


def password_warning_period():
    """How long before it expires a password's owner is told; a short-lived one leaves half its life in peace."""
    return min(PASSWORD_WARNING, timedelta(days=settings.PASSWORD_EXPIRES_DAYS) / 2)


EMAIL_LENGTH = 254
LIKE_AN_ADDRESS = "Écrivez l'adresse comme nom@domaine.fr."
# No mail goes there (RFC 2606): anonymised accounts bear such an address, and nobody else may.
NOWHERE = ".invalid"
# What RFC 5321 lets an address hold before its @ and no provider gives: one mailbox would have many spellings, or the
# address itself would carry a link to whoever reads it in a mail.
_UNUSUAL = re.compile(r"[\"/\\]|^www\.", re.IGNORECASE)


def normalised_email(email):
    """The form an address is stored, compared and counted in: lower case, its domain in ASCII (IDNA)."""
    local, at, domain = email.strip()[: EMAIL_LENGTH + 1].lower().rpartition("@")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode()
    return f"{local}{at}{domain}"


def validate_deliverable(email):
    """Raises ValidationError for an address that mail software cannot write down, or that is none people have.

    Judged as it will be stored: a domain in ASCII may be much longer, and other characters may hide one.
    """
    stored = normalised_email(email)
    try:
        if len(stored) > EMAIL_LENGTH or _UNUSUAL.search(stored.rpartition("@")[0]) or stored.endswith(NOWHERE):
            raise ValueError
        validate_email(email)
        validate_email(stored)
        sanitize_address(stored, "ascii")
    except (ValueError, ValidationError) as error:
        raise ValidationError(LIKE_AN_ADDRESS, code="invalid") from error


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):
    def get_by_natural_key(self, email):
        return self.get(email=normalised_email(email))

    def create_user(self, email, password=None, **fields):
        user = self.model(email=normalised_email(email), **fields)
        user.reference = user.reference or draw_reference(self.model)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email, password=None, **fields):
        rights = {"state": User.State.ACTIVE, "activated_at": timezone.now(), "is_staff": True, "is_superuser": True}
        return self.create_user(email, password, **rights | fields)


ANSWER_LOCKED = "Trop de mauvaises réponses : réessayez dans une heure, ou contactez l'assistance."


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The login address is stored in lower case, so it compares without regard to case."""

    class State(models.TextChoices):
        PENDING = "pending", "En attente d'approbation"
        ACTIVATING = "activating", "En cours d'activation"
        ACTIVE = "active", "Actif"
        DISABLED = "disabled", "Désactivé"
        CLOSED = "closed", "Clos"

    email = models.EmailField("adresse de connexion", max_length=254)
    first_name = models.CharField("prénom", max_length=100, validators=[validate_person_name])
    last_name = models.CharField("nom", max_length=100, validators=[validate_person_name])
    phone = PhoneNumberField("téléphone", blank=True)
    contact_email = models.EmailField("adresse e-mail de contact", max_length=254, blank=True)
    # By a link mailed there: until then anybody may have typed that address.
    contact_confirmed = models.BooleanField("adresse de contact confirmée", default=False, editable=False)
    address = models.CharField("adresse", max_length=250, blank=True, validators=[validate_plain_line])
    complement_1 = models.CharField(
        "complément d'adresse 1", max_length=250, blank=True, validators=[validate_plain_line]
    )
    complement_2 = models.CharField(
        "complément d'adresse 2", max_length=250, blank=True, validators=[validate_plain_line]
    )
    postcode = models.CharField("code postal", max_length=10, blank=True)
    city = models.CharField("ville", max_length=100, blank=True, validators=[validate_plain_line])
    country = models.CharField("pays", max_length=60, blank=True, validators=[validate_plain_line])
    receives_notifications = models.BooleanField("recevoir des notifications", default=False)
    state = models.CharField("statut", max_length=12, choices=State, default=State.PENDING)
    reference = models.CharField("dossier n°", max_length=9)
    # For accounts older than the column, the day it came.
    password_changed_at = models.DateTimeField("mot de passe choisi le", default=timezone.now)
    password_warned_at = models.DateTimeField("expiration du mot de passe annoncée le", null=True, blank=True)
    # A login address asked for, of which nobody has used the link yet: it may be anybody's.
    requested_email = models.EmailField("adresse de connexion demandée", max_length=254, blank=True)
    previous_email = models.EmailField("adresse de connexion précédente", max_length=254, blank=True)
    email_changed_at = models.DateTimeField("adresse de connexion remplacée le", null=True, blank=True)
    secret_question = models.CharField("question secrète", max_length=10, choices=SecretQuestion, blank=True)
    secret_answer = models.CharField("réponse secrète (chiffrée)", max_length=128, blank=True)
    secret_question_changed_at = models.DateTimeField("question secrète choisie le", null=True, blank=True)
    answer_failures = models.PositiveSmallIntegerField("mauvaises réponses secrètes", default=0)
    answer_locked_until = models.DateTimeField("réponse secrète bloquée jusqu'à", null=True, blank=True)
    # Kept in step with the rows that prove it (accounts/actions/second_factor.py), so that no page has to look there.
    second_factor_since = models.DateTimeField("double authentification depuis", null=True, blank=True, editable=False)
    # Part of what signed links vouch for: a new number kills every link sent before.
    link_version = models.PositiveIntegerField("version des liens", default=1)
    identity_from_pigp = models.BooleanField("identité gérée par le PIGP", default=False)
    terms_accepted_at = models.DateTimeField("conditions acceptées le", null=True, blank=True)
    survey_consent_at = models.DateTimeField("accord pour les enquêtes donné le", null=True, blank=True)
    created_at = models.DateTimeField("créé le", default=timezone.now)
    # For accounts older than the column, the day it came.
    activation_sent_at = models.DateTimeField("lien d'activation envoyé le", null=True, blank=True)
    activated_at = models.DateTimeField("activé le", null=True, blank=True)
    deactivated_at = models.DateTimeField("désactivé le", null=True, blank=True)
    closing_warned_at = models.DateTimeField("clôture annoncée le", null=True, blank=True)
    closed_at = models.DateTimeField("clos le", null=True, blank=True)
    anonymised_at = models.DateTimeField("anonymisé le", null=True, blank=True)
    is_staff = models.BooleanField("équipe d'assistance", default=False)

    objects = UserManager()

    # Who somebody is and where they live: what the history never holds (history/data.py), and what anonymising empties.
    PERSONAL = frozenset(
        {"email", "first_name", "last_name", "phone", "contact_email", "requested_email", "previous_email"}
        | {"address", "complement_1", "complement_2", "postcode", "city", "country"}
        | {"secret_question", "secret_answer"}
    )
    ANONYMOUS = "utilisateur clos"

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    class Meta:
        verbose_name = "compte"
        verbose_name_plural = "comptes"
        ordering = ["last_name", "first_name", "id"]
        indexes = [
            models.Index(fields=["deactivated_at"], condition=Q(state="disabled"), name="user_disabled"),
            models.Index(fields=["activation_sent_at"], condition=Q(state="activating"), name="user_activating"),
            models.Index(fields=["previous_email"], condition=~Q(previous_email=""), name="user_previous_email"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["email"], name="user_email_unique", violation_error_message="Cette adresse est déjà utilisée."
            ),
            models.UniqueConstraint(fields=["reference"], name="user_reference_unique"),
            models.CheckConstraint(
                condition=Q(email=Lower("email")),
                name="user_email_lower_case",
                violation_error_message="L'adresse de connexion s'écrit en minuscules.",
            ),
        ]

    def __str__(self):
        return self.get_full_name() or self.email

    @property
    def greeting(self):
        """How mails begin. Before they activated the account, what they gave as their name may be anybody's words."""
        return f"Bonjour {self.first_name}," if self.was_ever_active else "Bonjour,"

    @property
    def known_email(self):
        """The login address, as others read it: an account that gave it up, or is anonymised, has none any more."""
        return "" if self.email.endswith(NOWHERE) else self.email

    @property
    def initials(self):
        """What stands for the person where a name has no room."""
        return "–" if self.anonymised_at else f"{self.first_name[:1]}{self.last_name[:1]}".upper() or "?"

    def clean(self):
        super().clean()
        if self.contact_email:
            try:
                validate_deliverable(self.contact_email)
            except ValidationError as error:
                raise ValidationError({"contact_email": error}) from error

    def has_perm(self, perm, obj=None):
        """What `rules` (and Django's own permissions) answer, for superusers too: no shortcut past them."""
        return _user_has_perm(self, perm, obj)

    async def ahas_perm(self, perm, obj=None):
        return await sync_to_async(self.has_perm)(perm, obj)

    def get_full_name(self):
        if self.anonymised_at:
            return self.ANONYMOUS
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self):
        return self.first_name

    @property
    def is_active(self):
        return self.state == self.State.ACTIVE

    @property
    def was_ever_active(self):
        return self.activated_at is not None

    @property
    def spaced_reference(self):
        return spaced(self.reference)

    @property
    def answer_is_locked(self):
        """Whether too many wrong secret answers were given lately."""
        return self.answer_locked_until is not None and self.answer_locked_until > timezone.now()

    @property
    def must_choose_question(self):
        """Whether somebody else's secret question was thrown away (`restore_address`): the next reset asks for one."""
        return not self.secret_question and self.secret_question_changed_at is not None

    @property
    def password_expires_at(self):
        """When the password must have been replaced; None where it never must, or not here."""
        if not settings.PASSWORD_EXPIRES_DAYS or self.identity_from_pigp:
            return None
        return self.password_changed_at + timedelta(days=settings.PASSWORD_EXPIRES_DAYS)

    @property
    def password_is_expired(self):
        expires_at = self.password_expires_at
        return expires_at is not None and expires_at <= timezone.now()

    @property
    def reactivation_until(self):
        """The last day, in Paris, on which the owner of a deactivated account may reactivate it; None for others.

        REACTIVATION_DAYS days after that of the deactivation, to its end at midnight: a date is what mails say, and
        no change of hour makes it shorter.
        """
        if self.state != self.State.DISABLED or self.deactivated_at is None:
            return None
        return timezone.localdate(self.deactivated_at) + timedelta(days=settings.REACTIVATION_DAYS)

    @property
    def reactivation_ends_at(self):
        """The midnight at which that day is over."""
        until = self.reactivation_until
        return until and timezone.make_aware(datetime.combine(until + timedelta(days=1), time()))

    @property
    def may_reactivate(self):
        """Whether the owner of a deactivated account may still reactivate it."""
        ends_at = self.reactivation_ends_at
        return ends_at is not None and timezone.now() < ends_at

    @property
    def address_undo_until(self):
        """Until when whoever reads the previous login address may take it back; None when nobody may."""
        until = self.email_changed_at and self.email_changed_at + UNDO_PERIOD
        return until if until and until > timezone.now() else None

    @property
    def address_lines(self):
        """The postal address, one line per item."""
        town = f"{self.postcode} {self.city}".strip()
        return [line for line in (self.address, self.complement_1, self.complement_2, town, self.country) if line]

    @property
    def mail_address(self):
        """Where to write about this person's work: the contact address, once somebody who reads it confirmed it."""
        return (self.contact_confirmed and self.contact_email) or self.email
