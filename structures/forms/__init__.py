from structures.forms.fields import ServicesField
from structures.forms.identified import IdentifiedForm
from structures.forms.structures import FoundingForm, IdentifierForm, StructureForm, UpdateForm

__all__ = ["FoundingForm", "IdentifiedForm", "IdentifierForm", "ServicesField", "StructureForm", "UpdateForm"]
