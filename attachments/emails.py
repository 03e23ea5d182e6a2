"""Mails about a request for attachment: to the person who asks, and to those who decide."""

from django.conf import settings
from django.utils.formats import date_format

from attachments.deciders import managers_of
from history.data import CAUSES
from notifications.actions import notify, notify_all, within_mail_rate, within_mail_rates
from plumbing.addresses import absolute_url

# A mail names no more people than this.
LISTED = 20


def _write(slug, *, user, **mail):
    """`notify`; but anybody can have mails sent to an address nobody has confirmed, so those are limited."""
    if user.was_ever_active or within_mail_rate(slug, user.email, settings.MAIL_TO_ONE_RATE):
        notify(slug, user=user, **mail)


def _write_all(slug, mails):
    """`_write` of each of `mails`, in a number of queries that does not grow with them."""
    limited = [mail["user"].email for mail in mails if not mail["user"].was_ever_active]
    within = iter(within_mail_rates(slug, limited, settings.MAIL_TO_ONE_RATE))
    notify_all(slug, [mail for mail in mails if mail["user"].was_ever_active or next(within)])


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
    _write(
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
        _write(
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


def send_request_to_support(request):
    """To support: someone waits, and nobody else can decide."""
    notify(
        "request_to_support",
        to=settings.SUPPORT_EMAIL,
        purpose="Une demande attend l'assistance",
        reference=request.reference,
        context={
            "request": request,
            "facts": [
                ("Structure", str(request.structure)),
                ("Identifiant", request.structure.full_identifier),
                *_asked(request),
            ],
            "link": absolute_url("attachments:decide_request", request.reference),
        },
    )


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
    _write_all(
        "request_approved",
        [
            {
                "to": request.user.mail_address,
                "user": request.user,
                "purpose": "Votre demande de rattachement est validée",
                "reference": request.reference,
                "context": {"request": request, "attachment": request.attachment, "link": link},
            }
            for request in requests
        ],
    )


def send_requests_refused(requests):
    """To the people who asked: refused, and why."""
    link = f"{absolute_url('attachments:my_attachments')}?vue=demandes"
    register_link = absolute_url("registration:register")
    _write_all(
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
    _write(
        "first_to_activate",
        to=request.user.email,
        user=request.user,
        purpose="Votre demande de rattachement est envoyée",
        reference=request.reference,
        context={"request": request},
    )


def send_role_lost(attachment):
    """To a principal manager who never activated their account: the role is no longer theirs."""
    _write(
        "role_lost",
        to=attachment.user.email,
        user=attachment.user,
        purpose="Vous n'êtes plus gestionnaire principal",
        reference=attachment.user.reference,
        context={"attachment": attachment, "register_link": absolute_url("registration:register")},
    )


def send_attachments_ended(user, attachments, *, by_self=False, by_dates=False, reason=""):
    """To somebody whose places in structures are ended: by themselves, by their last day, or by somebody else."""
    several = len(attachments) > 1
    _write(
        "attachment_ended",
        to=user.mail_address,
        user=user,
        purpose="Vos rattachements sont terminés" if several else "Votre rattachement est terminé",
        reference=user.reference,
        context={
            "reader": user,
            "attachments": attachments,
            "by_self": by_self,
            "by_dates": by_dates,
            "reason": reason if user.was_ever_active else "",
        },
    )


def send_became_principal(request):
    """To the first person of a private structure: they manage it."""
    _write(
        "became_principal",
        to=request.user.mail_address,
        user=request.user,
        purpose="Vous êtes gestionnaire principal",
        reference=request.reference,
        context={"request": request, "days": settings.PRINCIPAL_ACTIVATION_DAYS},
    )


def send_attached(told, *, by, comment=""):
    """To people who were attached to structures without having asked: by whom, where, as what.

    `told` is each one's attachments, by person.
    """
    link = absolute_url("attachments:my_attachments")
    _write_all(
        "attached",
        [
            {
                "to": user.mail_address,
                "user": user,
                "purpose": "Vous êtes rattaché à " + ("des structures" if len(places) > 1 else "une structure"),
                "reference": user.reference,
                "context": {
                    "reader": user,
                    "by": by,
                    "places": [(place.structure, _terms(place)) for place in places],
                    # Free text goes to addresses that somebody who reads them confirmed.
                    "comment": comment if user.was_ever_active else "",
                    "link": link,
                },
            }
            for user, places in told.items()
        ],
    )


def send_place_changed(attachment):
    """To somebody whose place in a structure was changed by its managers: what it is now."""
    user = attachment.user
    _write(
        "place_changed",
        to=user.mail_address,
        user=user,
        purpose="Votre rattachement est modifié",
        reference=user.reference,
        context={
            "reader": user,
            "structure": attachment.structure,
            "facts": _terms(attachment),
            "link": absolute_url("attachments:my_attachments"),
        },
    )


def _terms(attachment):
    """(label, value) of what somebody holds. Labels of services are a stranger's words, as a structure's name is."""
    known = attachment.structure.is_public or attachment.user.was_ever_active
    count = len(attachment.service_labels)
    part = attachment.full_part if known or not count else f"{count} service{'s' if count > 1 else ''}"
    return [
        ("Rôle", attachment.get_role_display()),
        ("Niveau", part),
        ("À partir du", date_format(attachment.starts_on, "j F Y")),
        *([("Jusqu'au", date_format(attachment.ends_on, "j F Y"))] if attachment.ends_on else []),
    ]


def send_places_ending(attachments, changeable):
    """To each of those whose place ends soon: when, and who can extend it. One query for all.

    `changeable` is what each of their managers can.
    """
    mails = [
        {
            "to": attachment.user.mail_address,
            "user": attachment.user,
            "purpose": "Votre rattachement se termine bientôt",
            "reference": attachment.user.reference,
            "context": {
                "attachment": attachment,
                "attachers": [str(manager) for manager, theirs in changeable.items() if attachment in theirs],
            },
        }
        for attachment in attachments
    ]
    notify_all("attachment_ending", mails)


def send_attachments_ending(structure, attachments, *, manager):
    """To each of those who attach people there: whose places end soon, and where to extend them."""
    _write(
        "attachments_ending",
        to=manager.mail_address,
        user=manager,
        purpose="Rattachements bientôt terminés" if len(attachments) > 1 else "Un rattachement se termine bientôt",
        reference=manager.reference,
        context={
            "manager": manager,
            "structure": structure,
            "attachments": attachments[:LISTED],
            "more": len(attachments[LISTED:]),
        },
    )


def send_attachment_extended(attachment):
    """To somebody whose place lasts longer than was said."""
    _write(
        "attachment_extended",
        to=attachment.user.mail_address,
        user=attachment.user,
        purpose="Votre rattachement est prolongé",
        reference=attachment.user.reference,
        context={"attachment": attachment},
    )


def send_deputy_named(held, *, reader):
    """To the deputy and to the principal manager: who stands in for whom, and until when."""
    _write(
        "deputy_named",
        to=reader.mail_address,
        user=reader,
        purpose="Vous suppléez un gestionnaire principal" if reader == held.deputy else "Votre suppléant est désigné",
        reference=reader.reference,
        context={"held": held, "reader": reader, "is_deputy": reader == held.deputy, "link": absolute_url("home")},
    )


def send_deputies_ended(told, *, cause=""):
    """To each of `told`, (Deputy, reader): it is over, and why when nobody ended it. One query for all."""
    mails = [
        {
            "to": reader.mail_address,
            "user": reader,
            "purpose": "La suppléance est terminée",
            "reference": reader.reference,
            "context": {
                "held": held,
                "reader": reader,
                "is_deputy": reader == held.deputy,
                "cause": CAUSES.get(cause, ""),
            },
        }
        for held, reader in told
    ]
    _write_all("deputy_ended", mails)


def _send_of_handovers(slug, purposes, rows, *, actor, **context):
    """To both of each, in one mail for all they have in `rows`: `purposes` is the subject for who goes, and who comes.

    Who was never seen reads none of these.
    """
    told = {}
    for row in rows:
        for person in (row.outgoing, row.successor):
            if person is not None and person.was_ever_active and person.state != person.State.CLOSED:
                told.setdefault(person, []).append(row)
    mails = [
        {
            "to": reader.mail_address,
            "user": reader,
            "purpose": purposes[any(row.successor_id == reader.pk for row in theirs)],
            "reference": theirs[0].reference,
            "context": context
            | {
                "reader": reader,
                "rows": theirs[:LISTED],
                "more": len(theirs[LISTED:]),
                "count": len(theirs),
                "by": "l'assistance" if actor and actor.is_staff else actor,
                "link": absolute_url("attachments:handover", theirs[0].reference),
            },
        }
        for reader, theirs in told.items()
    ]
    notify_all(slug, mails)


def send_transferred(rows, *, actor):
    """To both: who is the principal manager from now on, what the outgoing one keeps, and until when it is undone."""
    purposes = ("Vous n'êtes plus gestionnaire principal", "Vous êtes gestionnaire principal")
    _send_of_handovers("transferred", purposes, rows, actor=actor, hours=settings.TRANSFER_UNDO_HOURS)


def send_handovers_planned(rows, *, actor):
    """To both: who hands over to whom, when, and that either can cancel it until then."""
    purposes = ("Votre transmission est prévue", "Vous serez gestionnaire principal")
    _send_of_handovers("handover_planned", purposes, rows, actor=actor, day=rows[0].takes_effect_on)


def send_transfers_undone(rows, *, actor):
    """To both: who is the principal manager again."""
    _send_of_handovers("transfer_undone", ["Une transmission est défaite"] * 2, rows, actor=actor)


def send_handovers_ended(rows, *, actor, reason=""):
    """To both: what was planned will not be, and why when nobody cancelled it."""
    purposes = ["Une transmission prévue n'aura pas lieu"] * 2
    _send_of_handovers("handover_ended", purposes, rows, actor=actor, cause=CAUSES.get(reason, ""))
