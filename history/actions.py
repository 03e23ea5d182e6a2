from history.models import HistoryEntry


def record(event, *, actor=None, subject=None, structure=None, reference="", **data):
    """Add one entry to the history, in the caller's transaction.

    `actor` is None when the portal acted by itself, or for a visitor without an account. `data` says
    what exactly was done, as facts: see `history.data`; what is empty is left out.
    """
    return HistoryEntry.objects.create(
        event=event,
        actor=actor,
        subject=subject,
        structure=structure,
        reference=reference,
        data={name: value for name, value in data.items() if value not in ("", None, [], (), {})},
    )
