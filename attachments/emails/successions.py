"""Mails about who acts for the principal manager, or after them: suppléances and transfers."""

from django.db.models import Count

from attachments.emails.writing import LISTED, write, write_all
from attachments.models import AttachmentRequest
from history.data import CAUSES
from notifications.actions import notify_all
from plumbing.addresses import absolute_url


def send_deputy_named(held, *, reader, principal):
    """To the deputy and to the `principal` manager: who stands in for whom, and until when."""
    write(
        "deputy_named",
        to=reader.mail_address,
        user=reader,
        purpose="Vous suppléez un gestionnaire principal" if reader == held.deputy else "Votre suppléant est désigné",
        reference=reader.reference,
        context={
            "held": held,
            "reader": reader,
            "principal": principal,
            "is_deputy": reader == held.deputy,
            "link": absolute_url("home"),
        },
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
    write_all("deputy_ended", mails)


def _send_of_handovers(slug, purposes, rows, *, actor, **context):
    """To both of each, in one mail for all they have in `rows`: `purposes` is the subject for who goes, and who comes.

    Who was never seen reads none of these.
    """
    told = {}
    for row in sorted(rows, key=lambda row: row.structure.legal_name_key):
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
                "by_support": bool(actor and actor.is_staff),
                "by_reader": actor == reader,
                "takes": (takes := [row for row in theirs if row.successor_id == reader.pk]),
                "waiting": sum(getattr(row, "waiting", 0) for row in takes),
                "requests_link": absolute_url("attachments:pending_requests"),
                "link": absolute_url("attachments:handover", theirs[0].reference),
            },
        }
        for reader, theirs in told.items()
    ]
    notify_all(slug, mails)


def send_transferred(rows, *, actor):
    """To both: who is the principal manager from now on, by whom; what each may do now, and until when it is undone."""
    purposes = ("Vous n'êtes plus gestionnaire principal", "Vous êtes gestionnaire principal")
    pending = AttachmentRequest.objects.pending().filter(structure__in=[row.structure_id for row in rows])
    waiting = dict(pending.order_by().values_list("structure").annotate(Count("pk")))
    for row in rows:
        row.waiting = waiting.get(row.structure_id, 0)
    undoable = {"until": rows[0].undoable_until, "decided_by_support": rows[0].is_by_support}
    _send_of_handovers("transferred", purposes, rows, actor=actor, **undoable)


def send_handovers_planned(rows, *, actor):
    """To both: who hands over to whom, when, and that either can cancel it until then."""
    purposes = ("Votre transmission est prévue", "Vous serez gestionnaire principal")
    _send_of_handovers("handover_planned", purposes, rows, actor=actor, day=rows[0].takes_effect_on)


def send_transfers_undone(rows, *, actor):
    """To both: who is the principal manager again."""
    _send_of_handovers("transfer_undone", ["Une transmission est défaite"] * 2, rows, actor=actor)


def send_handovers_ended(rows, *, actor, reason=""):
    """To both: what was planned will not be, why when nobody cancelled it, and what who stays can do then."""
    purposes = ["Une transmission prévue n'aura pas lieu"] * 2
    if reason == "successor_unable":
        purposes[0] = "Choisissez un autre successeur"
    told = {"cause": CAUSES.get(reason, ""), "names_again": reason == "successor_unable"}
    _send_of_handovers("handover_ended", purposes, rows, actor=actor, **told)
