"""What the apps above learn of people's places in structures, inside the transaction that changes them.

`attachments_started`, `attachments_ended` (attachments), `roles_changed` (changed: pairs of an attachment and its role
before), `scope_changed` (attachments) and, once for all that one act changes, `principals_changed` (structures): sent
by `attachments.actions.attachments`, each with `actor`, None when the portal acted by itself. `transfers_undone`
(handovers), their structures locked, is sent by `attachments.actions.transfers`; `place_duplicated` (source,
attachments), once others have got what the source gives. `duplication_asked` (source, actor) asks what goes along with
it, as Facts.

To be asked, receivers returning a list of `plumbing.facts.Fact`: `claims_asked` (structures, by their keys), what was
asked of support for one of them whose manager is gone, a Fact whose `who` is the structure's key and the address of
what is to be seen to.

What a structure's new identifier copies is told by `structures.events.identifier_changing` instead.
"""

from django.dispatch import Signal

attachments_started = Signal()
attachments_ended = Signal()
roles_changed = Signal()
scope_changed = Signal()
principals_changed = Signal()
transfers_undone = Signal()
claims_asked = Signal()
place_duplicated = Signal()
duplication_asked = Signal()
