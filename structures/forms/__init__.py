from structures.forms.bank_accounts import BankAccountForm
from structures.forms.fields import ServicesField
from structures.forms.identified import IdentifiedForm
from structures.forms.search import SearchForm
from structures.forms.services import ServiceForm
from structures.forms.structures import FoundingForm, IdentifierForm, StructureForm, UpdateForm

__all__ = [
    "BankAccountForm",
    "FoundingForm",
    "IdentifiedForm",
    "IdentifierForm",
    "SearchForm",
    "ServiceForm",
    "ServicesField",
    "StructureForm",
    "UpdateForm",
]
