"""Mails about a request for attachment: to the person who asks, and to those who decide."""

from django.conf import settings
from django.utils.formats import date_format

from attachments.deciders import managers_of
from attachments.emails.places import is_to_come
from attachments.emails.writing import write, write_all
from notifications.actions import notify, notify_all
from plumbing.addresses import absolute_url


def _asked(request):
    """(label, value) of what somebody asks for, as mails list it."""
    return [
        ("Demandeur", str(request.user)),
        ("Adresse de connexion", request.user.email),
        ("Niveau demandé", request.full_part),
        ("À partir du", date_format(request.starts_on, "j F Y")),
        *([("Jusqu'au", date_format(request.ends_on, "j F Y"))] if request.ends_on else []),
    ]


def send_request_sent(request, *, principal, by_managers=False):
    """To the person who asked: it is filed, and who decides: `principal`, else managers without one, or support."""
    write(
        "request_sent",
        to=request.user.mail_address,
        user=request.user,
        purpose="Votre demande de rattachement est envoyée",
        reference=request.reference,
        context={"request": request, "principal": principal, "by_managers": by_managers},
    )


def send_request_to_decide(request, *, deciders):
    """To each manager who can decide: who waits, for what, what they say of it, and who else can decide."""
    able = managers_of(request.structure).besides(request.user_id) if deciders else []
    for decider in deciders:
        write(
            "request_to_decide",
            to=decider.mail_address,
            user=decider,
            purpose="Une demande de rattachement vous attend",
            reference=request.reference,
            context={
                "request": request,
                "decider": decider,
                "facts": _asked(request),
                "others": [str(person) for person in able if person != decider],
                # Free text goes to addresses that somebody who reads them confirmed.
                "comment": request.comment if decider.was_ever_active else "",
                "link": absolute_url("attachments:decide_request", request.reference),
            },
        )


def send_requests_to_support(requests):
    """To support, one each: someone waits, and nobody else can decide."""
    mails = [
        {
            "to": settings.SUPPORT_EMAIL,
            "purpose": "Une demande attend l'assistance",
            "reference": request.reference,
            "context": {
                "request": request,
                "facts": [
                    ("Structure", str(request.structure)),
                    ("Identifiant", request.structure.full_identifier),
                    *_asked(request),
                ],
                "link": absolute_url("attachments:decide_request", request.reference),
            },
        }
        for request in requests
    ]
    notify_all("request_to_support", mails)


def send_requests_with_support(requests):
    """To the people who asked: whoever could decide no longer can, and support does."""
    link = f"{absolute_url('attachments:my_attachments')}?vue=demandes"
    mails = [
        {
            "to": request.user.mail_address,
            "user": request.user,
            "purpose": "L'assistance décidera de votre demande",
            "reference": request.reference,
            "context": {"request": request, "link": link if request.user.was_ever_active else ""},
        }
        for request in requests
    ]
    write_all("request_with_support", mails)


def send_invariants_broken():
    """To support: always the same words, what is broken stands in the log."""
    purpose = "Une règle du portail n'est plus tenue"
    notify("invariants_broken", to=settings.SUPPORT_EMAIL, purpose=purpose, context={})


def send_request_withdrawn(request, *, to, decider=None):
    """To who was to decide, support without a `decider`: there is nothing left to decide."""
    notify(
        "request_withdrawn",
        to=to,
        user=decider,
        purpose="Une demande de rattachement est retirée",
        reference=request.reference,
        context={"request": request, "decider": decider},
    )


def send_requests_approved(requests):
    """To the people who asked: accepted, in which role, for what part of the structure (each one's `attachment`)."""
    link = absolute_url("home")
    write_all(
        "request_approved",
        [
            {
                "to": request.user.mail_address,
                "user": request.user,
                "purpose": "Votre demande de rattachement est validée",
                "reference": request.reference,
                "context": {
                    "request": request,
                    "attachment": request.attachment,
                    "is_to_come": is_to_come(request.attachment),
                    "link": link,
                },
            }
            for request in requests
        ],
    )


def send_requests_refused(requests):
    """To the people who asked: refused, and why."""
    link = f"{absolute_url('attachments:my_attachments')}?vue=demandes"
    register_link = absolute_url("registration:register")
    write_all(
        "request_refused",
        [
            {
                "to": request.user.mail_address,
                "user": request.user,
                "purpose": "Votre demande de rattachement est refusée",
                "reference": request.reference,
                "context": {"request": request, "link": link, "register_link": register_link},
            }
            for request in requests
        ],
    )


def send_first_to_activate(request):
    """To who registers on a structure nobody was seen on yet: whoever activates first manages it."""
    write(
        "first_to_activate",
        to=request.user.email,
        user=request.user,
        purpose="Votre demande de rattachement est envoyée",
        reference=request.reference,
        context={"request": request},
    )


def send_role_lost(attachment):
    """To a principal manager who never activated their account: the role is no longer theirs."""
    write(
        "role_lost",
        to=attachment.user.email,
        user=attachment.user,
        purpose="Vous n'êtes plus gestionnaire principal",
        reference=attachment.user.reference,
        context={"attachment": attachment, "register_link": absolute_url("registration:register")},
    )


def send_became_principal(request):
    """To the first person of a private structure: they manage it."""
    write(
        "became_principal",
        to=request.user.mail_address,
        user=request.user,
        purpose="Vous êtes gestionnaire principal",
        reference=request.reference,
        context={"request": request, "days": settings.PRINCIPAL_ACTIVATION_DAYS},
    )
