"""Who is told that somebody waits: nobody ever waits on nobody."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from attachments import emails
from attachments.deciders import managers_of
from attachments.invariants import broken
from attachments.models import AttachmentRequest
from notifications.actions import mailed_since, within_mail_rate, within_mail_rates

logger = logging.getLogger(__name__)


def tell_of_request(request):
    """Tell the person who asks, and whoever can decide, that a request waits: support when nobody else can."""
    deciders = tell_requester(request)
    if deciders:
        tell_deciders(request, deciders)
    else:
        note_with_support([request])
        _tell_support([request])


def tell_requester(request):
    """Tell the person who asks that their request is filed, and who decides: those people, none for support."""
    managers = managers_of(request.structure)
    deciders, principal = managers.besides(request.user_id), managers.acting_principal
    emails.send_request_sent(
        request, principal=principal if principal in deciders else None, by_managers=bool(deciders)
    )
    return deciders


def tell_of_withdrawal(request):
    """Tell those who would have decided that there is nothing left to decide; as often as that somebody waits."""
    for decider in managers_of(request.structure).besides(request.user_id) or [None]:
        address = decider.mail_address if decider else settings.SUPPORT_EMAIL
        if within_mail_rate("request_withdrawn", address, settings.DECIDER_MAIL_RATE):
            emails.send_request_withdrawn(request, to=address, decider=decider)


def note_with_support(requests):
    """From now on these wait for support; their structures are locked by the caller."""
    keys = [request.pk for request in requests]
    AttachmentRequest.objects.filter(pk__in=keys).update(with_support_since=timezone.now())


def _tell_support(requests):
    """Mail support that these wait for it; no more than DECIDER_MAIL_RATE of these mails leave."""
    addresses = [settings.SUPPORT_EMAIL] * len(requests)
    within = within_mail_rates("request_to_support", addresses, settings.DECIDER_MAIL_RATE)
    emails.send_requests_to_support([request for request, may in zip(requests, within, strict=True) if may])


def hand_over_requests(structure):
    """Somebody who decided on `structure`, locked by the caller, no longer does: what nobody else can decide there
    is support's. Support and the people who wait are told, once.
    """
    left = structure.attachment_requests.untold_to_support().select_related("user", "structure")
    requests = list(left.prefetch_related("services"))
    if requests:
        note_with_support(requests)
        _tell_support(requests)
        emails.send_requests_with_support(requests)


def report_broken():
    """Mail support, once a night, that something that must always hold does not; the log says what and where."""
    found = broken()
    for invariant, keys in found:
        logger.error("invariant %s: broken by %s", invariant.name, keys)
    lately = timezone.now() - timedelta(hours=12)
    if found and not mailed_since("invariants_broken", [settings.SUPPORT_EMAIL], lately):
        emails.send_invariants_broken()
    return found


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
