import logging
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils.timezone import now

from history.append_only import REFUSAL
from history.chain import entry_digest, seal_digest
from history.models import HistoryEntry, HistorySeal
from plumbing.workers import wake

logger = logging.getLogger(__name__)
SEAL = "history.tasks.seal"
SEALED_AT_ONCE = 1_000
# Entries this far behind the last one sealed are looked for at every turn: their transaction took its time. What
# is further behind, or was written when no worker was there, is for the hourly turn over everything.
OVERLAP = 10_000


# What the database says to a worker before whom another came: PostgreSQL its constraint, SQLite its trigger.
SEALED_BY_ANOTHER = ("history_historyseal_pkey", "history_historyseal_entry_id_key", REFUSAL)


def record(event, *, actor=None, subject=None, structure=None, reference="", **data):
    """Add one entry to the history, in the caller's transaction.

    `actor` is None when the portal acted by itself, or for a visitor without an account. `data` says
    what exactly was done, as facts: see `history.data`; what is empty is left out.
    """
    entry = _entry(event, actor=actor, subject=subject, structure=structure, reference=reference, **data)
    entry.save()
    wake(SEAL)
    return entry


def record_all(event, entries, *, actor=None):
    """Add one entry for each of `entries` (what `record` takes), in a number of queries that does not grow."""
    HistoryEntry.objects.bulk_create([_entry(event, actor=actor, **entry) for entry in entries])
    wake(SEAL)


def _entry(event, *, actor, subject=None, structure=None, reference="", **data):
    entry = HistoryEntry(
        uid=uuid4(),
        created_at=now(),
        event=event,
        actor=actor,
        subject=subject,
        structure=structure,
        reference=reference,
        data={name: value for name, value in data.items() if value not in ("", None, [], (), {})},
    )
    entry.digest = entry_digest(entry.version, entry.content)
    return entry


def seal_entries(*, everything=False):
    """Give each entry that is committed, and has none yet, its place in the chain: its seal.

    Apart from the action that recorded it, and after it. The chain has one end, which each seal needs to know:
    sealed within the action, all actions of the portal would wait for one another at it, each until the other's
    commit, and two that meet in different orders would wait for ever. Here nothing is locked: who comes second
    finds the position taken, and leaves the rest to the first and to the next turn. Nor is anything lost when the
    process dies: an entry without a seal is found again.

    An entry whose own digest is wrong was not written by the portal, and gets no seal.
    """
    head, refused = HistorySeal.objects.head(), []
    start = 0 if everything or head is None else head.entry_id - OVERLAP
    try:
        while lot := list(HistoryEntry.objects.unsealed(start).order_by("pk")[:SEALED_AT_ONCE]):
            _append([entry for entry in lot if entry.is_genuine])
            refused += [entry.pk for entry in lot if not entry.is_genuine]
            start = lot[-1].pk
    except IntegrityError as error:
        if not any(name in str(error) for name in SEALED_BY_ANOTHER):
            raise
        logger.info("another worker seals the history")
    if refused:
        logger.error("history: not written by the portal, not sealed: %s", refused[:20])


@transaction.atomic
def _append(entries):
    if not entries:
        return
    head, seals = HistorySeal.objects.head(), []
    position, digest = (head.position, head.digest) if head else (0, "")
    for entry in entries:
        position += 1
        digest = seal_digest(digest, position, entry.pk, entry.digest)
        seals.append(HistorySeal(position=position, entry=entry, digest=digest))
    HistorySeal.objects.bulk_create(seals)
    # Kept elsewhere than the database, this says what its last lines were: `verify_history --head`.
    transaction.on_commit(lambda: logger.info("history sealed: %s:%s", position, digest), robust=True)
