"""Another login address: asked for, confirmed from there, and for some days taken back from the old one."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import emails
from accounts.actions.credentials import QUESTION_FIELDS
from accounts.actions.identities import drop_identities
from accounts.actions.rows import lock_proven, lock_user, refuse_pigp, request_link, user_of_link
from accounts.actions.second_factor import drop_factors
from accounts.actions.sessions import end_sessions
from accounts.links import Purpose
from accounts.models import UNDO_PERIOD, LinkRequest, User, normalised_email
from history.actions import record
from history.data import change_data
from history.models import Event
from notifications.actions import within_mail_rate
from plumbing.changes import write_changes
from plumbing.errors import ActionError


@transaction.atomic
def request_address(me, *, email):
    """`me`, who just gave the password, wants to log in with `email`: written down, whoever has it. A worker mails.

    The current address is told at once. Raises ActionError as long as the address before may be taken back: a
    second change would make that link worthless.
    """
    user = lock_proven(me)
    refuse_pigp(user)
    if user.address_undo_until:
        raise ActionError(
            "changed_lately",
            "Votre adresse de connexion vient de changer. Elle ne peut changer de nouveau qu'après 72 heures.",
            field="email",
        )
    user.requested_email = normalised_email(email)
    user.save(update_fields=["requested_email"])
    record(Event.ADDRESS_REQUESTED, actor=user, subject=user, reference=user.reference)
    if within_mail_rate("address_requested", user.email, settings.MAIL_TO_ONE_RATE):
        emails.send_address_requested(user)
    request_link(user.email, LinkRequest.Purpose.ADDRESS)
    return user


@transaction.atomic
def cancel_address_request(user_id):
    """Give a new login address up before its link is used. Raises ActionError when none is asked for."""
    user = lock_user(user_id)
    if not user.requested_email:
        raise ActionError("nothing_requested", "Aucun changement d'adresse n'est en attente.")
    user.requested_email = ""
    user.save(update_fields=["requested_email"])
    record(Event.ADDRESS_REQUEST_CANCELLED, actor=user, subject=user, reference=user.reference)


def mail_address_link(user):
    """Mail the link to the new address a locked account asks for; if somebody has it already, tell them instead."""
    new = user.requested_email
    if not new or user.state != User.State.ACTIVE:
        return
    owner = User.objects.with_email(new).exclude(pk=user.pk).first()
    if owner is None and within_mail_rate("address_confirmation", new, settings.MAIL_TO_ONE_RATE):
        emails.send_address_link(user)
    elif owner is not None and within_mail_rate("address_taken", owner.email, settings.MAIL_TO_ONE_RATE):
        emails.send_address_taken(owner)


@transaction.atomic
def change_address(token):
    """Use the link mailed to a new login address: from now on it is the account's. The old one may take it back.

    Raises ActionError on a stale link, or when somebody has the address by now.
    """
    user = user_of_link(token, Purpose.ADDRESS)
    old = user.email
    made = _give_address(user, user.requested_email, previous_email=old, email_changed_at=timezone.now())
    record(Event.ADDRESS_CHANGED, actor=user, subject=user, reference=user.reference, **change_data(user, made))
    emails.send_address_changed(user)
    return user


@transaction.atomic
def restore_address(token):
    """Use the link mailed to a replaced login address: it is the account's again, whoever had it meanwhile is out.

    No password opens the account before its owner chooses one, by the link mailed to them; nor does an identity
    linked meanwhile. The contact address goes, and what was set up around the change, which may be the thief's: a
    second factor; a secret question, and that link does not ask its answer, but a new one. Raises ActionError on a
    stale link, or when somebody has the address by now.
    """
    user = user_of_link(token, Purpose.UNDO_ADDRESS)
    chosen_at, trusted_until = user.secret_question_changed_at, user.email_changed_at - UNDO_PERIOD
    if chosen_at and chosen_at > trusted_until:
        user.secret_question = user.secret_answer = ""
        user.answer_failures, user.answer_locked_until = 0, None
    made = _give_address(user, user.previous_email, previous_email="", email_changed_at=None)
    user.set_unusable_password()
    user.contact_email, user.contact_confirmed = "", False
    user.save(update_fields=["password", "contact_email", "contact_confirmed", *QUESTION_FIELDS])
    end_sessions(user)
    drop_identities(user)
    for way in drop_factors(user, created_at__gt=trusted_until):
        record(Event.SECOND_FACTOR_REMOVED, actor=user, subject=user, reference=user.reference, name=way.label)
    record(Event.ADDRESS_RESTORED, actor=user, subject=user, reference=user.reference, **change_data(user, made))
    if user.state == User.State.ACTIVE:
        emails.send_reset(user)
    elif user.may_reactivate:
        emails.send_reactivation(user)
    return user


def _give_address(user, email, **aside):
    """Write a locked account's new login address, and `aside`: the Changes made. Links sent before die."""
    refusal = ActionError("address_used", "Cette adresse a maintenant un compte : rien n'a changé.")
    if User.objects.with_email(email).exclude(pk=user.pk).exists():
        raise refusal
    user.link_version += 1
    user.requested_email = ""
    for name, value in aside.items():
        setattr(user, name, value)
    try:
        with transaction.atomic():
            return write_changes(user, {"email": email})
    except IntegrityError as error:
        # Somebody registered with it at this very moment.
        raise refusal from error
