"""The matrix, edited in place: what is ticked is given, what is unticked taken back."""

from django.db import transaction

from attachments.actions.rows import lock_structure
from plumbing.batches import Batch
from plumbing.errors import ActionError
from spaces.actions.decisions import end, give


@transaction.atomic
def change_cells(sheet, *, actor, given, taken, seen, reason=""):
    """Give the Lines `given`, end the subscriptions `taken` (their ids), for this reason: a Batch.

    `sheet` (spaces.matrix.Sheet) is what was shown, `seen` its version then: ActionError when a colleague was faster.
    """
    lock_structure(sheet.structure_id)
    if sheet.version != seen:
        raise ActionError(
            "changed_meanwhile", "Ces abonnements ont changé entre-temps : voici où ils en sont. Recommencez."
        )
    begun, ended = give(given, actor=actor), end(taken, actor=actor, reason=reason)
    return Batch(begun.done + ended.done, begun.skipped + ended.skipped)
