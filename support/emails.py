"""Mails of tickets: to whoever asks, to support, to the principal manager whom a claim would replace."""

from django.conf import settings
from django.core import signing

from notifications.actions import notify
from plumbing.addresses import absolute_url

# Of the links by which somebody without a login follows their ticket (SALT signs them).
SALT = "support.follow"
LINK_DAYS = 90


def follow_link(ticket):
    return absolute_url("support:follow", signing.dumps(ticket.pk, salt=SALT))


def _link(ticket):
    return absolute_url("support:ticket", ticket.reference) if ticket.author_id else follow_link(ticket)


def _to_asker(slug, ticket, purpose, **context):
    author = ticket.author
    notify(
        slug,
        to=ticket.address,
        user=author,
        purpose=purpose,
        reference=ticket.reference,
        context={
            "ticket": ticket,
            "greeting": author.greeting if author else "Bonjour,",
            "link": _link(ticket),
            # What people write goes to addresses that somebody who reads them confirmed.
            "shows_words": ticket.is_confirmed,
            **context,
        },
    )


def _to_support(slug, ticket, purpose, **context):
    notify(
        slug,
        to=settings.SUPPORT_EMAIL,
        purpose=purpose,
        reference=ticket.reference,
        context={
            "ticket": ticket,
            "facts": [
                ("De", ticket.asker),
                ("Adresse", ticket.address),
                ("Catégorie", ticket.get_category_display()),
                *([("Structure", str(ticket.structure))] if ticket.structure else []),
            ],
            "link": absolute_url("admin:support_ticket_change", ticket.pk),
            **context,
        },
    )


def send_ticket_received(ticket):
    """To whoever asks: it is with support; how to follow it."""
    _to_asker("ticket_received", ticket, "Votre sollicitation est envoyée")


def send_ticket_answered(ticket, message):
    """To whoever asks: what support answers, and whether something is asked of them or it is closed."""
    purposes = {
        "action_required": "L'assistance attend votre réponse",
        "solved": "Votre sollicitation est clôturée",
    }
    _to_asker(
        "ticket_answered",
        ticket,
        purposes.get(ticket.status, "L'assistance vous répond"),
        message=message,
        files=[file.original_name for file in message.files.all()],
    )


def send_ticket_to_support(ticket, message, *, again=False, reopened=False):
    """To support: somebody asks, or writes again."""
    purpose = "Une sollicitation est rouverte" if reopened else "Une sollicitation attend l'assistance"
    _to_support("ticket_to_support", ticket, purpose, message=message, again=again, reopened=reopened)


def send_ticket_closed_to_support(ticket):
    """To support: whoever asked needs nothing more."""
    _to_support("ticket_withdrawn", ticket, "Une sollicitation est clôturée par son auteur")


def send_claim_warning(ticket):
    """To the sitting manager: who asks to have them replaced, by whom, and until when they may object."""
    manager = ticket.sitting_manager
    notify(
        "claim_warning",
        to=manager.mail_address,
        user=manager,
        purpose="On demande à vous remplacer comme gestionnaire principal",
        reference=ticket.reference,
        context={
            "ticket": ticket,
            "manager": manager,
            "facts": [
                ("Demandé par", str(ticket.author)),
                ("Nouveau gestionnaire", ticket.answers.get("target_name", "")),
            ],
            "link": absolute_url("support:object", ticket.reference),
        },
    )


def send_claim_closed(ticket):
    """To the manager who was warned of a claim: it is closed, and replaces nobody."""
    if ticket.transferred_at is None:
        _to_manager("claim_closed", ticket, "La demande de vous remplacer est close")


def send_claim_overruled(ticket):
    """To the manager who objected, or could still: support replaced them all the same, and why."""
    answers = "L'assistance répond à votre opposition" if ticket.objected_at else "Pourquoi l'assistance vous remplace"
    _to_manager("claim_overruled", ticket, answers)


def _to_manager(slug, ticket, purpose):
    manager = ticket.sitting_manager
    if manager is None:
        return
    notify(
        slug,
        to=manager.mail_address,
        user=manager,
        purpose=purpose,
        reference=ticket.reference,
        context={"ticket": ticket, "manager": manager, "link": absolute_url("support:object", ticket.reference)},
    )


def send_claim_objected(ticket):
    """To support, with the reason, and to whoever asks, without it."""
    _to_support("claim_objected", ticket, "Un gestionnaire s'oppose à son remplacement")
    _to_asker("claim_contested", ticket, "Le gestionnaire actuel s'oppose au changement")
