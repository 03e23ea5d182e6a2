"""What the apps above learn of an account's life, inside the transaction that changes it.

`account_locking` (user_id) comes first: the account is about to be locked to change its state.
Receivers that will touch the person's roles lock those structures now, in the order of their keys:
structures are always locked before accounts, or two people would wait for each other (deadlock).

To be asked, receivers returning a list of `plumbing.facts.Fact`: `account_deactivating` (user), what stands in the
way (`blocks`) and what will be lost; `identity_keepers_asked` (user): who can correct what the PIGP keeps of them.

To be told: `account_activated`, `account_deactivated`, `account_reactivated`, `account_closed` (user),
each with `actor`, None when the portal acted by itself.
"""

from django.dispatch import Signal

account_locking = Signal()
identity_keepers_asked = Signal()
account_deactivating = Signal()
account_activated = Signal()
account_deactivated = Signal()
account_reactivated = Signal()
account_closed = Signal()
