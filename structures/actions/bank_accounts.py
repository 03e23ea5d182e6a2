"""What happens to a structure's bank accounts. The history never holds a whole IBAN."""

from django.db import transaction

from history.models import Event
from structures.actions import parts
from structures.models import BankAccount
from structures.models.bank_accounts import hide_iban

JOURNALED = tuple(name for name in BankAccount.EDITABLE if name != "iban")


@transaction.atomic
def create_bank_account(structure_id, *, actor, values):
    """« Créer une coordonnée bancaire ». Raises ActionError on an inactive structure, or when the
    structure has that IBAN already."""
    account = BankAccount(structure_id=structure_id, **values)
    return parts.create(account, actor=actor, event=Event.BANK_ACCOUNT_CREATED, unique="iban", journaled=JOURNALED)


@transaction.atomic
def change_bank_account(account_id, *, actor, values, version):
    """« Modifier »: the Changes made. Raises ActionError when the structure has that IBAN already,
    ChangedMeanwhile when the page, of that `version`, no longer shows what is there."""
    account = parts.lock(BankAccount, account_id)
    return parts.change(
        account,
        values,
        version=version,
        actor=actor,
        event=Event.BANK_ACCOUNT_CHANGED,
        unique="iban",
        journaled=hide_iban,
    )


@transaction.atomic
def activate_bank_account(account_id, *, actor):
    account = parts.lock(BankAccount, account_id)
    return parts.switch(account, True, actor=actor, event=Event.BANK_ACCOUNT_ACTIVATED)


@transaction.atomic
def deactivate_bank_account(account_id, *, actor):
    account = parts.lock(BankAccount, account_id)
    return parts.switch(account, False, actor=actor, event=Event.BANK_ACCOUNT_DEACTIVATED)
