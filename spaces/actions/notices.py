"""Who is told that somebody waits for a space."""

from django.conf import settings

from notifications.actions import within_mail_rate
from spaces import emails
from spaces.deciders import deciders_on
from spaces.models import by_person


def tell_deciders(rows):
    """Mail whoever decides on these lines, of one person on one structure; support when nobody does.

    Anybody can ask, so nobody gets more than DECIDER_MAIL_RATE of these mails: beyond it the lines wait all the same.
    """
    ((user, structure, theirs),) = by_person(rows)
    people = deciders_on([structure.pk], besides=user)[structure.pk].deciders
    for decider in people or [None]:
        address = decider.mail_address if decider else settings.SUPPORT_EMAIL
        if within_mail_rate("subscription_asked", address, settings.DECIDER_MAIL_RATE):
            emails.send_subscription_asked(user, structure, theirs, to=address, decider=decider)
