"""What people say of themselves, and where to write to them."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import emails
from accounts.actions.rows import lock_user, refuse_anonymised, refuse_pigp, user_of_link
from accounts.links import Purpose
from accounts.models import User, normalised_email
from history.actions import record
from history.data import change_data
from history.models import Event
from notifications.actions import within_mail_rate
from notifications.models import OutgoingMail
from plumbing.changes import write_changes
from plumbing.errors import ActionError

RESEND_PAUSE = timedelta(minutes=5)


@transaction.atomic
def change_account(user_id, *, actor, values):
    """Give an account these `values` (by field name), as its owner or support types them: the Changes made.

    Raises ActionError when its owner changes a name that the PIGP keeps, and for an anonymised account.
    """
    user = lock_user(user_id)
    refuse_anonymised(user)
    if actor == user and {"first_name", "last_name"} & values.keys():
        refuse_pigp(user)
    if "contact_email" in values:
        values = values | {"contact_email": normalised_email(values["contact_email"])}
    made = write_changes(user, values)
    if moved := [change for change in made if change.name == "contact_email"]:
        if user.is_active:
            emails.send_contact_changed(user, old=moved[0].old if user.contact_confirmed else "")
        user.contact_confirmed = False
        user.save(update_fields=["contact_confirmed"])
        ask_contact(user)
    if made:
        record(Event.ACCOUNT_CHANGED, actor=actor, subject=user, reference=user.reference, **change_data(user, made))
    return made


@transaction.atomic
def change_parameters(user_id, *, survey_consent, receives_notifications):
    """What the person agrees to be written about. Consent to surveys bears the day it was given, until withdrawn."""
    user = lock_user(user_id)
    given_at = (user.survey_consent_at or timezone.now()) if survey_consent else None
    made = write_changes(user, {"survey_consent_at": given_at, "receives_notifications": receives_notifications})
    if made:
        record(Event.ACCOUNT_CHANGED, actor=user, subject=user, reference=user.reference, **change_data(user, made))
    return made


@transaction.atomic
def confirm_contact(token):
    """Use the link mailed to a contact address: mails about the person's work go there from now on.

    Raises ActionError on a stale link.
    """
    user = user_of_link(token, Purpose.CONTACT)
    user.contact_confirmed = True
    user.save(update_fields=["contact_confirmed"])
    record(Event.CONTACT_CONFIRMED, actor=user, subject=user, reference=user.reference)
    return user


@transaction.atomic
def resend_contact_confirmation(user_id):
    """Mail the link that confirms the contact address again. Raises ActionError when there is nothing to confirm,
    or a link left a moment ago.
    """
    user = lock_user(user_id)
    if not user.contact_email or user.contact_confirmed:
        raise ActionError("nothing_to_confirm", "Votre adresse de contact n'attend pas de confirmation.")
    sent = OutgoingMail.objects.lately("contact_confirmation", [user.contact_email], RESEND_PAUSE.total_seconds())
    if sent.exists():
        raise ActionError(
            "sent_lately", "Un lien est parti il y a moins de cinq minutes. Regardez aussi parmi les indésirables."
        )
    if not ask_contact(user):
        raise ActionError("too_many_mails", "Trop de liens sont partis vers cette adresse. Réessayez dans une heure.")


def ask_contact(user):
    """Mail the link that confirms the contact address of an active account, unless that was done: whether it left."""
    asks = user.state == User.State.ACTIVE and user.contact_email and not user.contact_confirmed
    if not asks or not within_mail_rate("contact_confirmation", user.contact_email, settings.MAIL_TO_ONE_RATE):
        return False
    emails.send_contact_confirmation(user)
    return True
