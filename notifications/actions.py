"""The outbox: mails are written here in the transaction that decides them, and sent after it.

`notify` writes rows; `deliver_due` sends them. A sender takes a *lease* on a few rows in a short
transaction, then talks to the mail server with no transaction open, and marks each mail as soon
as it is taken: two senders never hold the same row, a killed sender's rows come back when its
lease ends, and SQLite's single writer is never held up by a slow mail server.
"""

import logging
import smtplib
from contextlib import suppress
from datetime import timedelta
from email.utils import formataddr, make_msgid, parseaddr

from celery import current_app
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import sanitize_address
from django.db import connection, transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from notifications.models import OutgoingMail, four_days_on
from plumbing.errors import ActionError
from plumbing.rates import split_rate
from plumbing.references import spaced

logger = logging.getLogger(__name__)

BATCH = 10
# Tries are spaced 1, 2, 4… minutes, at most an hour.
LONGEST_PAUSE = timedelta(hours=1)


def notify(slug, *, to, purpose, context, reference="", user=None):
    """Write one mail to the outbox, in the caller's transaction.

    `slug` names the templates emails/<slug>.txt and .html, `purpose` is the subject in a few
    words, `reference` the « Dossier n° ». The mail leaves only if the transaction commits.
    """
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
        subject,
        render_to_string(f"emails/{slug}.txt", context),
        formataddr((name or settings.PORTAL_NAME, address)),
        [to],
        headers={"Message-ID": make_msgid(domain=address.rpartition("@")[2]), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string(f"emails/{slug}.html", context), "text/html")
    row = OutgoingMail.objects.create(
        slug=slug,
        to=to,
        user=user,
        subject=subject,
        reference=reference,
        message=mail.message().as_bytes(linesep="\r\n"),
    )
    transaction.on_commit(_wake_sender, robust=True)
    return row


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


def _wake_sender():
    """Ask a worker to send now; when the broker is down the sweeper sends a little later."""
    try:
        current_app.send_task("notifications.tasks.deliver", retry=False, ignore_result=True)
    except Exception as error:
        logger.warning("Broker unreachable, mails wait for the next sweep: %s", error)


def deliver_due():
    """Send what is due, batch after batch, until nothing is left or the mail server is away.

    Returns how many mails the server accepted. Safe to run in any number of processes at once.
    """
    sent = 0
    while batch := _lease(BATCH):
        accepted, server_answers = _send(batch)
        sent += accepted
        if not server_answers:
            break
    return sent


@transaction.atomic
def _lease(size):
    rows = OutgoingMail.objects.due()
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    batch = list(rows[:size])
    until = timezone.now() + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
    OutgoingMail.objects.filter(pk__in=[row.pk for row in batch]).update(leased_until=until, attempts=F("attempts") + 1)
    for row in batch:
        row.leased_until = until
        row.attempts += 1
    return batch


def _send(batch):
    """Send a leased batch over one connection: how many were accepted, whether the server answers."""
    server = get_connection()
    sender = parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    sent = 0
    try:
        for position, row in enumerate(batch):
            if row.leased_until - timezone.now() < timedelta(seconds=settings.EMAIL_TIMEOUT):
                break
            try:
                server.open()
                server.connection.sendmail(sender, [sanitize_address(row.to, "utf-8")], bytes(row.message))
            except smtplib.SMTPRecipientsRefused as error:
                code, words = next(iter(error.recipients.values()))
                _mark_refused(row, f"{code} {words!r}", final=code >= 500)
            except smtplib.SMTPDataError as error:
                _mark_refused(row, f"{error.smtp_code} {error.smtp_error!r}", final=error.smtp_code >= 500)
            except OSError as error:
                # Every other SMTPException is an OSError too: the server is away, or wants none of us.
                for unsent in batch[position:]:
                    _mark_refused(unsent, str(error), final=False)
                return sent, False
            except Exception as error:
                # One mail the server or the library cannot stomach must not hold up the others.
                logger.exception("Mail %s could not be sent", row.pk)
                _mark_refused(row, repr(error), final=False)
            else:
                _mark_sent(row)
                sent += 1
    finally:
        with suppress(OSError, smtplib.SMTPException):
            server.close()
    return sent, True


def _mark_sent(row):
    changes = {"state": OutgoingMail.State.SENT, "sent_at": timezone.now(), "leased_until": None, "error": ""}
    if not settings.OUTBOX_KEEPS_BODIES:
        changes["message"] = b""
    OutgoingMail.objects.filter(pk=row.pk).update(**changes)


def _mark_refused(row, error, *, final):
    now = timezone.now()
    final = final or now > row.give_up_at
    pause = min(timedelta(minutes=2 ** min(row.attempts - 1, 10)), LONGEST_PAUSE)
    OutgoingMail.objects.filter(pk=row.pk).update(
        state=OutgoingMail.State.FAILED if final else OutgoingMail.State.WAITING,
        next_try_at=now + pause,
        leased_until=None,
        error=error[:500],
    )


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
    transaction.on_commit(_wake_sender, robust=True)
