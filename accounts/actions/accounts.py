"""How an account begins: registered, approved, activated, or closed unused; and the rights support gives it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts import emails, events
from accounts.actions.credentials import give_password, give_question
from accounts.actions.profile import ask_contact
from accounts.actions.rows import GIVEN_UP, lock_user, lock_users, refuse_anonymised, user_of_link
from accounts.links import Purpose, read_link
from accounts.models import User, normalised_email
from history.actions import record, record_all
from history.data import change_data
from history.models import Event
from notifications.actions import mailed_since, within_mail_rate, within_mail_rates
from notifications.models import OutgoingMail
from plumbing.batches import Batch
from plumbing.changes import write_changes
from plumbing.errors import ActionError
from plumbing.references import draw_reference
from plumbing.text import of

ADDRESS_USED = "Cette adresse est déjà utilisée."
# A mail takes its time, and a second link before then only confuses.
RESEND_INTERVAL = timedelta(minutes=15)


class Due(NamedTuple):
    """What of a query set of accounts the activation link may leave to now; how many had it a moment ago, and when it
    may leave to the last of them; how many do not wait for it.
    """

    users: QuerySet
    too_soon: int
    again_at: datetime | None
    not_activating: int


@transaction.atomic
def register_account(*, email, first_name, last_name, phone, contact_email, survey_consent):
    """Create the account of a newcomer, « En attente d'approbation ».

    Raises ActionError when the address has an account, but for one closed before it was ever active (a refusal).
    """
    now = timezone.now()
    user = _newcomer(email)
    user.first_name, user.last_name, user.phone = first_name, last_name, phone
    user.contact_email = normalised_email(contact_email)
    user.state = User.State.PENDING
    user.terms_accepted_at, user.survey_consent_at = now, now if survey_consent else None
    user.save()
    record(Event.ACCOUNT_REGISTERED, actor=user, subject=user, reference=user.reference)
    return user


@transaction.atomic
def invite_account(*, actor, email, first_name, last_name, phone):
    """Create somebody else's account, « En cours d'activation »: they accept the conditions as they activate it.

    The caller tells them (`tell_invited`). Raises ActionError when the address has an account, or just got one.
    """
    user = _newcomer(email)
    user.first_name, user.last_name, user.phone = first_name, last_name, phone
    user.state, user.activation_sent_at = User.State.ACTIVATING, timezone.now()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:  # two at once
        raise ActionError("address_used", ADDRESS_USED, field="email") from error
    record(Event.ACCOUNT_REGISTERED, actor=actor, subject=user, reference=user.reference)
    return user


def tell_invited(user, *, actor, facts=()):
    """The activation mail of whoever `actor` made an account for; `facts`, (label, value), are what it gives them.

    Nothing `actor` wrote but the names is mailed.
    """
    # Whoever was refused starts again: somebody may create and lose accounts of one address again and again.
    if within_mail_rate("activation", user.email, settings.MAIL_TO_ONE_RATE):
        emails.send_activation(user, reference=user.reference, invited_by=actor, facts=facts)


def _newcomer(email):
    """The account, not saved yet, of whoever has none, or whose only one was closed before it was ever active.

    That one gives its address up and stays as it was: what others recorded of it tells who it was then.
    """
    before = User.objects.select_for_update(of=("self",)).with_email(email).first()
    if before is not None:
        if before.was_ever_active or before.state != User.State.CLOSED:
            raise ActionError("address_used", ADDRESS_USED, field="email")
        User.objects.filter(pk=before.pk).update(email=GIVEN_UP, link_version=F("link_version") + 1)
    user = User(email=normalised_email(email), reference=draw_reference(User))
    user.set_unusable_password()
    return user


@transaction.atomic
def approve_account(user_id, *, actor, reference):
    """Let a newcomer in: « En cours d'activation », and the activation mail.

    Does nothing to an account that is already further. `actor` is None when nobody had to
    decide (first person of a private structure).
    """
    user = lock_user(user_id)
    _let_in([user], {user_id: reference}, actor=actor)
    return user


@transaction.atomic
def approve_accounts(references, *, actor):
    """`approve_account` of each of these accounts, in a number of queries that does not grow with them.

    `references` is what each one's lines and mails quote, by its key.
    """
    _let_in(lock_users(references), references, actor=actor)


def _let_in(users, references, *, actor):
    users = [user for user in users if user.state == User.State.PENDING]
    if not users:
        return
    now = timezone.now()
    let_in = User.objects.filter(pk__in=[user.pk for user in users])
    let_in.update(state=User.State.ACTIVATING, activation_sent_at=now)
    for user in users:
        user.state, user.activation_sent_at = User.State.ACTIVATING, now
    entries = [{"subject": user, "reference": references[user.pk]} for user in users]
    record_all(Event.ACCOUNT_APPROVED, entries, actor=actor)
    # Anybody can have an address nobody confirmed registered again and again.
    within = within_mail_rates("activation", [user.email for user in users], settings.MAIL_TO_ONE_RATE)
    written_to = [user for user, may in zip(users, within, strict=True) if may]
    emails.send_activations({user: references[user.pk] for user in written_to})


@transaction.atomic
def correct_address(user_id, *, email):
    """Give an account that was never active the login address its registrant mistyped; links sent before die.

    Raises ActionError when it is further than that, or the address is somebody's.
    """
    user = lock_user(user_id)
    if user.was_ever_active or user.state not in (User.State.PENDING, User.State.ACTIVATING):
        raise ActionError("not_correctable", "L'adresse de ce compte ne peut plus être corrigée ici.")
    if User.objects.with_email(email).exists():
        raise ActionError("address_used", ADDRESS_USED)
    user.link_version += 1
    made = write_changes(user, {"email": normalised_email(email)})
    record(Event.ACCOUNT_CHANGED, actor=user, subject=user, reference=user.reference, **change_data(user, made))
    return user


@transaction.atomic
def resend_activation(user_id, *, actor):
    """Send the activation mail again; the first link used ends the others.

    Raises ActionError unless the account is « En cours d'activation ».
    """
    user = lock_user(user_id)
    if user.state != User.State.ACTIVATING:
        raise ActionError("not_activating", f"Le compte {of(user)} n'est pas en cours d'activation.")
    user.activation_sent_at = timezone.now()
    user.save(update_fields=["activation_sent_at"])
    record(Event.ACTIVATION_RESENT, actor=actor, subject=user, reference=user.reference)
    emails.send_activation(user, reference=user.reference)


def foresee_activations(users):
    """What `resend_activations` would do with a query set of accounts, if nothing changed meanwhile: a Due."""
    activating = users.filter(state=User.State.ACTIVATING).order_by()
    lately = OutgoingMail.objects.lately("activation", [OuterRef("email")], RESEND_INTERVAL.total_seconds())
    last = lately.order_by().values("to").annotate(last=Max("created_at")).values("last")
    activating = activating.annotate(mailed_at=Subquery(last))
    due = users.filter(pk__in=activating.filter(mailed_at=None).values("pk"))
    told = activating.aggregate(count=Count("pk"), too_soon=Count("mailed_at"), last=Max("mailed_at"))
    again_at = told["last"] and told["last"] + RESEND_INTERVAL
    return Due(due, told["too_soon"], again_at, users.count() - told["count"])


@transaction.atomic
def resend_activations(user_ids, *, actor):
    """« Renvoyer le courriel d'activation » to each of these accounts: a Batch.

    In a number of queries that does not grow with them. Those that are not « En cours d'activation », or were sent the
    link a moment ago, are left out.
    """
    users = lock_users(user_ids)
    lately = mailed_since("activation", [user.email for user in users], timezone.now() - RESEND_INTERVAL)
    resent = Batch.empty()
    for user in users:
        if user.state != User.State.ACTIVATING:
            resent.skipped.append((user, ActionError("not_activating", "Le compte n'est pas en cours d'activation.")))
        elif user.email in lately:
            resent.skipped.append((user, ActionError("too_soon", "Le courriel vient de partir : un peu de patience.")))
        else:
            resent.done.append(user)
    User.objects.filter(pk__in=[user.pk for user in resent.done]).update(activation_sent_at=timezone.now())
    entries = [{"subject": user, "reference": user.reference} for user in resent.done]
    record_all(Event.ACTIVATION_RESENT, entries, actor=actor)
    emails.send_activations({user: user.reference for user in resent.done})
    return resent


@transaction.atomic
def activate_account(token, *, password, secret_question, secret_answer):
    """Use an activation link: the account becomes « Actif ». Raises ActionError on a stale link."""
    owner = read_link(token, Purpose.ACTIVATION).user
    if owner is not None:
        events.account_locking.send(sender=None, user_id=owner.pk)
    user = user_of_link(token, Purpose.ACTIVATION)
    give_password(user, password)
    give_question(user, secret_question, secret_answer)
    reopened = user.was_ever_active
    user.state, user.activated_at = User.State.ACTIVE, user.activated_at or timezone.now()
    # Whoever was invited accepts the conditions here: the page says so.
    user.terms_accepted_at = user.terms_accepted_at or timezone.now()
    user.save()
    record(Event.ACCOUNT_ACTIVATED, actor=user, subject=user, reference=user.reference)
    events.account_activated.send(sender=None, user=user, actor=user)
    if reopened:
        emails.send_account_reactivated(user)
    ask_contact(user)
    return user


@transaction.atomic
def close_never_active(user_id, *, actor, reason="", cause=""):
    """Close the account of a registrant nobody let in, or who never came: its address can register again.

    `reason` is what a manager wrote, `cause` why the portal did it. Raises ActionError once it was active.
    """
    user = lock_user(user_id)
    if not _was_never_used(user):
        raise ActionError("was_active", f"Le compte {of(user)} a déjà servi, ou est déjà clos.")
    _close_unused([user], actor=actor, reason=reason, cause=cause)


@transaction.atomic
def close_accounts_never_active(user_ids, *, actor, reason):
    """`close_never_active` of those of these that never were active, in a number of queries that does not grow."""
    _close_unused(list(filter(_was_never_used, lock_users(user_ids))), actor=actor, reason=reason)


def _was_never_used(user):
    return not user.was_ever_active and user.state != User.State.CLOSED


def _close_unused(users, *, actor, reason, cause=""):
    if not users:
        return
    now = timezone.now()
    User.objects.filter(pk__in=[user.pk for user in users]).update(state=User.State.CLOSED, closed_at=now)
    for user in users:
        user.state, user.closed_at = User.State.CLOSED, now
    entries = [{"subject": user, "reference": user.reference, "reason": reason, "cause": cause} for user in users]
    record_all(Event.ACCOUNT_CLOSED, entries, actor=actor)
    events.accounts_closed.send(sender=None, users=users, actor=actor, cause="account_closed")


@transaction.atomic
def change_rights(user_id, *, actor, rights):
    """Let somebody into the support team or the technical administration, or out of it: the Changes made.

    `rights` are those that change (is_staff, is_superuser), by name: another one, given at the same moment by a
    colleague, stays (lost update). Raises ActionError for one's own rights.
    """
    user = lock_user(user_id)
    refuse_anonymised(user)
    if user == actor:
        raise ActionError("own_rights", "Nul ne change ses propres droits.")
    made = write_changes(user, rights)
    if made:
        record(Event.RIGHTS_CHANGED, actor=actor, subject=user, reference=user.reference, **change_data(user, made))
    return made
