"""The matrix, edited in place: what is ticked is given, what is unticked taken back."""

from django.db import transaction

from plumbing.errors import ActionError
from spaces.actions.decisions import end, give
from spaces.actions.rows import Result, lock_structure


@transaction.atomic
def change_cells(page, *, actor, given, taken, seen, reason=""):
    """Give the Lines `given`, end the subscriptions `taken` (their ids), for this reason: a Result.

    `page` (spaces.matrix.Page) is what was shown and `seen` its version then: ActionError when a colleague was faster.
    """
    lock_structure(page.structure_id)
    if page.version != seen:
        raise ActionError(
            "changed_meanwhile", "Ces abonnements ont changé entre-temps : voici où ils en sont. Recommencez."
        )
    results = [give(given, actor=actor), end(taken, actor=actor, reason=reason)]
    return Result([row for result in results for row in result.done], [row for r in results for row in r.skipped])
