from attachments.forms.people import AttachForm, DetachForm, InviteForm, PlaceForm
from attachments.forms.requests import (
    PER_SERVICE,
    WHOLE,
    AskingForm,
    DayField,
    DecisionForm,
    RefusalForm,
    ScopeForm,
)

__all__ = [
    "PER_SERVICE",
    "WHOLE",
    "AskingForm",
    "AttachForm",
    "DayField",
    "DecisionForm",
    "DetachForm",
    "InviteForm",
    "PlaceForm",
    "RefusalForm",
    "ScopeForm",
]
