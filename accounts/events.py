"""What the apps above learn of an account's life, inside the transaction that changes it.

`account_locking` (user_id) comes first: the account is about to be locked to change its state.
Receivers that will touch the person's roles lock those structures now, in the order of their keys:
structures are always locked before accounts, or two people would wait for each other (deadlock).

To be asked, receivers returning a list of `plumbing.facts.Fact`: `account_deactivating` (user), what stands in the
way (`blocks`) and what will be lost; `identity_keepers_asked` (user): who can correct what the PIGP keeps of them.

To be asked, receivers locking as for `account_locking` and returning keys: `accounts_closing` (user_ids), which
accounts must stay as they are.

To be told: `account_activated`, `account_deactivated`, `account_reactivated` (user) and `accounts_closed` (users,
cause), each with `actor`, None when the portal acted by itself; `accounts_anonymised` (users, addresses), the accounts
as they were, and the login addresses that were theirs and are nobody else's.
"""

from django.dispatch import Signal

account_locking = Signal()
identity_keepers_asked = Signal()
account_deactivating = Signal()
account_activated = Signal()
account_deactivated = Signal()
account_reactivated = Signal()
accounts_closing = Signal()
accounts_closed = Signal()
accounts_anonymised = Signal()
