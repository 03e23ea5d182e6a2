from structures.forms.bank_accounts import BankAccountForm
from structures.forms.fields import ServicesField
from structures.forms.services import ServiceForm

__all__ = ["BankAccountForm", "ServiceForm", "ServicesField"]
