"""The second factor: what proves, beside the password, that it is its owner who logs in.

Devices in the sense of django-otp, which counts the wrong codes of each and makes the next try wait.
"""

import secrets
import time

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import cached_property
from django_otp.models import Device, SideChannelDevice, ThrottlingMixin
from django_otp.oath import TOTP

from plumbing.sealed import digest, unseal

CODE_SECONDS = 600
DIGITS = 6
# After so many wrong codes in a row the wait between two tries grows no more: about half an hour.
MOST_FAILURES_COUNTED = 12
WAITS_AT_MOST = 2 ** (MOST_FAILURES_COUNTED - 1)
RECOVERY_CODES = 10
# No letter that is taken for a digit.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class Way(models.TextChoices):
    """How one may prove it, the handiest first."""

    TOTP = "totp", "Application d'authentification"
    PASSKEY = "passkey", "Clé d'accès"
    EMAIL = "email", "Code par courriel"
    RECOVERY = "recovery", "Code de secours"


class Factor(ThrottlingMixin, Device):
    """What gives a person codes: one of each kind."""

    # django-otp's would go with the account, and there could be many.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="%(class)s", verbose_name="compte"
    )
    name = None
    created_at = models.DateTimeField("ajouté le", default=timezone.now)

    class Meta:
        abstract = True

    def __str__(self):
        return f"{self._meta.verbose_name} ({self.user_id})"

    def takes(self, token):
        """Whether `token` is right; uses it up, and leaves saving to the caller."""
        raise NotImplementedError

    def verify_token(self, token):
        """Whether `token` is right, now that its row is locked: it counts once. A wrong one is counted."""
        if not self.verify_is_allowed()[0]:
            return False
        right = self.takes(token)
        if right:
            self.throttle_reset(commit=False)
            self.save()
        else:
            self.throttle_increment()
        return right

    def throttle_increment(self, commit=True):
        """Waits double with each wrong code, to a limit: whoever knows a password could shut its owner out for days."""
        super().throttle_increment(commit=False)
        self.throttling_failure_count = min(self.throttling_failure_count, MOST_FAILURES_COUNTED)
        if commit:
            self.save()

    def get_throttle_factor(self):
        return 1


class TotpDevice(Factor):
    """An application that shows another code every 30 seconds, from a key it was given once."""

    sealed_key = models.CharField("clé (chiffrée)", max_length=200)
    last_t = models.BigIntegerField("période du dernier code pris", default=-1)

    class Meta:
        verbose_name = "application d'authentification"
        verbose_name_plural = "applications d'authentification"

    def takes(self, token):
        key = unseal(self.sealed_key)
        if key is None or len(token) != DIGITS or not (token.isascii() and token.isdigit()):
            return False
        totp = TOTP(bytes.fromhex(key), digits=DIGITS)
        totp.time = time.time()
        right = totp.verify(int(token), tolerance=1, min_t=self.last_t + 1)
        if right:
            self.last_t = totp.t()
        return right


class EmailDevice(Factor, SideChannelDevice):
    """The login address: each code is mailed when asked for. Not confirmed, it serves only whoever must have a
    second factor and has none yet."""

    name = None
    # A code dies with the address it was sent to.
    sent_to = models.EmailField("dernier code envoyé à", max_length=254, blank=True)

    class Meta:
        verbose_name = "code par courriel"
        verbose_name_plural = "codes par courriel"

    @property
    def has_code(self):
        """Whether a code that was mailed can still be used."""
        return self.token is not None and self.sent_to == self.user.email and timezone.now() < self.valid_until

    def generate_challenge(self):
        """Draws another code, to be mailed: the one before it is worth nothing any more."""
        self.sent_to = self.user.email
        self.generate_token(length=DIGITS, valid_secs=CODE_SECONDS)
        return self.token

    def takes(self, token):
        return self.has_code and SideChannelDevice.verify_token(self, token)


class RecoveryDevice(Factor):
    """Codes noted on paper, each good once; only what recognises them is kept."""

    digests = models.JSONField("codes restants (empreintes)", default=list)

    class Meta:
        verbose_name = "codes de secours"
        verbose_name_plural = "codes de secours"

    @staticmethod
    def draw():
        """Ten new codes, as they are shown."""
        drawn = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
        return [f"{code[:5]}-{code[5:]}" for code in drawn]

    @staticmethod
    def digest(code):
        """What recognises a code, however its case and dash are typed."""
        return digest("".join(letter for letter in code.lower() if letter.isalnum()))

    def takes(self, token):
        typed = self.digest(token)
        left = [kept for kept in self.digests if not constant_time_compare(kept, typed)]
        right = len(left) < len(self.digests)
        self.digests = left
        return right


class Passkey(models.Model):
    """A key of WebAuthn: a phone, a computer, a USB key that signs what the portal asks."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="passkeys", verbose_name="compte")
    name = models.CharField("nom", max_length=50)
    # In base64url, of 1,023 bytes at most.
    credential_id = models.CharField("identifiant", max_length=1364)
    public_key = models.BinaryField("clé publique")
    sign_count = models.BigIntegerField("compteur", default=0)
    transports = models.JSONField("transports", default=list)
    # A signature is worth once, also for keys that do not count theirs.
    last_challenge = models.CharField("dernière question signée", max_length=100, blank=True)
    created_at = models.DateTimeField("ajoutée le", default=timezone.now)
    last_used_at = models.DateTimeField("utilisée le", null=True, blank=True)

    class Meta:
        verbose_name = "clé d'accès"
        verbose_name_plural = "clés d'accès"
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["credential_id"],
                name="passkey_credential_unique",
                violation_error_message="Cette clé d'accès est déjà enregistrée.",
            )
        ]

    def __str__(self):
        return self.name


DEVICES = {Way.TOTP: TotpDevice, Way.EMAIL: EmailDevice, Way.RECOVERY: RecoveryDevice}


class Factors:
    """What somebody has to log in with, beside their password."""

    def __init__(self, user):
        self.user = user
        self.totp = TotpDevice.objects.filter(user=user).first()
        self.email = EmailDevice.objects.filter(user=user).select_related("user").first()
        self.recovery = RecoveryDevice.objects.filter(user=user).first()
        self.passkeys = list(Passkey.objects.filter(user=user))

    @property
    def has_email(self):
        return self.email is not None and self.email.confirmed

    @property
    def any(self):
        return bool(self.totp or self.has_email or self.passkeys)

    @property
    def codes_left(self):
        return len(self.recovery.digests) if self.recovery else 0

    @cached_property
    def ways(self):
        """The Ways they may choose among. Who has none proves that they read their login address."""
        has = {
            Way.TOTP: self.totp,
            Way.PASSKEY: self.passkeys,
            Way.EMAIL: self.has_email or not self.any,
            Way.RECOVERY: self.codes_left,
        }
        return [way for way in Way if has[way]]
