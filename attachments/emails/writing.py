"""How mails about attachments are written, so that nobody is flooded by them."""

from django.conf import settings

from notifications.actions import notify, notify_all, within_mail_rate, within_mail_rates

# A mail names no more people than this.
LISTED = 20


def write(slug, *, user, **mail):
    """`notify`; but anybody can have mails sent to an address nobody has confirmed, so those are limited."""
    if user.was_ever_active or within_mail_rate(slug, user.email, settings.MAIL_TO_ONE_RATE):
        notify(slug, user=user, **mail)


def write_all(slug, mails):
    """`write` of each of `mails`, in a number of queries that does not grow with them."""
    limited = [mail["user"].email for mail in mails if not mail["user"].was_ever_active]
    within = iter(within_mail_rates(slug, limited, settings.MAIL_TO_ONE_RATE))
    notify_all(slug, [mail for mail in mails if mail["user"].was_ever_active or next(within)])
