"""The outbox: mails are written here in the transaction that decides them, and sent after it.

`notify` writes rows; `deliver_due` sends them. A sender takes a *lease* on one row in a short
transaction, then talks to the mail server with no transaction open, and marks the mail as soon
as it is taken: two senders never hold the same row, a killed sender leaves behind the one it was
sending, which comes back when its lease ends, and SQLite's single writer is never held up by a
slow mail server.
"""

import logging
import time
from datetime import timedelta
from email.utils import formataddr, make_msgid, parseaddr
from functools import partial

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from notifications.models import OutgoingMail, four_days_on
from notifications.smtp import LONGEST_HAND_OVER, MailServer, Refused
from plumbing.errors import ActionError
from plumbing.rates import split_rate
from plumbing.references import spaced
from plumbing.typography import french_mail, french_text
from plumbing.workers import wake

logger = logging.getLogger(__name__)

DELIVER = "notifications.tasks.deliver"
# Tries are spaced 1, 2, 4… minutes, at most an hour.
SHORTEST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
# How long support may still send a mail again that the server refused.
REFUSED_KEPT = timedelta(days=30)


def notify(slug, *, to, purpose, context, reference="", user=None):
    """Write one mail to the outbox, in the caller's transaction.

    `slug` names the templates emails/<slug>.txt and .html, `purpose` is the subject in a few
    words, `reference` the « Dossier n° ». The mail leaves only if the transaction commits.
    """
    row = _written(slug, to=to, purpose=purpose, context=context, reference=reference, user=user)
    row.save()
    wake(DELIVER)
    return row


def notify_all(slug, mails):
    """Write each of `mails` (what `notify` takes), in a number of queries that does not grow with them."""
    OutgoingMail.objects.bulk_create([_written(slug, **mail) for mail in mails])
    wake(DELIVER)


def _written(slug, *, to, purpose, context, reference="", user=None):
    subject = f"[{settings.PORTAL_NAME}] {purpose}"
    if reference:
        subject += f" – Dossier n° {spaced(reference)}"
    context = {
        "PORTAL_NAME": settings.PORTAL_NAME,
        "SITE_URL": settings.SITE_URL,
        "SUPPORT_EMAIL": settings.SUPPORT_EMAIL,
        "subject": subject,
        "purpose": purpose,
        "reference": spaced(reference),
        **context,
    }
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    mail = EmailMultiAlternatives(
        french_text(subject),
        french_mail(render_to_string(f"emails/{slug}.txt", context)),
        formataddr((name or settings.PORTAL_NAME, address)),
        [to],
        headers={"Message-ID": make_msgid(domain=address.rpartition("@")[2]), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string(f"emails/{slug}.html", context), "text/html")
    return OutgoingMail(
        slug=slug,
        to=to,
        user=user,
        subject=subject,
        reference=reference,
        message=mail.message().as_bytes(linesep="\r\n"),
    )


def within_mail_rate(slug, to, rate):
    """Whether one more mail of this kind may go to this address: « 5/h » counts those of the last hour.

    Counted in the outbox itself, so two transactions at once could both be the last one (a race): lock
    the reader's account first where there is one.
    """
    most, seconds = split_rate(rate)
    within = OutgoingMail.objects.lately(slug, to, seconds).count() < most
    if not within:
        logger.warning("A mail « %s » is not written: its address had %s already", slug, rate)
    return within


def deliver_due():
    """Send what is due, mail after mail, until nothing is left or the mail server cannot be reached.

    A mail the server refuses, or hangs up on, is postponed alone. Returns how many mails the server
    accepted. Safe to run in any number of processes at once.
    """
    server, sent = MailServer(), 0
    try:
        while row := _lease_next():
            try:
                server.connect()
            except OSError as error:
                _mark_refused(row, str(error), final=False)
                _postpone_due(str(error))
                break
            sent += _send(row, server)
    finally:
        server.hang_up()
    return sent


@transaction.atomic
def _lease_next():
    """Lease the mail that has been due the longest; None when there is none."""
    rows = OutgoingMail.objects.due()
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    row = rows.first()
    if row is not None:
        row.leased_until = _lease_end()
        row.attempts += 1
        row.save(update_fields=["leased_until", "attempts"])
    return row


def _lease_end():
    return timezone.now() + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)


