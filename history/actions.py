from history.models import HistoryEntry


def record(event, *, actor=None, subject=None, structure=None, reference="", **data):
    """Add one entry to the history, in the caller's transaction.

    `actor` is None when the portal acted by itself, or for a visitor without an account. `data` says
    what exactly was done, as facts: see `history.data`; what is empty is left out.
    """
    entry = _entry(event, actor=actor, subject=subject, structure=structure, reference=reference, **data)
    entry.save()
    return entry


def record_all(event, entries, *, actor=None):
    """Add one entry for each of `entries` (what `record` takes), in a number of queries that does not grow."""
    HistoryEntry.objects.bulk_create([_entry(event, actor=actor, **entry) for entry in entries])


def _entry(event, *, actor, subject=None, structure=None, reference="", **data):
    return HistoryEntry(
        event=event,
        actor=actor,
        subject=subject,
        structure=structure,
        reference=reference,
        data={name: value for name, value in data.items() if value not in ("", None, [], (), {})},
    )
