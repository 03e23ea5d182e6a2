"""Mails about spaces: one a person and a set, whatever number of lines it holds."""

from django.utils.formats import date_format

from notifications.actions import notify, notify_all
from plumbing.addresses import absolute_url
from spaces.models import by_person


def _lines(rows):
    """(space, what of it) of each line, as mails list them."""
    return [(str(row.space), f"{row.part}, {row.get_access_display().lower()}") for row in rows]


def send_subscription_asked(user, structure, rows, *, to, decider=None):
    """To who decides, support without a `decider`: who asks for which space, and from when."""
    notify(
        "subscription_asked",
        to=to,
        user=decider,
        purpose="Une demande d'abonnement vous attend",
        reference=rows[0].reference,
        context={
            "asker": user,
            "structure": structure,
            "decider": decider,
            "facts": [*_lines(rows), ("À partir du", date_format(rows[0].starts_on, "j F Y"))],
            # Free text goes to addresses that somebody who reads them confirmed.
            "comment": rows[0].comment if decider and decider.was_ever_active else "",
            "link": absolute_url("spaces:decide_subscriptions", rows[0].reference),
        },
    )


def send_subscriptions_decided(rows, *, by, comment="", reason=""):
    """To the people who asked, or were given: what is approved, and what is refused, for which `reason`. Not to who
    decides it.
    """
    _write_all("subscription_decided", rows, by=by, comment=comment, reason=reason)


def send_subscriptions_ended(rows, *, by, reason=""):
    """To the people who had these lines: they are taken back. Not to who did it."""
    _write_all("subscription_ended", rows, by=by, comment=reason)


def _purpose(slug, rows, refused):
    several = len(rows) > 1
    if slug == "subscription_ended":
        return "Vos abonnements sont désactivés" if several else "Votre abonnement est désactivé"
    if refused and len(refused) < len(rows):
        return "Vos abonnements sont validés en partie"
    verdict = "refusé" if refused else "validé"
    return f"Vos abonnements sont {verdict}s" if several else f"Votre abonnement est {verdict}"


def _refused(rows):
    return [row for row in rows if row.status == row.Status.REFUSED]


def _write_all(slug, rows, *, by, comment, reason=""):
    """Nobody who cannot log in yet is told: they will see what they have when they come."""
    link = absolute_url("spaces:my_subscriptions")
    notify_all(
        slug,
        [
            {
                "to": user.mail_address,
                "user": user,
                "purpose": _purpose(slug, theirs, refused),
                "reference": theirs[0].reference,
                "context": {
                    "reader": user,
                    "structure": structure,
                    "facts": _lines([row for row in theirs if row not in refused] or refused),
                    "refused": len(refused) == len(theirs),
                    # Beside what is approved.
                    "refusals": _lines(refused) if len(refused) < len(theirs) else [],
                    "comment": comment,
                    "reason": reason if refused else "",
                    "link": link,
                },
            }
            for user, structure, theirs in by_person(rows)
            if user.was_ever_active and user != by
            for refused in [_refused(theirs)]
        ],
    )
