from attachments.forms.people import AttachForm, DetachForm, FileForm, InviteForm, LineForm, PlaceForm
from attachments.forms.requests import (
    PER_SERVICE,
    WHOLE,
    AskingForm,
    DayField,
    DecisionForm,
    HistoryForm,
    MotiveForm,
    RefusalForm,
    ScopeForm,
)
from attachments.forms.rights import (
    DeputyForm,
    ExtensionForm,
    HandoverDayForm,
    PersonalRightsForm,
    SecondaryRightsForm,
    TogetherExtensionForm,
)

__all__ = [
    "PER_SERVICE",
    "WHOLE",
    "AskingForm",
    "AttachForm",
    "DayField",
    "DecisionForm",
    "DeputyForm",
    "DetachForm",
    "ExtensionForm",
    "FileForm",
    "HandoverDayForm",
    "HistoryForm",
    "InviteForm",
    "LineForm",
    "MotiveForm",
    "PersonalRightsForm",
    "PlaceForm",
    "RefusalForm",
    "ScopeForm",
    "SecondaryRightsForm",
    "TogetherExtensionForm",
]
