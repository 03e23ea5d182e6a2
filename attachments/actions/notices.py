"""Who is told that somebody waits."""

from django.conf import settings

from attachments import emails
from attachments.deciders import managers_of
from notifications.actions import within_mail_rate


def tell_of_request(request):
    """Tell the person who asks, and whoever can decide, that a request waits: support when nobody else can."""
    deciders = tell_requester(request)
    if deciders:
        tell_deciders(request, deciders)
    else:
        tell_support(request)


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


def tell_support(request):
    """Mail support that a request waits for it; no more than DECIDER_MAIL_RATE of these mails leave."""
    if within_mail_rate("request_to_support", settings.SUPPORT_EMAIL, settings.DECIDER_MAIL_RATE):
        emails.send_request_to_support(request)


def hand_over_requests(structure):
    """Somebody who decided on `structure` no longer does: what waits there is support's when nobody else is left."""
    for request in structure.attachment_requests.pending().without_decider().select_related("user", "structure"):
        tell_support(request)


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
