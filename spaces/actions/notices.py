"""Who is told that somebody waits for a space."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from plumbing.rates import split_rate
from spaces import emails
from spaces.deciders import deciders_on
from spaces.models import by_person

logger = logging.getLogger(__name__)


def tell_deciders(rows):
    """Mail whoever decides on these lines, of one person on one structure; support when nobody does.

    Of more than DECIDER_MAIL_RATE dossiers of one person nobody is told: they wait all the same, and other people's
    are told.
    """
    ((user, structure, theirs),) = by_person(rows)
    most, seconds = split_rate(settings.DECIDER_MAIL_RATE)
    lately = user.subscriptions.filter(created_at__gt=timezone.now() - timedelta(seconds=seconds))
    if lately.exclude(reference="").order_by().values("reference").distinct().count() > most:
        logger.warning("Nobody is told of « %s »: its person asked for %s already", rows[0].reference, most)
        return
    people = deciders_on([structure.pk], besides=user)[structure.pk].deciders
    for decider in people or [None]:
        address = decider.mail_address if decider else settings.SUPPORT_EMAIL
        emails.send_subscription_asked(user, structure, theirs, to=address, decider=decider)
