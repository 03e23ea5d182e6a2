"""Mails about a place in a structure: given, changed, about to end, ended."""

from django.utils.formats import date_format

from attachments.emails.writing import LISTED, write, write_all
from notifications.actions import notify_all
from plumbing.addresses import absolute_url


def send_attachments_ended(user, attachments, *, by_self=False, by_dates=False, reason=""):
    """To somebody whose places in structures are ended: by themselves, by their last day, or by somebody else."""
    several = len(attachments) > 1
    write(
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


def send_attached(told, *, by, comment=""):
    """To people who were attached to structures without having asked: by whom, where, as what.

    `told` is each one's attachments, by person.
    """
    link = absolute_url("attachments:my_attachments")
    write_all(
        "attached",
        [
            {
                "to": user.mail_address,
                "user": user,
                "purpose": f"{_attached(places)} à {'des structures' if len(places) > 1 else 'une structure'}",
                "reference": user.reference,
                "context": {
                    "reader": user,
                    "by": by,
                    "is_to_come": all(is_to_come(place) for place in places),
                    "places": [(place.structure, terms(place)) for place in places],
                    # Free text goes to addresses that somebody who reads them confirmed.
                    "comment": comment if user.was_ever_active else "",
                    "link": link,
                },
            }
            for user, places in told.items()
        ],
    )


def _attached(places):
    """« Vous êtes rattaché », « Vous serez rattaché le … » when that is still to come."""
    days = {place.starts_on for place in places}
    if not all(map(is_to_come, places)):
        return "Vous êtes rattaché"
    return f"Vous serez rattaché le {date_format(days.pop(), 'j F Y')}" if len(days) == 1 else "Vous serez rattaché"


def is_to_come(place):
    return place.standing == place.Standing.UPCOMING


def send_place_changed(attachment, *, before, by, rights=()):
    """To somebody whose place in a structure was changed: by whom, what it was and is, what a manager may do there.

    `before` is what `terms` said of it, `rights` the labels of what they may do for others.
    """
    user = attachment.user
    write(
        "place_changed",
        to=user.mail_address,
        user=user,
        purpose="Votre rattachement est modifié",
        reference=user.reference,
        context={
            "reader": user,
            "by": by,
            "structure": attachment.structure,
            "facts": _compared(before, terms(attachment)),
            "rights": rights,
            "link": absolute_url("attachments:my_attachments"),
        },
    )


def _compared(before, now):
    """The terms of a place, those that changed with what they were."""
    was, told = dict(before), dict(now)
    if "Jusqu'au" in was:
        told.setdefault("Jusqu'au", "sans limite")
    return [
        (label, value if was.get(label, "") == value else f"{value} (avant : {was.get(label, 'sans limite')})")
        for label, value in told.items()
    ]


def given(place):
    """(label, value) of a place for whoever an account was just made for: the structure first."""
    # As in emails/structure.html: a private name may be anything, and nobody confirmed this address yet.
    named = [("Structure", str(place.structure))] if place.structure.is_public else []
    return [*named, ("Identifiant", place.structure.full_identifier), *terms(place)]


def terms(attachment):
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
    write(
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


def send_attachments_extended(attachments):
    """To each of those whose place lasts longer than was said."""
    write_all(
        "attachment_extended",
        [
            {
                "to": attachment.user.mail_address,
                "user": attachment.user,
                "purpose": "Votre rattachement est prolongé",
                "reference": attachment.user.reference,
                "context": {"attachment": attachment},
            }
            for attachment in attachments
        ],
    )
