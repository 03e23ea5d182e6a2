"""The second factor: set up, taken away, and asked for. Alone to write its rows and `User.second_factor_since`."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import emails, passkeys
from accounts.actions.rows import lock_proven, lock_user
from accounts.models import (
    DEVICES,
    EmailDevice,
    Factors,
    Passkey,
    RecoveryDevice,
    TotpDevice,
    User,
    Way,
)
from history.actions import record
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.errors import ActionError, AlreadyDone

MOST_PASSKEYS = 10
# Wrong codes in a row after which the owner is told that somebody knows the password.
TELLING_FAILURES = 5
# The same words for a wrong code, an expired one and one that served.
WRONG_CODE = "Ce code n'est pas valable : faux, expiré ou déjà utilisé."
WRONG_PASSKEY = "La clé d'accès n'a pas été reconnue. Réessayez, ou choisissez un autre moyen."
TOO_MANY_CODES = "Trop de codes demandés. Servez-vous du dernier reçu, ou réessayez dans une heure."


# Set up and taken away, by whoever just gave the password (`me`).


@transaction.atomic
def add_totp(me, *, sealed_key, code):
    """Let codes of an application in, once it showed a right one. New recovery codes if this is the first factor.

    Raises ActionError when there is one already, or on a wrong code.
    """
    user = lock_proven(me)
    if TotpDevice.objects.filter(user=user).exists():
        raise AlreadyDone("already_there", "Une application est déjà enregistrée : retirez-la pour en changer.")
    device = TotpDevice(user=user, sealed_key=sealed_key)
    if not device.verify_token(code):
        raise ActionError("wrong_code", WRONG_CODE, field="code")
    return _added(user, Way.TOTP)


@transaction.atomic
def turn_on_email_code(me):
    """Let codes mailed to the login address in. New recovery codes if this is the first factor."""
    user = lock_proven(me)
    device, _ = EmailDevice.objects.get_or_create(user=user, defaults={"confirmed": False})
    if device.confirmed:
        raise AlreadyDone("already_there", "Les codes par courriel sont déjà activés.")
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    return _added(user, Way.EMAIL)


@transaction.atomic
def add_passkey(me, *, name, credential, challenge):
    """Let a key in, which answered `challenge`. New recovery codes if this is the first factor.

    Raises ActionError when its answer proves nothing, when it is known, or beyond ten.
    """
    user = lock_proven(me)
    made = passkeys.read_new(credential, challenge) if challenge else None
    if made is None:
        raise ActionError("wrong_passkey", "La clé d'accès n'a pas répondu comme attendu. Recommencez.")
    if Passkey.objects.filter(credential_id=made["credential_id"]).exists():
        raise ActionError("already_there", "Cette clé d'accès est déjà enregistrée.")
    if user.passkeys.count() >= MOST_PASSKEYS:
        raise ActionError("too_many", f"Vous avez déjà {MOST_PASSKEYS} clés d'accès : retirez-en une.")
    Passkey.objects.create(user=user, name=name, **made)
    return _added(user, Way.PASSKEY)


@transaction.atomic
def remove_factor(me, *, way, passkey_id=None):
    """Take one factor away; recovery codes go with the last."""
    user = lock_proven(me)
    rows = DEVICES[way].objects if way in DEVICES else Passkey.objects.filter(pk=passkey_id)
    deleted, _ = rows.filter(user=user).delete()
    if not deleted:
        raise AlreadyDone("not_there", "Ce moyen est déjà retiré.")
    _settle(user)
    _changed(user, Event.SECOND_FACTOR_REMOVED, "removed", way)


@transaction.atomic
def turn_off_second_factor(me):
    """Take all factors away."""
    user = lock_proven(me)
    if user.second_factor_since is None:
        raise AlreadyDone("not_there", "La double authentification est déjà désactivée.")
    drop_factors(user)
    _changed(user, Event.SECOND_FACTOR_TURNED_OFF, "turned_off")


@transaction.atomic
def renew_recovery_codes(me):
    """Ten new recovery codes, which are shown once; those before are worth nothing any more."""
    user = lock_proven(me)
    if user.second_factor_since is None:
        raise ActionError("no_factor", "Ajoutez d'abord un moyen de vous identifier.")
    codes = _draw_codes(user)
    _changed(user, Event.RECOVERY_CODES_DRAWN, "codes_drawn")
    return codes


@transaction.atomic
def remove_second_factor(user_id, *, actor, reason):
    """Support takes all factors of somebody away who lost them, and says why.

    Raises ActionError for one's own, and when there are none.
    """
    user = lock_user(user_id)
    if user == actor:
        raise ActionError("own_factor", "la vôtre se retire dans « Mon compte ».")
    if user.second_factor_since is None:
        raise AlreadyDone("not_there", "pas de double authentification sur ce compte.")
    drop_factors(user)
    record(Event.SECOND_FACTOR_TURNED_OFF, actor=actor, subject=user, reference=user.reference, reason=reason)
    emails.send_second_factor_changed(user, change="removed_by_support")


def drop_factors(user, **which):
    """Delete the factors of a locked account, or those meant by `which`: the Ways that counted and are gone."""
    dropped = []
    for way, table in {**DEVICES, Way.PASSKEY: Passkey}.items():
        rows = table.objects.filter(user=user, **which)
        if any(getattr(row, "confirmed", True) for row in rows):
            dropped.append(way)
        rows.delete()
    _settle(user)
    return dropped


def forget_factors(users):
    """Delete the factors of accounts that are closed: who is let in again by support sets up others."""
    for table in (*DEVICES.values(), Passkey):
        table.objects.filter(user__in=users).delete()
    User.objects.filter(pk__in=[user.pk for user in users]).update(second_factor_since=None)


# Asked for, of whoever gave the password and is not let in yet.


@transaction.atomic
def mail_login_code(user_id):
    """Mail a code to the login address; the one before it is worth nothing any more.

    Raises ActionError when that is not one of the account's ways, or beyond the rate.
    """
    user = lock_user(user_id)
    device, _ = EmailDevice.objects.get_or_create(user=user, defaults={"confirmed": False})
    if not _serves(user, device):
        raise ActionError("not_a_way", "Les codes par courriel ne sont pas activés sur ce compte.")
    if not within_mail_rate("login_code", user.email, settings.MAIL_TO_ONE_RATE):
        raise ActionError("too_many_codes", TOO_MANY_CODES)
    device.user = user
    emails.send_login_code(user, code=device.generate_challenge(), valid_until=device.valid_until)


def use_code(user_id, *, way, code):
    """Use a code up: it is right once. Raises ActionError on a wrong, expired or used one, or when tried too soon."""
    with transaction.atomic():
        user = lock_user(user_id)
        device = DEVICES[way].objects.select_for_update(of=("self",)).filter(user=user).first()
        refusal = _judge(user, device, code)
        if refusal is None and way == Way.RECOVERY:
            _changed(user, Event.RECOVERY_CODE_USED, "code_used", count=len(device.digests))
        # Not again while it stays at that: whoever tries too soon is not counted.
        counted = refusal is not None and refusal.code == "wrong_code" and device is not None
        if counted and device.throttling_failure_count == TELLING_FAILURES:
            _tell_of_wrong_codes(user)
    # Outside: the count of a wrong code must not be rolled back with what it refuses.
    if refusal is not None:
        raise refusal


def _judge(user, device, code):
    """Try `code`: the ActionError it deserves, None if right."""
    if device is None or not _serves(user, device):
        return ActionError("wrong_code", WRONG_CODE, field="code")
    device.user = user
    allowed, why = device.verify_is_allowed()
    if not allowed:
        seconds = int((why["locked_until"] - timezone.now()).total_seconds()) + 1
        wait = f"{seconds} secondes" if seconds < 120 else f"{seconds // 60 + 1} minutes"
        return ActionError("too_soon", f"Trop d'essais rapprochés. Attendez {wait}, puis réessayez.", field="code")
    return None if device.verify_token(code) else ActionError("wrong_code", WRONG_CODE, field="code")


@transaction.atomic
def use_passkey(user_id, *, credential, challenge):
    """Check that one of the account's keys signed `challenge`, which counts once. Raises ActionError otherwise."""
    user = lock_user(user_id)
    passkey = user.passkeys.filter(credential_id=passkeys.credential_id_of(credential)).first()
    if passkey is None or not challenge or passkey.last_challenge == challenge:
        raise ActionError("wrong_code", WRONG_PASSKEY)
    count = passkeys.new_count(passkey, credential, challenge)
    if count is None:
        raise ActionError("wrong_code", WRONG_PASSKEY)
    passkey.sign_count, passkey.last_challenge, passkey.last_used_at = count, challenge, timezone.now()
    passkey.save(update_fields=["sign_count", "last_challenge", "last_used_at"])


