from attachments.forms.people import AttachForm, DetachForm, FileForm, InviteForm, LineForm, PlaceForm
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
    "FileForm",
    "InviteForm",
    "LineForm",
    "PlaceForm",
    "RefusalForm",
    "ScopeForm",
]