class _LeaseLost(Exception):
    """Another sender holds the mail by now."""


def _renew(row):
    """At the point of no return, lease anew what is left of too short a lease, if it is still ours."""
    if row.leased_until - timezone.now() > LONGEST_HAND_OVER:
        return
    until = _lease_end()
    # An optimistic lock: the end of the lease is its holder's mark.
    if not _leased(row).update(leased_until=until):
        raise _LeaseLost
    row.leased_until = until


def _leased(row):
    return OutgoingMail.objects.filter(pk=row.pk, leased_until=row.leased_until)


def _send(row, server):
    """Hand a leased mail to a connected server; whether it was accepted. Anything else ends the connection."""
    try:
        server.hand_over(row.to, bytes(row.message), before_data=partial(_renew, row))
    except _LeaseLost:
        logger.warning("Mail %s took too long to prepare: another sender has it", row.pk)
    except Refused as refusal:
        _mark_refused(row, str(refusal), final=refusal.final)
    except OSError as error:
        # The server hung up, or did not answer in time.
        _mark_refused(row, str(error), final=False)
    except Exception as error:
        # One mail the server or the library cannot stomach must not hold up the others.
        logger.exception("Mail %s could not be sent", row.pk)
        _mark_refused(row, repr(error), final=False)
    else:
        _mark_sent(row)
        return True
    server.hang_up()
    return False


def _postpone_due(error):
    """The server cannot be reached, for any mail: those due now wait a minute, so that not each one tries it."""
    OutgoingMail.objects.due().update(next_try_at=timezone.now() + SHORTEST_PAUSE, error=error[:500])


def _mark_sent(row):
    changes = {"state": OutgoingMail.State.SENT, "sent_at": timezone.now(), "leased_until": None, "error": ""}
    if not settings.OUTBOX_KEEPS_BODIES:
        changes["message"] = b""
    _insist(row, lambda: OutgoingMail.objects.filter(pk=row.pk).update(**changes))


def _mark_refused(row, error, *, final):
    now = timezone.now()
    final = final or now > row.give_up_at
    pause = min(SHORTEST_PAUSE * 2 ** min(row.attempts - 1, 10), LONGEST_PAUSE)
    changes = {
        "state": OutgoingMail.State.FAILED if final else OutgoingMail.State.WAITING,
        "next_try_at": now + pause,
        "leased_until": None,
        "error": error[:500],
    }
    _insist(row, lambda: _leased(row).update(**changes))


def _insist(row, write):
    """Write what became of a leased mail, again each second while the database is away and the lease runs.

    A mail that left must not leave again because the database restarted meanwhile.
    """
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if timezone.now() > row.leased_until:
                raise
            connection.close()
            time.sleep(1)


def forget_mails(users, addresses):
    """Delete the mails to these accounts, and those about no account to these addresses, sent or not."""
    nobodys = Q(user=None, to__in=set(addresses) - {settings.SUPPORT_EMAIL})
    OutgoingMail.objects.filter(Q(user__in=users) | nobodys).delete()


def empty_refused():
    """Clear the bodies of mails refused long ago: they name people, and nobody sends them any more."""
    refused = OutgoingMail.objects.filter(state=OutgoingMail.State.FAILED, created_at__lt=timezone.now() - REFUSED_KEPT)
    refused.exclude(message=b"").update(message=b"")


@transaction.atomic
def retry_mail(mail_id, *, actor):
    """Put a refused mail back in the queue, at support's request.

    Raises ActionError when the mail is not a refused one.
    """
    row = OutgoingMail.objects.select_for_update(of=("self",)).get(pk=mail_id)
    if row.state != OutgoingMail.State.FAILED or not row.message:
        raise ActionError("mail_not_refused", "Seul un courriel refusé par le serveur de messagerie peut être renvoyé.")
    logger.info("Mail %s put back in the queue by user %s", row.pk, actor.pk)
    row.state, row.error = OutgoingMail.State.WAITING, ""
    row.next_try_at, row.give_up_at = timezone.now(), four_days_on()
    row.save(update_fields=["state", "error", "next_try_at", "give_up_at"])
    wake(DELIVER)