def _serves(user, device):
    """Whether a device counts: one that is not confirmed does only for whoever has no factor yet."""
    return device.confirmed or user.second_factor_since is None


def _tell_of_wrong_codes(user):
    if within_mail_rate("wrong_codes", user.email, settings.MAIL_TO_ONE_RATE):
        emails.send_wrong_codes(user)


def _added(user, way):
    first = user.second_factor_since is None
    _settle(user)
    _changed(user, Event.SECOND_FACTOR_ADDED, "added", way)
    return _draw_codes(user) if first else []


def _settle(user):
    """Bring the account in step with its rows: recovery codes alone are no second factor."""
    has = Factors(user).any
    if not has:
        RecoveryDevice.objects.filter(user=user).delete()
    if has != (user.second_factor_since is not None):
        user.second_factor_since = timezone.now() if has else None
        user.save(update_fields=["second_factor_since"])


def _draw_codes(user):
    codes = RecoveryDevice.draw()
    RecoveryDevice.objects.filter(user=user).delete()
    RecoveryDevice.objects.create(user=user, digests=[RecoveryDevice.digest(code) for code in codes])
    return codes


def _changed(user, event, change, way=None, count=None):
    name = way.label if way else ""
    record(event, actor=user, subject=user, reference=user.reference, name=name)
    emails.send_second_factor_changed(user, change=change, name=name, count=count)
