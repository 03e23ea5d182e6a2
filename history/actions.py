from history.models import HistoryEntry


def record(event, *, actor=None, subject=None, structure=None, reference="", comment=""):
    """Add one line to the history, in the caller's transaction.

    `actor` is None when the portal acted by itself, or for a visitor without an account.
    """
    return HistoryEntry.objects.create(
        event=event, actor=actor, subject=subject, structure=structure, reference=reference, comment=comment
    )
