"""Who is told that somebody waits."""

from django.conf import settings

from attachments import emails
from notifications.actions import within_mail_rate


def tell_deciders(request, deciders):
    """Mail each of `deciders` that a request waits for them.

    Anybody can send requests, so nobody gets more than DECIDER_MAIL_RATE of these mails: beyond it the
    request waits in their list all the same.
    """
    willing = [
        person
        for person in deciders
        if within_mail_rate("request_to_decide", person.mail_address, settings.DECIDER_MAIL_RATE)
    ]
    emails.send_request_to_decide(request, deciders=willing)
