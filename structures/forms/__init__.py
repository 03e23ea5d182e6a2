from structures.forms.fields import ServicesField
from structures.forms.identified import IdentifiedForm
from structures.forms.search import SearchForm
from structures.forms.structures import FoundingForm, IdentifierForm, StructureForm, UpdateForm

__all__ = [
    "FoundingForm",
    "IdentifiedForm",
    "IdentifierForm",
    "SearchForm",
    "ServicesField",
    "StructureForm",
    "UpdateForm",
]
